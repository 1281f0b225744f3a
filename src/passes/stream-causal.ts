/**
 * @file What is known of values at pairs of a present step t and a later step s > t: the proof that a sum or maximum over
 * all steps takes in the past alone. Masks are read off comparisons of positions, and followed from there.
 */

import { ndarray } from "../ir/ndarray.js";
import { evaluate, registry } from "../ir/registry.js";
import { type Instr, type ReduceKind, ROOM, type Value, type ValueId } from "../ir/types.js";

/** A number that depends on positions alone: t · (present step) + s · (other step) + constant. */
interface Position {
  readonly t: number;
  readonly s: number;
  readonly constant: number;
}

/** What adds nothing to a sum, a maximum, a minimum. */
export const NEUTRAL: { readonly [K in ReduceKind]: number } = {
  sum: 0,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
};

export class Causality {
  readonly #positions = new Map<ValueId, Position>();
  readonly #later = new Map<ValueId, number>();

  /** `value` is the number of the present step. */
  isPresent(value: Value): void {
    this.#positions.set(value.id, { t: 1, s: 0, constant: 0 });
  }

  /** `value` is the number of the other step. */
  isOther(value: Value): void {
    this.#positions.set(value.id, { t: 0, s: 1, constant: 0 });
  }

  /** The one number (bools as 0 and 1) that the value has wherever the other step is later, if it has one. */
  later(value: Value): number | undefined {
    return this.#later.get(value.id);
  }

  /** Notes what follows for the result of an instruction whose operands are known already. */
  learn(instr: Instr): void {
    const [result] = instr.results;
    const position = this.#positionOf(instr);
    if (position !== undefined) this.#positions.set(result.id, position);
    const later = this.#laterOf(instr);
    if (later !== undefined) this.#later.set(result.id, later);
  }

  #positionOf(instr: Instr): Position | undefined {
    if (instr.op === "const") return { t: 0, s: 0, constant: instr.attrs.value };
    const [a, b] = instr.args.map((arg) => this.#positions.get(arg.id));
    if (a === undefined) return undefined;
    switch (instr.op) {
      case "broadcast":
      case "slice":
      case "to_f32":
        return a;
      case "neg":
        return scaled(a, -1);
      case "add":
        return b && sum(a, b);
      case "sub":
        return b && sum(a, scaled(b, -1));
      case "mul":
        if (b === undefined) return undefined;
        if (isConstant(a)) return scaled(b, a.constant);
        return isConstant(b) ? scaled(a, b.constant) : undefined;
      case "div":
        return b && isConstant(b) && b.constant !== 0 ? scaled(a, 1 / b.constant) : undefined;
      default:
        return undefined;
    }
  }

  #laterOf(instr: Instr): number | undefined {
    const args = instr.args.map((arg) => this.#later.get(arg.id));
    if (instr.op === "const") return instr.attrs.value;
    if (registry[instr.op].lowering === "pointwise")
      return this.#compared(instr) ?? absorbed(instr, args) ?? folded(instr, args);
    switch (instr.op) {
      case "broadcast":
      case "slice":
        return args[0];
      case "concat":
        return args.every((arg) => arg === args[0]) ? args[0] : undefined;
      // Not where the axis of other steps goes: the result is of the present step alone.
      case "reduce":
        return keepsPairs(instr) && args[0] === NEUTRAL[instr.attrs.kind] ? args[0] : undefined;
      case "contract":
        return keepsPairs(instr) && args.includes(0) ? 0 : undefined;
      default:
        return undefined;
    }
  }

  /** Comparisons of positions whose difference d has a known sign, t being at least 0 and s at least t + 1. */
  #compared({ op, args }: Instr): number | undefined {
    const [a, b] = args.map((arg) => this.#positions.get(arg.id));
    if (a === undefined || b === undefined) return undefined;
    const d = sum(a, scaled(b, -1));
    const corner = d.s + d.constant;
    const least = d.s >= 0 && d.s + d.t >= 0 ? corner : -Infinity;
    const most = d.s <= 0 && d.s + d.t <= 0 ? corner : Infinity;
    const decide = (yes: boolean, no: boolean) => (yes ? 1 : no ? 0 : undefined);
    switch (op) {
      case "lt":
        return decide(most < 0, least >= 0);
      case "le":
        return decide(most <= 0, least > 0);
      case "gt":
        return decide(least > 0, most <= 0);
      case "ge":
        return decide(least >= 0, most < 0);
      case "eq":
        return decide(false, least > 0 || most < 0);
      case "ne":
        return decide(least > 0 || most < 0, false);
      default:
        return undefined;
    }
  }
}

const keepsPairs = (instr: Instr) => instr.results[0].type.shape.includes(ROOM);

const isConstant = ({ t, s }: Position) => t === 0 && s === 0;

function sum(a: Position, b: Position): Position {
  return { t: a.t + b.t, s: a.s + b.s, constant: a.constant + b.constant };
}

function scaled({ t, s, constant }: Position, by: number): Position {
  return { t: t * by, s: s * by, constant: constant * by };
}

/** Where some operands decide alone; the others are finite. */
function absorbed({ op }: Instr, args: readonly (number | undefined)[]): number | undefined {
  const [a, b, c] = args;
  const infinite = (x: number | undefined) => x !== undefined && Math.abs(x) === Infinity;
  const unknown = args.includes(undefined);
  switch (op) {
    case "mul":
    case "and":
      return args.includes(0) ? 0 : undefined;
    case "or":
      return args.includes(1) ? 1 : undefined;
    case "div":
      return a === 0 && b === undefined ? 0 : undefined;
    case "select":
      if (a === undefined) return b === c ? b : undefined;
      return a === 1 ? b : c;
    case "add":
      return unknown ? args.find(infinite) : undefined;
    case "sub":
      if (unknown && infinite(a)) return a;
      return unknown && b !== undefined && infinite(b) ? -b : undefined;
    case "min":
      return args.includes(-Infinity) ? -Infinity : undefined;
    case "max":
      return args.includes(Infinity) ? Infinity : undefined;
    default:
      return undefined;
  }
}

function folded(instr: Instr, args: readonly (number | undefined)[]): number | undefined {
  const known = args.flatMap((arg) => (arg === undefined ? [] : [ndarray([], [arg])]));
  if (known.length < args.length) return undefined;
  const context = { lengths: {}, run: () => [] };
  const [value] = evaluate(instr, known, context)[0].data;
  return Number.isNaN(value) ? undefined : value;
}
