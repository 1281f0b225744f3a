/**
 * @file Ragged lengths: every example ends where its own length says, and behaves as if it were alone.
 *
 * Arrays keep the batch's extent. What brings places of an axis together (a reduction, a product, a look-up, a loop)
 * leaves out those past the end; what stays at its place is computed there too, and nothing reads it. It has to be
 * finite all the same, or zero times it would be no number in the derivative: so the arguments repeat their last real
 * step past the end, indices as numbers stay at the last one, and nothing here puts an infinity or zero there.
 */

import type { Builder } from "../ir/builder.js";
import type { Dim } from "../ir/types.js";
import type { LabelSource } from "./environment.js";
import {
  BATCH_LABEL,
  closeLabels,
  extentValue,
  type Label,
  type Labelled,
  openAxes,
  ownShape,
  pointwise,
  scalarOf,
} from "./labelled.js";

/** An axis to take the extent of. */
export type Axis = Pick<Label, "extent" | "end">;

/** The extent of an axis as i32: each example's own where it is ragged. */
export function extentOf(b: Builder, { extent, end }: Axis): Labelled {
  if (end !== undefined) return { value: end, labels: [BATCH_LABEL] };
  return { value: extentValue(b, extent), labels: [] };
}

/** The number of elements along axes as f32. */
export function countOf(b: Builder, axes: readonly Axis[]): Labelled {
  const known = axes.reduce((n, { extent }) => (typeof extent === "number" ? n * extent : n), 1);
  const lengths = axes
    .filter(({ extent }) => typeof extent === "string")
    .map((axis) => pointwise([extentOf(b, axis)], b, (n) => b.unary("to_f32", n)));
  const factors = known === 1 && lengths.length > 0 ? lengths : [...lengths, scalarOf(b, known)];
  return factors.reduce((x, y) => pointwise([x, y], b, (p, q) => b.binary("mul", p, q)));
}

/** The place along an axis as i32. With `staying`, past an example's end it stays at the last one. */
export function positionAlong(b: Builder, label: Label, staying = true): Labelled {
  const { end, past } = label;
  let position: Labelled = { value: b.iota([label.extent], 0), labels: [label] };
  if (staying && end !== undefined) {
    const last = { value: b.binary("sub", end, b.constant(1, "i32")), labels: [BATCH_LABEL] };
    position = pointwise([position, last], b, (p, q) => b.binary("min", p, q));
  }
  if (past === undefined) return position;
  return pointwise([position, { value: past, labels: [BATCH_LABEL] }], b, (p, n) => b.binary("add", p, n));
}

/** Where the places along labels belong to the example; undefined where all always do. */
export function realPlaces(b: Builder, labels: readonly Label[]): Labelled | undefined {
  const real = labels
    .filter(({ end }) => end !== undefined)
    .map((label) => {
      const position: Labelled = { value: b.iota([label.extent], 0), labels: [label] };
      return pointwise([position, extentOf(b, label)], b, (p, n) => b.binary("lt", p, n));
    });
  if (real.length === 0) return undefined;
  return real.reduce((x, y) => pointwise([x, y], b, (p, q) => b.binary("and", p, q)));
}

/** The value, zero at places along `labels` that no example has. */
export function zeroPastEnd(b: Builder, a: Labelled, labels: readonly Label[]): Labelled {
  const real = realPlaces(b, labels);
  if (real === undefined) return a;
  const { elem } = a.value.type;
  if (elem === "bool") return pointwise([real, a], b, (r, x) => b.binary("and", r, x));
  const zero: Labelled = { value: b.constant(0, elem), labels: [] };
  return pointwise([real, a, zero], b, (r, x, z) => b.select(r, x, z));
}

/** As `zeroPastEnd`, along own axes: all of them, or that one. */
export function zeroOwnPastEnd(b: Builder, labels: LabelSource, a: Labelled, axis?: number): Labelled {
  const opened = labelsOf(labels, ownShape(a));
  const along = axis === undefined ? opened : [opened[axis]];
  if (along.every(({ end }) => end === undefined)) return a;
  return closeLabels(b, zeroPastEnd(b, openAxes(a, opened), along), opened);
}

/** Where the own axes of `shape` belong to the example. */
export function realOwn(b: Builder, labels: LabelSource, shape: readonly Dim[]): Labelled | undefined {
  const opened = labelsOf(labels, shape);
  const real = realPlaces(b, opened);
  return real && closeLabels(b, real, opened);
}

/** A label for each axis. */
export function labelsOf(labels: LabelSource, shape: readonly Dim[]): readonly Label[] {
  return shape.map((extent, axis) => labels.next(`axis ${axis}`, extent));
}
