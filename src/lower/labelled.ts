/**
 * @file Arrays with named leading axes. The batch, the axes a layer is mapped over and the indices of index notation
 * are all labels: an operation on values of one point becomes one on arrays by aligning the labels of its arguments.
 */

import type { Builder } from "../ir/builder.js";
import { BATCH, type Dim, type Value } from "../ir/types.js";

/** Compared by identity. Where nothing else decides, labels stand in the order of their ranks. */
export interface Label {
  readonly name: string;
  readonly rank: number;
  readonly extent: Dim;
  /** Of a ragged length: the own length of each example, i32 [batch]. */
  readonly end?: Value;
  /** Of a length whose steps go on from batch to batch: how many each example has had before, i32 [batch]. */
  readonly past?: Value;
}

export const BATCH_LABEL: Label = { name: "batch", rank: 0, extent: BATCH };

/** The value's axes are first those of `labels`, in this order, then its own. */
export interface Labelled {
  readonly value: Value;
  readonly labels: readonly Label[];
}

/** The axes that belong to the expression's type. */
export function ownShape({ value, labels }: Labelled): readonly Dim[] {
  return value.type.shape.slice(labels.length);
}

export function extentsOf(labels: readonly Label[]): readonly Dim[] {
  return labels.map((label) => label.extent);
}

/** All labels of the arguments: in the order of one that has them all, else by rank. */
export function unionLabels(args: readonly Labelled[]): readonly Label[] {
  const all = byRank(args.flatMap((arg) => arg.labels));
  return args.find((arg) => arg.labels.length === all.length)?.labels ?? all;
}

export function byRank(labels: readonly Label[]): readonly Label[] {
  return [...new Set(labels)].sort((a, b) => a.rank - b.rank);
}

/** The value with exactly these labels, in this order, and these own axes (its own, or any if it has none). */
export function spread(b: Builder, a: Labelled, labels: readonly Label[], own: readonly Dim[] = ownShape(a)): Value {
  const shape = [...extentsOf(labels), ...own];
  const places = a.labels.map((label) => labels.indexOf(label));
  const ownPlaces = ownShape(a).map((_, i) => labels.length + i);
  return b.broadcast(a.value, shape, [...places, ...ownPlaces]);
}

/** Applies a pointwise builder call to arguments of equal own shape or scalars. */
export function pointwise(args: readonly Labelled[], b: Builder, apply: (...values: Value[]) => Value): Labelled {
  const labels = unionLabels(args);
  const own = args.map(ownShape).find((shape) => shape.length > 0) ?? [];
  // The builder repeats scalars by itself, next to where they are used.
  const values = args.map((arg) => (arg.value.type.shape.length === 0 ? arg.value : spread(b, arg, labels, own)));
  return { value: apply(...values), labels };
}

/** The leading own axes become labels, which the value must not have yet. */
export function openAxes(a: Labelled, labels: readonly Label[]): Labelled {
  return { value: a.value, labels: [...a.labels, ...labels] };
}

/** The labels become the leading own axes, repeated where the value did not depend on them. */
export function closeLabels(b: Builder, a: Labelled, closed: readonly Label[]): Labelled {
  const rest = byRank(a.labels.filter((label) => !closed.includes(label)));
  return { value: spread(b, a, [...rest, ...closed]), labels: rest };
}

export function scalarOf(b: Builder, number: number): Labelled {
  return { value: b.constant(number), labels: [] };
}

/** An extent as an i32 scalar. */
export function extentValue(b: Builder, dim: Dim): Value {
  return typeof dim === "number" ? b.constant(dim, "i32") : b.op("length", { name: dim }, []);
}

/** Gives the instruction that made the value a name for people, unless it has one. */
export function named(b: Builder, a: Labelled, hint: string): Labelled {
  const { value } = a;
  const at = b.instrs.findLastIndex((instr) => instr.results.some(({ id }) => id === value.id));
  if (value.hint !== undefined || at < 0) return a;
  const hinted: Value = { ...value, hint };
  const instr = b.instrs[at];
  const results = instr.results.map((result) => (result.id === value.id ? hinted : result));
  b.instrs[at] = { ...instr, results };
  return { ...a, value: hinted };
}
