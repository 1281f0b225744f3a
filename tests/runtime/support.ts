/** @file Random arrays and the distance by which results are compared. */

import { threefry, toNormal } from "../../runtime/random.js";

/** Standard normal values, the same for the same seed. */
export function randomArray(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => toNormal(threefry([seed, 0x5eed], [at, 0])));
}

/** ‖actual − expected‖ / ‖expected‖. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let at = 0; at < expected.length; at++) {
    difference += (actual[at] - expected[at]) ** 2;
    norm += expected[at] ** 2;
  }
  return Math.sqrt(difference / norm);
}
