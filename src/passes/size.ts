/** @file Sizes of arrays for decisions: lengths are unknown at compile time, so they count as typical ones. */

import { BATCH, type Dim, type Value } from "../ir/types.js";

const TYPICAL_BATCH = 32;
const TYPICAL_LENGTH = 128;

export function extent(dim: Dim): number {
  return typeof dim === "number" ? dim : dim === BATCH ? TYPICAL_BATCH : TYPICAL_LENGTH;
}

/** Elements, lengths counted as typical ones. */
export function size(value: Value): number {
  return value.type.shape.reduce<number>((product, dim) => product * extent(dim), 1);
}

export function totalSize(values: Iterable<Value>): number {
  let total = 0;
  for (const value of values) total += size(value);
  return total;
}
