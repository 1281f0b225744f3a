/** @file Reductions of the language from the reductions of the IR, in forms that do not overflow. */

import type { ReduceName } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { ReduceKind, Value } from "../ir/types.js";
import type { Environment } from "./environment.js";
import {
  closeLabels,
  type Label,
  type Labelled,
  openAxes,
  ownShape,
  pointwise,
  spread,
  unionLabels,
} from "./labelled.js";
import { countOf, labelsOf, realPlaces } from "./ragged.js";

/** Removes labels, on which the value need not depend. */
export function reduceLabels(b: Builder, kind: ReduceKind, a: Labelled, over: readonly Label[]): Labelled {
  const axes = over.map((label) => a.labels.indexOf(label)).sort((x, y) => x - y);
  return { value: b.reduce(kind, a.value, axes), labels: a.labels.filter((label) => !over.includes(label)) };
}

/** `sum[n](…)`, `softmax[s](…)`. Places past an example's end are left out; softmax and log_softmax give any number there. */
export function reduceIndices(b: Builder, op: ReduceName, a: Labelled, over: readonly Label[]): Labelled {
  const real = realPlaces(b, over);
  const known = unionLabels(real === undefined ? [a] : [a, real]);
  const labels = [...known, ...over.filter((label) => !known.includes(label))];
  const x = spread(b, a, labels);
  const axes = over.map((label) => labels.indexOf(label)).sort((m, n) => m - n);
  const reduced = { x, axes, real: real && spread(b, real, labels, ownShape(a)) };
  const rest = labels.filter((label) => !over.includes(label));
  switch (op) {
    case "sum":
    case "max":
    case "min":
      return { value: reduce(b, op, reduced), labels: rest };
    case "mean": {
      const total: Labelled = { value: reduce(b, "sum", reduced), labels: rest };
      return pointwise([total, countOf(b, over)], b, (sum, count) => b.binary("div", sum, count));
    }
    case "norm":
      return { value: b.unary("sqrt", reduce(b, "sum", { ...reduced, x: b.binary("mul", x, x) })), labels: rest };
    case "logsumexp": {
      const { peak, total } = powers(b, reduced);
      return { value: b.binary("add", b.unary("log", total), peak), labels: rest };
    }
    case "softmax": {
      const { terms, total } = powers(b, reduced);
      return { value: b.binary("div", terms, back(b, total, reduced)), labels };
    }
    case "log_softmax": {
      const { exponents, total } = powers(b, reduced);
      return { value: b.binary("sub", exponents, back(b, b.unary("log", total), reduced)), labels };
    }
  }
}

/** Over all own axes; softmax and log_softmax along the last. */
export function reduceOwn(env: Environment, op: ReduceName, a: Labelled): Labelled {
  const opened = labelsOf(env.labels, ownShape(a));
  const keeps = op === "softmax" || op === "log_softmax";
  const result = reduceIndices(env.builder, op, openAxes(a, opened), keeps ? opened.slice(-1) : opened);
  return keeps ? closeLabels(env.builder, result, opened) : result;
}

interface Reduced {
  readonly x: Value;
  readonly axes: readonly number[];
  /** Of the shape of x; absent where every place counts. */
  readonly real: Value | undefined;
}

const NEUTRAL: { readonly [K in ReduceKind]: number } = { sum: 0, max: -Infinity, min: Infinity };

function reduce(b: Builder, kind: ReduceKind, { x, axes, real }: Reduced): Value {
  return b.reduce(kind, real === undefined ? x : b.select(real, x, b.constant(NEUTRAL[kind])), axes);
}

/** A reduced value at each place that went into it. */
function back(b: Builder, value: Value, { x, axes }: Reduced): Value {
  const { shape } = x.type;
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  return b.broadcast(value, shape, kept);
}

/**
 * exp of x less its maximum, so that it does not overflow, and the sum. The maximum cancels out, so nothing flows back
 * through it.
 */
function powers(b: Builder, reduced: Reduced) {
  const { x, real } = reduced;
  const peak = b.unary("stop_gradient", reduce(b, "max", reduced));
  const less = b.binary("sub", x, back(b, peak, reduced));
  // What is not counted may be larger than the maximum.
  const exponents = real === undefined ? less : b.select(real, less, b.constant(0));
  const terms = b.unary("exp", exponents);
  return { peak, exponents, terms, total: reduce(b, "sum", { ...reduced, x: terms }) };
}
