/**
 * @file Values of the IR as terms: whole arrays where the operators of the language can say it, else elements in index
 * notation. The batch is not written, as in the language.
 */

import { BATCH, type Dim, type Instr, type ReduceKind, type Value, type ValueId } from "../ir/types.js";
import { InternalError, present } from "../support/assert.js";
import type { IndexNames } from "./indices.js";
import { pointwiseTerm } from "./pointwise.js";
import {
  call,
  guarded,
  isNumber,
  matmul,
  type Name,
  number,
  outer,
  reduction,
  symbol,
  type Term,
  times,
} from "./term.js";

/** What the notation must know of a graph. */
export interface Surroundings {
  readonly definitions: ReadonlyMap<ValueId, Instr>;
  /** The name under which a value is read, if it is not written out. */
  nameOf(value: Value): Name | undefined;
  /** A number, by the sizes that it comes from where they are known. */
  numberTerm(value: number): Term;
}

/** The shape as the language has it. */
export function shown(value: Value): readonly Dim[] {
  return value.type.shape.filter((dim) => dim !== BATCH);
}

/** An index for each axis; none for the batch. */
type Place = readonly (Term | undefined)[];

export class Notation {
  constructor(
    readonly around: Surroundings,
    readonly indices: IndexNames,
  ) {}

  /** The definition of a value, as a whole array; undefined where only index notation can say it. */
  whole(value: Value): Term | undefined {
    return this.#whole(this.#definition(value));
  }

  /** The definition of a value at indices, one an axis of `shown`. */
  element(value: Value, at: readonly string[]): Term {
    const rest = at.map(symbol);
    const place = value.type.shape.map((dim) => (dim === BATCH ? undefined : rest.shift()));
    return this.#element(this.#definition(value), place);
  }

  #definition(value: Value): Instr {
    return present(this.around.definitions.get(value.id), "explain", `the definition of %${value.id}`);
  }

  #readWhole(value: Value): Term | undefined {
    const name = this.around.nameOf(value);
    return name === undefined ? this.#whole(this.#definition(value)) : { kind: "read", name, at: [] };
  }

  /** What is the same at every place. */
  #leaf(instr: Instr<"const" | "length" | "training" | "random">): Term {
    switch (instr.op) {
      case "const":
        return this.around.numberTerm(instr.attrs.value);
      case "length":
        return lengthSymbol(instr.attrs.name);
      case "training":
        return symbol(instr.op);
      case "random":
        return call(instr.op, this.around.numberTerm(instr.attrs.stream));
    }
  }

  #whole(instr: Instr): Term | undefined {
    const [out] = instr.results;
    switch (instr.op) {
      case "const":
      case "length":
      case "training":
      case "random":
        return this.#leaf(instr);
      case "broadcast": {
        const [arg] = instr.args;
        const { axes } = instr.attrs;
        const ascending = axes.every((axis, i) => i === 0 || axes[i - 1] < axis);
        const scalar = shown(arg).length === 0;
        return scalar || (ascending && shown(arg).length === shown(out).length) ? this.#readWhole(arg) : undefined;
      }
      case "reduce": {
        const [arg] = instr.args;
        const inner = this.#readWhole(arg);
        if (inner === undefined || shown(arg).length === shown(out).length) return inner;
        const all = shown(out).length === 0;
        return all ? reduction(instr.attrs.kind, [], inner) : undefined;
      }
      case "contract":
        return this.#product(instr);
      case "concat": {
        const last = instr.attrs.axis === out.type.shape.length - 1 && shown(out).length > 0;
        const parts = instr.args.map((arg) => this.#readWhole(arg));
        return last && parts.every((part) => part !== undefined) ? call("concat", ...parts) : undefined;
      }
      case "slice": {
        const { axis, start, size } = instr.attrs;
        const of =
          axis === out.type.shape.length - 1 && shown(out).length === 1 ? this.#readWhole(instr.args[0]) : undefined;
        const { numberTerm } = this.around;
        return of && { kind: "part", of, from: numberTerm(start), to: numberTerm(start + size) };
      }
      case "iota":
      case "shift":
      case "gather":
        return undefined;
      case "scan":
        throw new InternalError("explain", "a loop is written out");
      default: {
        const args = instr.args.map((arg) => this.#readWhole(arg));
        return args.every((arg) => arg !== undefined) ? pointwiseTerm(instr.op, args) : undefined;
      }
    }
  }

  /** Products with a matrix that is no data, and those of vectors. */
  #product({ attrs, args }: Instr<"contract">): Term | undefined {
    const [left, right] = args.map((arg) => this.#readWhole(arg));
    if (left === undefined || right === undefined) return undefined;
    const visible = (labels: string, { type }: Value) =>
      [...labels].filter((_, axis) => type.shape[axis] !== BATCH).join("");
    const [l, r] = [visible(attrs.lhs, args[0]), visible(attrs.rhs, args[1])];
    const out = [...attrs.out].filter((label) => (l + r).includes(label)).join("");
    const isMatrix = (i: number, labels: string) => labels.length === 2 && !args[i].type.shape.includes(BATCH);
    if (l === out && r === out) return times(left, right);
    if (l.length === 0 || r.length === 0) return l + r === out ? times(left, right) : undefined;
    if (l.length === 1 && r.length === 1) {
      if (l === r && out === "") return reduction("sum", [], times(left, right));
      if (out === l + r) return outer(left, right);
      return out === r + l ? outer(right, left) : undefined;
    }
    if (isMatrix(0, l) && r.length === 1) return matrixVector(left, l, right, r, out);
    return isMatrix(1, r) && l.length === 1 ? matrixVector(right, r, left, l, out) : undefined;
  }

  #readElement(value: Value, at: Place): Term {
    const name = this.around.nameOf(value);
    if (name === undefined) return this.#element(this.#definition(value), at);
    return { kind: "read", name, at: at.filter((index) => index !== undefined) };
  }

  #element(instr: Instr, at: Place): Term {
    switch (instr.op) {
      case "const":
      case "length":
      case "training":
      case "random":
        return this.#leaf(instr);
      case "iota":
        return present(at[instr.attrs.axis], "explain", "the index of an iota");
      case "broadcast":
        return this.#readElement(
          instr.args[0],
          instr.attrs.axes.map((axis) => at[axis]),
        );
      case "reduce": {
        const { kind, axes } = instr.attrs;
        const [arg] = instr.args;
        const rest = [...at];
        const over: string[] = [];
        const inner = arg.type.shape.map((dim, axis) => {
          if (!axes.includes(axis)) return rest.shift();
          return dim === BATCH ? undefined : this.#bind(dim, over);
        });
        return this.#reduced(kind, over, this.#readElement(arg, inner));
      }
      case "contract": {
        const { lhs, rhs, out } = instr.attrs;
        const given = new Map([...out].map((label, axis) => [label, at[axis]] as const));
        const over: string[] = [];
        const placed = (labels: string, { type }: Value): Place =>
          [...labels].map((label, axis) => {
            if (!given.has(label)) {
              const dim = type.shape[axis];
              given.set(label, dim === BATCH ? undefined : this.#bind(dim, over));
            }
            return given.get(label);
          });
        const left = this.#readElement(instr.args[0], placed(lhs, instr.args[0]));
        return this.#reduced("sum", over, times(left, this.#readElement(instr.args[1], placed(rhs, instr.args[1]))));
      }
      case "slice": {
        const { axis, start } = instr.attrs;
        return this.#readElement(instr.args[0], at.with(axis, moved(at[axis], start, this.around)));
      }
      case "shift": {
        const { axis, offset, fill } = instr.attrs;
        const index = present(moved(at[axis], -offset, this.around), "explain", "the index of a shift");
        return guarded(this.#readElement(instr.args[0], at.with(axis, index)), index, fill);
      }
      case "concat":
        return this.#joined(instr, at);
      case "gather": {
        const [table, index] = instr.args;
        const places = index.type.shape.length;
        const row = this.#readElement(index, at.slice(0, places));
        return this.#readElement(table, [row, ...at.slice(places)]);
      }
      case "scan":
        throw new InternalError("explain", "a loop is written out");
      default:
        return pointwiseTerm(
          instr.op,
          instr.args.map((arg) => this.#readElement(arg, at)),
        );
    }
  }

  /** An index over an axis, noted in `over`; of an axis with one place only that place. */
  #bind(dim: Dim, over: string[]): Term {
    if (dim === 1) return number(0);
    const index = this.indices.bind(dim);
    over.push(index);
    return symbol(index);
  }

  #reduced(name: ReduceKind, over: readonly string[], arg: Term): Term {
    this.indices.release(over);
    return over.length === 0 ? arg : reduction(name, over, arg);
  }

  /** Which part an index falls into. */
  #joined({ attrs: { axis }, args }: Instr<"concat">, at: Place): Term {
    const index = present(at[axis], "explain", "the index of a concatenation");
    const sizes = args.map((arg) => Number(arg.type.shape[axis]));
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    const parts = args.map((arg, i) => this.#readElement(arg, at.with(axis, moved(index, -starts[i], this.around))));
    return parts.reduceRight((rest, part, i) => {
      const end = this.around.numberTerm(starts[i] + sizes[i]);
      return call("where", { kind: "relation", op: "<", left: index, right: end }, part, rest);
    });
  }
}

/** The number of examples has no name in the language. */
function lengthSymbol(name: string): Term {
  return symbol(name === BATCH ? "batch" : name);
}

function matrixVector(matrix: Term, labels: string, vector: Term, inner: string, out: string): Term | undefined {
  const [row, column] = labels;
  if (out === row && inner === column) return matmul(matrix, vector);
  if (out !== column || inner !== row) return undefined;
  return matmul({ kind: "transpose", arg: matrix }, vector);
}

function moved(index: Term | undefined, by: number, { numberTerm }: Surroundings): Term | undefined {
  if (index === undefined || by === 0) return index;
  if (isNumber(index, 0) && by > 0) return numberTerm(by);
  const distance = numberTerm(Math.abs(by));
  return { kind: "sum", terms: [index, by > 0 ? distance : { kind: "negative", arg: distance }] };
}
