/** @file Random arrays for graphs, and comparisons of graphs by what they compute. */

import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { BATCH, type Graph } from "../../src/ir/types.js";

export type Arrays = Record<string, NdArray>;

export const lengths = { [BATCH]: 3, T: 5, S: 4 };

/** A small generator of reproducible numbers in (0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 + 2 ** -33;
  };
}

/** An array for each argument: reals in (−1, 1), integers in 0…3. */
export function randomArgs(graph: Graph, seed: number, extent: Readonly<Record<string, number>> = lengths): Arrays {
  const next = random(seed);
  return Object.fromEntries(
    graph.args.map(({ name, value }) => {
      const shape = extents(value.type.shape, extent);
      const draw = () => (value.type.elem === "i32" ? Math.floor(4 * next()) : 2 * next() - 1);
      return [name, ndarray(shape, Array.from({ length: numel(shape) }, draw))];
    }),
  );
}

/** ‖a − b‖ / ‖b‖. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-300);
}

/** The largest distance between the same results of two graphs; results of `before` that `after` lacks do not count. */
export function largestDifference(before: Graph, after: Graph, seed: number): number {
  const args = randomArgs(before, seed);
  const [expected, actual] = [evaluateGraph(before, args, lengths), evaluateGraph(after, args, lengths)];
  return Math.max(
    ...Object.keys(actual).map((key) => {
      if (expected[key].shape.join() !== actual[key].shape.join()) return Infinity;
      return distance(actual[key].data, expected[key].data);
    }),
  );
}
