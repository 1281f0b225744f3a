/**
 * @file Which part each axis of steps plays in a stream. `x[t] · x[s]` reads one array twice: along t the steps at hand
 * are enough, along s all steps so far are needed. From what the outputs need, roles are found for everything.
 */

import type { Graph, Instr, Value, ValueId } from "../ir/types.js";

/** `now`: the steps at hand. `past`: all steps so far, those included. */
export type Role = "now" | "past";

/** One entry an axis; undefined for those that are not over the streamed length. */
export type Roles = readonly (Role | undefined)[];

export const isPast = (roles: Roles): boolean => roles.includes("past");

/** Every axis over the length in one role. */
export function uniformRoles(value: Value, length: string, role: Role): Roles {
  return value.type.shape.map((dim) => (dim === length ? role : undefined));
}

/** Values in the roles in which they are needed. */
export class Demands {
  readonly #wanted = new Map<ValueId, Map<string, Roles>>();

  add(value: Value, roles: Roles): void {
    const known = this.#wanted.get(value.id) ?? new Map<string, Roles>();
    this.#wanted.set(value.id, known.set(roles.join(), roles));
  }

  of(value: Value): readonly Roles[] {
    return [...(this.#wanted.get(value.id)?.values() ?? [])];
  }
}

/** Ops that are as well computed for all steps so far, where they depend on positions alone. */
const COMPUTED_ANEW: ReadonlySet<string> = new Set(["iota", "concat", "slice"]);

/**
 * Whether a value that is needed for all steps so far is made from its operands for all steps so far; otherwise it is
 * computed step by step and cached.
 * @param timed whether it depends on data that come step by step.
 */
export function isComputedAnew(instr: Instr, roles: Roles, timed: boolean, pointwise: boolean): boolean {
  if (roles.includes("now") || instr.op === "broadcast") return instr.op !== "scan";
  return !timed && (pointwise || COMPUTED_ANEW.has(instr.op));
}

/** The roles of each operand's axes, given those of the result. What is summed over, is so over the past. */
export function operandRoles(instr: Instr, out: Roles, length: string): readonly Roles[] {
  const summed = (value: Value, axis: number): Role | undefined => {
    if (value.type.shape[axis] !== length) return undefined;
    return out.includes("now") ? "past" : "now";
  };
  switch (instr.op) {
    case "broadcast":
      return [instr.attrs.axes.map((axis) => out[axis])];
    case "reduce": {
      const { axes } = instr.attrs;
      const kept = out[Symbol.iterator]();
      const [value] = instr.args;
      return [value.type.shape.map((_, axis) => (axes.includes(axis) ? summed(value, axis) : kept.next().value))];
    }
    case "contract": {
      const { lhs, rhs, out: labels } = instr.attrs;
      return [lhs, rhs].map((own, i) =>
        [...own].map((label, axis) => {
          const at = labels.indexOf(label);
          return at >= 0 ? out[at] : summed(instr.args[i], axis);
        }),
      );
    }
    case "gather": {
      const [table, index] = instr.args;
      const rank = index.type.shape.length;
      return [[table.type.shape[0] === length ? "now" : undefined, ...out.slice(rank)], out.slice(0, rank)];
    }
    case "scan":
      return instr.args.map((arg) => uniformRoles(arg, length, "now"));
    default:
      return instr.args.map(() => out);
  }
}

/** The name of the first named value that `value` leads to, for messages. */
export function nearestName(graph: Graph, value: Value): string | undefined {
  if (value.hint !== undefined) return value.hint;
  const reached = new Set([value.id]);
  for (const instr of graph.instrs) {
    if (!instr.args.some((arg) => reached.has(arg.id))) continue;
    for (const result of instr.results) {
      if (result.hint !== undefined) return result.hint;
      reached.add(result.id);
    }
  }
  return graph.results.find((result) => reached.has(result.value.id))?.name;
}
