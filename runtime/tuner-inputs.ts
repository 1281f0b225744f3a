/** @file Inputs to measure with: as random as real ones, since the time of a look-up or a branch may depend on them. */

import type { Lengths } from "./arena.js";
import type { Port } from "./manifest.js";
import { threefry, toNormal, toUniform } from "./random.js";
import { countOf } from "./shapes.js";
import type { InputArray } from "./validate.js";
import { extentsOf } from "./validate.js";

/** Values differ up to here and then repeat; a prime, so that no axis of a usual extent repeats with them. */
const PERIOD = 65521;

/** Standard normal numbers, ids within their range, zeros and ones, by the name of their port. */
export function randomInputs(ports: readonly Port[], sizes: Lengths): Record<string, InputArray> {
  return Object.fromEntries(
    ports.map((port, at) => {
      const size = countOf(extentsOf(port, sizes));
      return [port.name, randomArray(port, size, at)];
    }),
  );
}

function randomArray({ elem, classes = 2 }: Port, size: number, key: number): InputArray {
  const words = (at: number) => threefry([key, 0], [at % PERIOD, 0]);
  const id = (at: number) => Math.floor(toUniform(words(at)) * classes);
  const first = Math.min(size, PERIOD);
  const array = elem === "f32" ? new Float32Array(size) : elem === "i32" ? new Int32Array(size) : new Uint8Array(size);
  for (let at = 0; at < first; at++) array[at] = elem === "f32" ? toNormal(words(at)) : id(at);
  for (let at = first; at < size; at += first) array.copyWithin(at, 0, Math.min(first, size - at));
  return array;
}
