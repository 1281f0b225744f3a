/** @file Why a model cannot be run some steps at a time, in words that name the culprit. */

import { captured, definitions, reads } from "../ir/traverse.js";
import type { Graph, Instr, ReduceKind, Value } from "../ir/types.js";
import { nearestName } from "./stream-roles.js";

/** Thrown where the streaming form cannot be made; the message is the reason. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Refuses with a reason and the name of the nearest value. */
export function refuse(reason: string, graph: Graph, culprit: Value): never {
  const name = nearestName(graph, culprit);
  throw new Refusal(name === undefined ? reason : `${reason}, in \`${name}\``);
}

const KIND: { readonly [K in ReduceKind]: string } = { sum: "a sum", max: "a maximum", min: "a minimum" };

/** What a reduction or contraction does, as its author may have written it. */
export function nameReduction(instr: Instr<"reduce"> | Instr<"contract">, graph: Graph): string {
  if (instr.op === "contract") return KIND.sum;
  const { kind } = instr.attrs;
  return kind === "max" && isPeak(instr.results[0], graph) ? "a softmax or logsumexp" : KIND[kind];
}

/** Whether the value is taken off something before its exponential, as a stable softmax does with its maximum. */
function isPeak(value: Value, graph: Graph): boolean {
  const defined = definitions(graph.instrs);
  const origin = (v: Value): Value => {
    const instr = defined.get(v.id);
    return instr?.op === "broadcast" || instr?.op === "stop_gradient" ? origin(instr.args[0]) : v;
  };
  return graph.instrs.some((instr) => {
    if (instr.op !== "exp") return false;
    const inner = defined.get(instr.args[0].id);
    return inner?.op === "sub" && origin(inner.args[1]).id === value.id;
  });
}

/** What in the body of a loop keeps the loop from running over some steps of `length` only. */
export function bodyObstacle(loop: Instr<"scan">, length: string): string | undefined {
  const { attrs } = loop;
  if (attrs.length === length) {
    if (attrs.reverse) return `a scan reverse over ${length}`;
    const whole = [...captured(attrs.body), ...attrs.body.params];
    if (whole.some((value) => value.type.shape.includes(length))) return `all of ${length} read at every step`;
  }
  for (const instr of attrs.body.instrs) {
    const reason = innerObstacle(instr, length);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function innerObstacle(instr: Instr, length: string): string | undefined {
  const over = (value: Value, axis: number) => value.type.shape[axis] === length;
  if (instr.op === "length") {
    return instr.attrs.name === length ? `the number of steps ${length} within a scan` : undefined;
  }
  if (instr.op === "scan") {
    return instr.attrs.length === length ? `a scan over ${length} within a scan` : bodyObstacle(instr, length);
  }
  const mixes = (() => {
    switch (instr.op) {
      case "iota":
        return over(instr.results[0], instr.attrs.axis);
      case "reduce":
        return instr.attrs.axes.some((axis) => over(instr.args[0], axis));
      case "contract": {
        const { lhs, out } = instr.attrs;
        return [...lhs].some((label, axis) => !out.includes(label) && over(instr.args[0], axis));
      }
      case "shift":
        return over(instr.args[0], instr.attrs.axis);
      case "gather":
        return reads(instr)[0].type.shape.includes(length);
      default:
        return false;
    }
  })();
  const pairs = instr.results.some(({ type }) => type.shape.filter((dim) => dim === length).length > 1);
  return mixes || pairs ? `steps of ${length} that meet within a scan over another length` : undefined;
}
