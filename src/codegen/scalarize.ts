/**
 * @file From arrays to scalars: the code for one element of a value, made on demand from the elements it needs.
 * Fusion is nothing but this: what is not stored anywhere is computed where it is read.
 */

import { DRAW_WORDS } from "../../runtime/manifest.js";
import type { Dim, Instr, ReduceKind, Type, Value, ValueId } from "../ir/types.js";
import { InternalError, present } from "../support/assert.js";
import type { Block } from "./block.js";
import { dot, fourOf } from "./fours.js";
import {
  add,
  call,
  type Expr,
  f32,
  infix,
  keyOf,
  knownWord,
  load,
  type Memory,
  mul,
  planWord,
  QUAD,
  type ScalarType,
  u32,
  variable,
} from "./kernel-ir.js";
import { isPointwise, reductions, spellings } from "./scalar-ops.js";

export type Index = readonly Expr[];

/** An element of some value. */
export interface Element {
  readonly value: Value;
  readonly index: Index;
}

/** An element in memory. `changing`: this kernel writes that memory too. */
export interface Place {
  readonly memory: Memory;
  readonly index: Expr;
  readonly changing?: boolean;
}

/** Where an element lies, the expression that holds it, or another element that it is; undefined if it must be computed. */
export type Locate = (element: Element) => Place | Expr | Element | undefined;

export type Accumulating = Instr<"contract"> | Instr<"reduce">;

export const extent = (dim: Dim): Expr => (typeof dim === "number" ? u32(dim) : planWord(dim));

export function product(dims: readonly Dim[]): Expr {
  return dims.map(extent).reduce(mul, u32(1));
}

/** Row-major position of an index. */
export function linear(shape: readonly Dim[], index: Index): Expr {
  return index.reduce((position, i, axis) => add(mul(position, extent(shape[axis])), i), u32(0));
}

/** The index of a row-major position. */
export function delinear(shape: readonly Dim[], position: Expr): Index {
  const index: Expr[] = [];
  let rest = position;
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const n = extent(shape[axis]);
    index.unshift(infix("%", rest, n));
    rest = infix("/", rest, n);
  }
  return shape.length === 0 ? [] : [rest, ...index];
}

/** Begins the names that stand for places known only within a loop, or with the data. */
export const UNKNOWN = "unknown_";
/** Begins the names of rows that only the data tell. */
export const ROW_OF = `${UNKNOWN}row_of_`;

/** Whether code can be made for an index: it names nothing unknown. */
export const isKnown = (index: Index): boolean => !keyOfIndex(index).includes(UNKNOWN);

export const keyOfIndex = (index: Index): string => index.map(keyOf).join(",");

export const elementKey = ({ value, index }: Element): string => `%${value.id}[${keyOfIndex(index)}]`;

/** The elements of the arguments that one element of the result is made of, where that is known without data. */
export function operands(instr: Instr, index: Index): readonly Element[] {
  const { args } = instr;
  if (isPointwise(instr.op)) return args.map((value) => ({ value, index }));
  const moved = (axis: number, to: Expr) => index.map((e, i) => (i === axis ? to : e));
  switch (instr.op) {
    case "broadcast":
      return [{ value: args[0], index: instr.attrs.axes.map((axis) => index[axis]) }];
    case "slice": {
      const { axis, start } = instr.attrs;
      return [{ value: args[0], index: moved(axis, add(index[axis], u32(start))) }];
    }
    case "shift": {
      const { axis, offset } = instr.attrs;
      const place = index[axis];
      const from = offset >= 0 ? infix("-", place, u32(offset)) : add(place, u32(-offset));
      const outside = place.kind === "literal" && !mayHold(args[0].type.shape[axis], place.value - offset);
      return outside ? [] : [{ value: args[0], index: moved(axis, from) }];
    }
    case "concat": {
      const { axis } = instr.attrs;
      return partsAt(instr, index[axis]).map(({ value, start }) => ({
        value,
        index: moved(axis, infix("-", index[axis], u32(start))),
      }));
    }
    case "random":
      return [{ value: args[0], index }];
    case "gather": {
      const rank = args[1].type.shape.length;
      return [
        { value: args[1], index: index.slice(0, rank) },
        // Which row is known only with the data: a name that stands for it.
        { value: args[0], index: [variable(`${ROW_OF}${args[1].id}`, "u32", 0), ...index.slice(rank)] },
      ];
    }
    default:
      return [];
  }
}

/** Whether an axis of this extent may have that place. */
const mayHold = (dim: Dim, place: number) => place >= 0 && (typeof dim === "string" || place < dim);

/**
 * The parts of a concat with their first places along its axis. At a place known at compile time only the one that
 * holds it: reading the others there would be an index out of bounds that a WGSL compiler sees.
 */
function partsAt(instr: Instr<"concat">, place: Expr): readonly { readonly value: Value; readonly start: number }[] {
  let end = 0;
  const parts = instr.args.map((value) => {
    const size = value.type.shape[instr.attrs.axis];
    if (typeof size !== "number") throw new InternalError("scalarize", "concat along a run-time length");
    const start = end;
    end += size;
    return { value, start, size };
  });
  if (place.kind !== "literal") return parts;
  return parts.filter(({ start, size }) => mayHold(size, place.value - start));
}

/** A sum, maximum or minimum over some axes of an expression of elements: what contract and reduce have in common. */
export interface Accumulation {
  readonly kind: ReduceKind;
  readonly type: ScalarType;
  readonly dims: readonly Dim[];
  /** The factors (one for reduce, two for contract), given an index of the result and one of the reduced axes. */
  factors(index: Index, reduced: Index): readonly Element[];
}

export function accumulation(instr: Accumulating): Accumulation {
  if (instr.op === "reduce") {
    const { kind, axes } = instr.attrs;
    const [value] = instr.args;
    return {
      kind,
      type: value.type.elem,
      dims: axes.map((axis) => value.type.shape[axis]),
      factors: (index, reduced) => {
        const kept = index[Symbol.iterator]();
        const at = value.type.shape.map((_, axis) => {
          const place = axes.indexOf(axis);
          return place >= 0 ? reduced[place] : present(kept.next().value, "scalarize", "index");
        });
        return [{ value, index: at }];
      },
    };
  }
  const { lhs, rhs, out } = instr.attrs;
  const [a, b] = instr.args;
  const summed = [...lhs].filter((label) => !out.includes(label));
  return {
    kind: "sum",
    type: "f32",
    dims: summed.map((label) => a.type.shape[lhs.indexOf(label)]),
    factors: (index, reduced) => {
      const of = (labels: string) =>
        [...labels].map((l) => (out.includes(l) ? index[out.indexOf(l)] : reduced[summed.indexOf(l)]));
      return [
        { value: a, index: of(lhs) },
        { value: b, index: of(rhs) },
      ];
    },
  };
}

export function isAccumulating(instr: Instr | undefined): instr is Accumulating {
  return instr?.op === "contract" || instr?.op === "reduce";
}

/** Element types in memory: everything is stored as f32. */
export function decode(loaded: Expr, type: Type): Expr {
  if (type.elem === "f32") return loaded;
  return type.elem === "i32" ? call("i32", "i32", loaded) : infix("!=", loaded, f32(0));
}

export function encode(value: Expr): Expr {
  if (value.type === "bool") return call("select", "f32", f32(0), f32(1), value);
  return value.type === "f32" ? value : call("f32", "f32", value);
}

/** A loop over reduced axes is unrolled until its body has so many terms, where the innermost extent allows. */
const MOST_TERMS = 16;
const MOST_UNROLLED = 4;
/** Up to this many terms are written out where `writesOut`. */
export const MOST_WRITTEN_OUT = 64;

export const termsOf = (dims: readonly Dim[]): number =>
  dims.reduce((n: number, dim) => (typeof dim === "number" ? n * dim : Number.POSITIVE_INFINITY), 1);

/** All places of axes of known sizes, row-major. */
export function places(dims: readonly Dim[]): readonly Index[] {
  return dims.reduce<readonly Index[]>(
    (found, dim) => found.flatMap((index) => Array.from({ length: Number(dim) }, (_, i) => [...index, u32(i)])),
    [[]],
  );
}

export class Scalarizer {
  /**
   * @param writesOut short accumulations become straight code, so that what they read may be in registers.
   * @param byFours sums of products take four terms at a time where they may.
   */
  constructor(
    readonly block: Block,
    readonly definitions: ReadonlyMap<ValueId, Instr>,
    readonly locate: Locate,
    readonly writesOut = false,
    readonly byFours = false,
  ) {}

  /** The value of an element: read where it lies, else computed. */
  at(element: Element): Expr {
    const key = elementKey(element);
    const known = this.block.recall(key);
    if (known) return known;
    const place = this.locate(element);
    if (place === undefined) return this.compute(element);
    const found = "kind" in place ? place : "memory" in place ? this.#fetch(place, element.value) : this.at(place);
    this.block.remember(key, found);
    return found;
  }

  #fetch(place: Place, value: Value): Expr {
    const hint = value.hint ?? "x";
    const loaded = load(place.memory, place.index);
    return decode(place.changing ? this.block.read(loaded, hint) : this.block.let(loaded, hint), value.type);
  }

  /** The value of an element from its definition, wherever it may lie. */
  compute(element: Element): Expr {
    const { value, index } = element;
    const instr = present(this.definitions.get(value.id), "scalarize", `definition of %${value.id}`);
    if (isAccumulating(instr)) {
      this.accumulate([{ instr, index }]);
      return present(this.block.recall(elementKey(element)), "scalarize", "accumulated element");
    }
    const result = this.block.let(this.#expression(instr, index), value.hint ?? "v");
    this.block.remember(elementKey(element), result);
    return result;
  }

  #expression(instr: Instr, index: Index): Expr {
    if (isPointwise(instr.op)) return spellings[instr.op](...operands(instr, index).map((e) => this.at(e)));
    switch (instr.op) {
      case "const":
        return { kind: "literal", type: instr.attrs.elem as ScalarType, value: instr.attrs.value };
      case "iota":
        return call("i32", "i32", index[instr.attrs.axis]);
      case "length":
        return call("i32", "i32", planWord(instr.attrs.name));
      case "random": {
        const counter = call("u32", "u32", this.at(operands(instr, index)[0]));
        return call(
          "seq_random",
          "f32",
          ...DRAW_WORDS.map(planWord),
          knownWord("_stream", instr.attrs.stream),
          counter,
        );
      }
      case "broadcast":
      case "slice":
        return this.at(operands(instr, index)[0]);
      case "shift": {
        const [source] = operands(instr, index);
        const { axis, fill } = instr.attrs;
        if (source === undefined) return f32(fill);
        const inside = infix("<", source.index[axis], extent(source.value.type.shape[axis]));
        return call("select", "f32", f32(fill), this.at(source), inside);
      }
      case "concat": {
        const place = index[instr.attrs.axis];
        const parts = partsAt(instr, place);
        const elements = operands(instr, index).map((e) => this.at(e));
        return elements.reduce((before, part, i) =>
          call("select", part.type, before, part, infix(">=", place, u32(parts[i].start))),
        );
      }
      case "gather": {
        const [row, entry] = operands(instr, index);
        const found = this.block.let(call("u32", "u32", this.at(row)), "row");
        return this.at({ value: entry.value, index: [found, ...entry.index.slice(1)] });
      }
      default:
        throw new InternalError("scalarize", `${instr.op} has no element form`);
    }
  }

  /**
   * Computes several accumulated elements; those over the same axes share one loop, so that what they read in common
   * (a weight, a state) is read once. The results are remembered.
   */
  accumulate(requests: readonly { readonly instr: Accumulating; readonly index: Index }[]): void {
    const groups = new Map<string, { acc: Accumulation; index: Index; total: Expr; key: string }[]>();
    const dimsOf = new Map<string, readonly Dim[]>();
    for (const { instr, index } of requests) {
      const key = elementKey({ value: instr.results[0], index });
      if (this.block.recall(key)) continue;
      const acc = accumulation(instr);
      if (this.writesOut && termsOf(acc.dims) <= MOST_WRITTEN_OUT) {
        const terms = places(acc.dims).map((reduced) => this.product(acc.factors(index, reduced)));
        this.block.remember(key, this.joined(acc.kind, terms, instr.results[0].hint ?? "sum"));
        continue;
      }
      const total = this.block.variable(reductions[acc.kind].start(acc.type), instr.results[0].hint ?? "sum");
      this.block.remember(key, total);
      const name = `${instr.op} ${acc.dims.join("×")}`;
      dimsOf.set(name, acc.dims);
      groups.set(name, [...(groups.get(name) ?? []), { acc, index, total, key }]);
    }
    for (const [name, members] of groups) {
      const dims = dimsOf.get(name) ?? [];
      const last = dims[dims.length - 1];
      if (this.byFours && name.startsWith("contract") && Number(last) % QUAD === 0) {
        this.loops([...dims.slice(0, -1), Number(last) / QUAD], MOST_TERMS, (reduced) => {
          const [outer, first] = [reduced.slice(0, -1), mul(reduced[dims.length - 1], u32(QUAD))];
          for (const { acc, index, total } of members) {
            const [a, b] = [0, 1].map((factor) =>
              fourOf(this.block, this, (term) => acc.factors(index, [...outer, term])[factor], first),
            );
            this.block.assign(total, add(total, dot(a, b)));
          }
        });
        continue;
      }
      this.loops(dims, members.length, (reduced) => {
        for (const { acc, index, total } of members) {
          this.block.assign(total, reductions[acc.kind].join(total, this.product(acc.factors(index, reduced))));
        }
      });
    }
  }

  product(factors: readonly Element[]): Expr {
    return factors.map((e) => this.at(e)).reduce((a, b) => infix("*", a, b));
  }

  /** The sum, maximum or minimum of at least one term. */
  joined(kind: ReduceKind, terms: readonly Expr[], hint: string): Expr {
    return terms.reduce((a, b) => this.block.let(reductions[kind].join(a, b), hint));
  }

  /** A nest of loops over `dims`, the innermost unrolled the less, the more terms its body has. */
  loops(dims: readonly Dim[], terms: number, body: (index: Index) => void, outer: Index = []): void {
    const [dim, ...rest] = dims;
    if (dim === undefined) {
      body(outer);
      return;
    }
    if (rest.length > 0) {
      this.block.loop("i", extent(dim), (i) => {
        this.loops(rest, terms, body, [...outer, i]);
      });
      return;
    }
    const wanted = Math.max(1, Math.min(MOST_UNROLLED, Math.floor(MOST_TERMS / terms)));
    const unroll = typeof dim === "number" && dim % wanted === 0 ? wanted : 1;
    this.block.loop(
      "k",
      extent(dim),
      (k) => {
        for (let u = 0; u < unroll; u++) body([...outer, add(k, u32(u))]);
      },
      u32(0),
      u32(unroll),
    );
  }
}
