/**
 * @file How far a device may be from f64 is found by evaluating again with every number rounded: what is the difference of
 * large numbers, such as a gradient that a normalisation makes zero, then shows how little of it is certain.
 */

import type { NdArray } from "../ir/ndarray.js";

/** So many digits of the 24 of f32: WGSL's functions may be off by a few of the last. Small whole numbers stay as they are. */
const SINGLE_DIGITS = 20;
/** By this a number loses all but `SINGLE_DIGITS` of its 53 [Dekker 1971]. */
const SPLIT = 2 ** (53 - SINGLE_DIGITS) + 1;

const LARGEST_HALF = 65504;
/** Below 2⁻¹⁴, halves are multiples of this. */
const LEAST_HALF = 2 ** -24;

/** The numbers as f32 would have them after some arithmetic, or as f16 stores them. Whole numbers are exact. */
export function roundedTo(precision: "single" | "half" | "whole", array: NdArray): NdArray {
  if (precision === "whole") return array;
  return { shape: array.shape, data: array.data.map(precision === "half" ? toHalf : toSingle) };
}

function toSingle(x: number): number {
  const scaled = x * SPLIT;
  return Number.isFinite(scaled) ? scaled - (scaled - x) : x;
}

function toHalf(x: number): number {
  const clamped = Math.min(LARGEST_HALF, Math.max(-LARGEST_HALF, x));
  const unit = Math.max(LEAST_HALF, 2 ** (Math.floor(Math.log2(Math.abs(clamped))) - 10));
  return Number.isNaN(x) ? x : Math.round(clamped / unit) * unit;
}
