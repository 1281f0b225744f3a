/**
 * @file The body of a loop as a graph of its own, so that a step is scheduled like everything else: what the states are
 * given, and what the step gives, as arguments and results.
 *
 * Gates that are slices of one product become products of their own over slices of the weights, alike in shape: so one
 * kernel has them all at the same element, and what follows them is pointwise. The other way round, a concat that a
 * product reads or a step gives is written part by part, by whatever computes the parts.
 */

import { Builder, type IdSource } from "../ir/builder.js";
import type { Graph, Instr, Op, Region, Value, ValueId } from "../ir/types.js";
import { isPointwise } from "./scalar-ops.js";

export interface StepGraph {
  readonly graph: Graph;
  /** The body's results in the graph: next states, then outputs. Each is defined there. */
  readonly results: readonly Value[];
  /** The parts of concats that are written part by part. Each is a result of the graph. */
  readonly parts: ReadonlyMap<ValueId, readonly Part[]>;
}

/** A part of a concat along its axis. */
export interface Part {
  readonly value: Value;
  readonly axis: number;
  readonly start: number;
}

/** @param ids beyond all that the body reads. */
export function stepGraph({ params, instrs, results }: Region, ids: IdSource): StepGraph {
  const copy = new Copy(instrs, ids);
  const wanted = results.map((value) => copy.defined(copy.whole(value)));
  const { b } = copy;
  const definitions = new Map(b.instrs.map((instr) => [instr.results[0].id, instr] as const));
  const parts = new Map<ValueId, readonly Part[]>();
  const stored = [...wanted];
  const read = b.instrs.flatMap(({ op, args }) => (op === "contract" ? args : []));
  for (const value of new Set([...wanted, ...read])) {
    const instr = definitions.get(value.id);
    if (instr?.op !== "concat") continue;
    const own = instr.args.filter((part) => definitions.has(part.id));
    stored.push(...own);
    // With a part that lies in memory elsewhere it is put together where it is read.
    if (own.length < instr.args.length) continue;
    stored.push(value);
    const { axis } = instr.attrs;
    const starts = startsOf(instr);
    parts.set(
      value.id,
      own.map((part, i) => ({ value: part, axis, start: starts[i] })),
    );
  }
  const all = [...new Map(stored.map((value) => [value.id, value])).values()];
  return {
    graph: {
      args: params.map((value) => ({ kind: "input", name: `%${value.id}`, value })),
      instrs: b.instrs,
      results: all.map((value) => ({ kind: "output", name: `%${value.id}`, value })),
    },
    results: wanted,
    parts,
  };
}

/** Where the parts of a concat start along its axis. */
function startsOf({ attrs: { axis }, args }: Instr<"concat">): readonly number[] {
  let end = 0;
  return args.map((part) => {
    const start = end;
    end += Number(part.type.shape[axis]);
    return start;
  });
}

/** A cut through an array. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
}

/** Copies what is asked for, and only that; a slice as what it is made of, as far as that is known. */
class Copy {
  readonly b: Builder;
  readonly #definitions: ReadonlyMap<ValueId, Instr>;
  readonly #copies = new Map<string, Value>();
  /** Of what is sliced from end to end. */
  readonly #cuts: ReadonlyMap<ValueId, readonly Cut[]>;

  constructor(instrs: readonly Instr[], ids: IdSource) {
    this.b = new Builder(ids);
    this.#definitions = new Map(instrs.flatMap((instr) => instr.results.map((value) => [value.id, instr] as const)));
    this.#cuts = partitions(instrs);
  }

  /** A value of the region or around it, in the new graph. */
  whole(value: Value): Value {
    return this.#once(`${value.id}`, () => {
      const instr = this.#definitions.get(value.id);
      if (instr === undefined) return value;
      if (instr.op === "slice") return this.#sliced(instr.args[0], instr.attrs, value.hint);
      const divides = isPointwise(instr.op) || instr.op === "broadcast" || instr.op === "contract";
      const cuts = divides ? this.#cutsOf(value) : undefined;
      if (cuts === undefined) {
        const args = instr.args.map((arg) => this.whole(arg));
        return this.#emit(instr, args, instr.attrs, value.hint);
      }
      const pieces = cuts.map((cut) => this.#sliced(value, cut));
      return this.b.concat(pieces, cuts[0].axis, value.hint);
    });
  }

  /** The pieces in which a value is needed or made, where together they are all of it. */
  #cutsOf(value: Value): readonly Cut[] | undefined {
    const known = this.#cuts.get(value.id);
    if (known !== undefined) return known;
    const instr = this.#definitions.get(value.id);
    if (instr?.op === "concat") {
      const { axis } = instr.attrs;
      return startsOf(instr).map((start, i) => ({ axis, start, size: Number(instr.args[i].type.shape[axis]) }));
    }
    if (instr === undefined || !isPointwise(instr.op)) return undefined;
    return instr.args.map((arg) => this.#cutsOf(arg)).find((cuts) => cuts !== undefined);
  }

  /** The value, by an instruction of the new graph where it has none there. */
  defined(value: Value): Value {
    if (this.b.instrs.some(({ results }) => results[0].id === value.id)) return value;
    const { shape } = value.type;
    return this.#once(`defined ${value.id}`, () =>
      this.b.op("broadcast", { shape, axes: shape.map((_, axis) => axis) }, [value], value.hint),
    );
  }

  #sliced(value: Value, { axis, start, size }: Cut, hint = value.hint): Value {
    return this.#once(`${value.id} ${axis} ${start} ${size}`, () => {
      const instr = this.#definitions.get(value.id);
      const slice = (arg: Value, along: number) => this.#sliced(arg, { axis: along, start, size });
      if (instr !== undefined && isPointwise(instr.op)) {
        const args = instr.args.map((arg) => slice(arg, axis));
        return this.#emit(instr, args, instr.attrs, hint);
      }
      switch (instr?.op) {
        case "broadcast": {
          const from = instr.attrs.axes.indexOf(axis);
          const arg = from < 0 ? this.whole(instr.args[0]) : slice(instr.args[0], from);
          const shape = instr.attrs.shape.map((dim, i) => (i === axis ? size : dim));
          return this.#emit(instr, [arg], { ...instr.attrs, shape }, hint);
        }
        case "contract": {
          const { lhs, rhs, out } = instr.attrs;
          const args = [lhs, rhs].map((labels, i) => {
            const along = labels.indexOf(out[axis]);
            return along < 0 ? this.whole(instr.args[i]) : slice(instr.args[i], along);
          });
          return this.#emit(instr, args, instr.attrs, hint);
        }
        case "concat": {
          const at = instr.attrs.axis === axis ? startsOf(instr).indexOf(start) : -1;
          if (at >= 0 && instr.args[at].type.shape[axis] === size) return this.whole(instr.args[at]);
        }
      }
      return this.b.slice(this.whole(value), axis, start, size, hint);
    });
  }

  #emit(instr: Instr, args: readonly Value[], attrs: Instr["attrs"], hint: string | undefined): Value {
    return this.b.op<Op>(instr.op, attrs, args, hint);
  }

  #once(key: string, make: () => Value): Value {
    const known = this.#copies.get(key) ?? make();
    this.#copies.set(key, known);
    return known;
  }
}

/** The slices of each value that is sliced along one axis from end to end. */
function partitions(instrs: readonly Instr[]): ReadonlyMap<ValueId, readonly Cut[]> {
  const slices = new Map<Value, Cut[]>();
  for (const { op, attrs, args } of instrs) {
    if (op === "slice") slices.set(args[0], [...(slices.get(args[0]) ?? []), attrs]);
  }
  const found = new Map<ValueId, readonly Cut[]>();
  for (const [value, cuts] of slices) {
    const sorted = cuts.toSorted((a, b) => a.start - b.start);
    const [{ axis }] = sorted;
    const ends = sorted.map(({ start, size }) => start + size);
    const meets = sorted.every((cut, i) => cut.axis === axis && cut.start === (i === 0 ? 0 : ends[i - 1]));
    if (meets && ends[ends.length - 1] === value.type.shape[axis]) found.set(value.id, sorted);
  }
  return found;
}
