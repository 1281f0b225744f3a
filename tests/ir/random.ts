/** @file Random arrays and random-shaped instructions for the tests of the IR. */

import { Builder } from "../../src/ir/builder.js";
import { type NdArray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import type { Dim, Elem, Instr, Op, OpAttrs, Type, Value } from "../../src/ir/types.js";

/** The run-time lengths of all tests; L is the loop of the tests of lift. */
export const LENGTHS: Readonly<Record<string, number>> = { _B: 3, T: 4, S: 5, L: 4, _seed: 7, _step: 2 };

/** Mulberry32: uniform numbers in [0, 1) from a seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A multiple of `step` away from every other one, in random order and sign: no ties and no kinks within `step`. */
export function apart(random: () => number, count: number, step = 0.05): number[] {
  const values = Array.from({ length: count }, (_, i) => (i + 1 + 0.4 * (random() - 0.5)) * step);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values.map((v) => (random() < 0.5 ? -v : v));
}

export function floats(random: () => number, shape: readonly Dim[], low = -1.5, high = 1.5): NdArray {
  const sizes = extents(shape, LENGTHS);
  return { shape: sizes, data: Float64Array.from({ length: numel(sizes) }, () => low + random() * (high - low)) };
}

/** Small whole numbers below `below`, from 0. */
export function wholes(random: () => number, shape: readonly Dim[], below: number): NdArray {
  const sizes = extents(shape, LENGTHS);
  return { shape: sizes, data: Float64Array.from({ length: numel(sizes) }, () => Math.floor(random() * below)) };
}

export function fill(random: () => number, type: Type): NdArray {
  if (type.elem === "f32") return floats(random, type.shape);
  return wholes(random, type.shape, type.elem === "bool" ? 2 : 5);
}

/** One instruction with its arguments, made outside any graph. */
export interface Single<K extends Op = Op> {
  readonly builder: Builder;
  readonly instr: Instr<K>;
  readonly args: readonly Value[];
}

export function single<K extends Op>(op: K, attrs: OpAttrs[K], types: readonly Type[]): Single<K> {
  const builder = new Builder();
  const args = types.map((type, i) => builder.fresh(type, `a${i}`));
  builder.emit(op, attrs, args);
  return { builder, instr: builder.instrs[0] as Instr<K>, args };
}

export function type(elem: Elem, ...shape: readonly Dim[]): Type {
  return { elem, shape };
}

/** ‖a − b‖ / ‖b‖. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference / (norm || 1)) : Infinity;
}
