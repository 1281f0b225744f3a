/** @file Losses and metrics: the functions, and how they are brought together over steps and examples. */

import type { LossName } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/types.js";
import { unreachable } from "../support/assert.js";
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
import { countOf, realOwn } from "./ragged.js";
import { reduceIndices, reduceLabels } from "./reductions.js";

/** A loss at every step; the last three average over the axes that are sizes. */
export function lowerLoss(env: Environment, op: LossName, x: Labelled, y: Labelled): Labelled {
  const b = env.builder;
  switch (op) {
    case "cross_entropy":
      return overClasses(env, x, y, (logits, isTarget, classes) => {
        const zero: Labelled = { value: b.constant(0), labels: [] };
        const chosen = pointwise([isTarget, logits, zero], b, (hit, z, none) => b.select(hit, z, none));
        const picked = reduceLabels(b, "sum", chosen, [classes]);
        const total = reduceIndices(b, "logsumexp", logits, [classes]);
        return pointwise([total, picked], b, (p, q) => b.binary("sub", p, q));
      });
    case "accuracy":
      return overClasses(env, x, y, (logits, _, classes, target) => {
        const best = reduceLabels(b, "max", logits, [classes]);
        const count = b.constant(Number(classes.extent));
        const position: Labelled = { value: b.unary("to_f32", b.iota([classes.extent], 0)), labels: [classes] };
        // Of several largest logits the first one counts.
        const candidates = pointwise([logits, best, position], b, (z, m, i) =>
          b.select(b.binary("eq", z, m), i, b.repeat(count, i.type.shape)),
        );
        const first = reduceLabels(b, "min", candidates, [classes]);
        return pointwise([first, target], b, (i, t) => b.unary("to_f32", b.binary("eq", i, b.unary("to_f32", t))));
      });
    case "binary_cross_entropy":
      return pointwise([x, y], b, (z, t) => {
        const truth = t.type.elem === "bool" ? b.unary("to_f32", t) : t;
        return b.binary("sub", b.unary("softplus", z), b.binary("mul", z, truth));
      });
    case "mse":
      return meanOverSizes(
        b,
        pointwise([x, y], b, (p, q) => square(b, b.binary("sub", p, q))),
      );
    case "mae":
      return meanOverSizes(
        b,
        pointwise([x, y], b, (p, q) => b.unary("abs", b.binary("sub", p, q))),
      );
    case "huber":
      return meanOverSizes(
        b,
        pointwise([x, y], b, (p, q) => huber(b, b.binary("sub", p, q))),
      );
    default:
      return unreachable(op, "lower");
  }
}

function square(b: Builder, x: Value): Value {
  return b.binary("mul", x, x);
}

function huber(b: Builder, difference: Value): Value {
  const size = b.unary("abs", difference);
  const near = b.binary("mul", square(b, difference), b.constant(0.5));
  const far = b.binary("sub", size, b.constant(0.5));
  return b.select(b.binary("le", size, b.constant(1)), near, far);
}

/** All axes become labels, the classes among them, for the while of `rule`. */
function overClasses(
  env: Environment,
  logits: Labelled,
  target: Labelled,
  rule: (logits: Labelled, isTarget: Labelled, classes: Label, target: Labelled) => Labelled,
): Labelled {
  const b = env.builder;
  const shape = ownShape(logits);
  const places = shape.slice(0, -1).map((extent, axis) => env.labels.next(`axis ${axis}`, extent));
  const classes = env.labels.next("class", shape[shape.length - 1]);
  const ids = openAxes(target, places);
  const number: Labelled = { value: b.iota([classes.extent], 0), labels: [classes] };
  const isTarget = pointwise([ids, number], b, (t, i) => b.binary("eq", t, i));
  return closeLabels(b, rule(openAxes(logits, [...places, classes]), isTarget, classes, ids), places);
}

function meanOverSizes(b: Builder, a: Labelled): Labelled {
  const { shape } = a.value.type;
  const axes = shape.flatMap((dim, axis) => (axis >= a.labels.length && typeof dim === "number" ? [axis] : []));
  if (axes.length === 0) return a;
  const count = axes.reduce((n, axis) => n * Number(shape[axis]), 1);
  return { value: b.binary("div", b.reduce("sum", a.value, axes), b.constant(count)), labels: a.labels };
}

/**
 * One number: the sum over all real steps of all examples, those where `where` holds, by their number. Without an axis
 * of steps this is the mean over the batch.
 */
export function normalise(env: Environment, value: Labelled, where: Labelled | undefined): Value {
  const b = env.builder;
  const own = [value, ...(where === undefined ? [] : [where])].map(ownShape).find((shape) => shape.length > 0) ?? [];
  const masks = [realOwn(b, env.labels, own), where].filter((mask) => mask !== undefined);
  if (masks.length === 0) {
    const { shape } = value.value.type;
    if (shape.length === 0) return value.value;
    const total = b.reduce(
      "sum",
      value.value,
      shape.map((_, axis) => axis),
    );
    return b.binary(
      "div",
      total,
      countOf(
        b,
        shape.map((extent) => ({ extent })),
      ).value,
    );
  }
  const mask = masks.reduce((x, y) => pointwise([x, y], b, (p, q) => b.binary("and", p, q)));
  const labels = unionLabels([value, mask]);
  const [wide, holds] = [spread(b, value, labels, own), spread(b, mask, labels, own)];
  const axes = wide.type.shape.map((_, axis) => axis);
  const total = b.reduce("sum", b.select(holds, wide, b.fill(0, wide.type.shape)), axes);
  const count = b.reduce("sum", b.unary("to_f32", holds), axes);
  // With no step at all the loss is zero, not undefined.
  return b.binary("div", total, b.binary("max", count, b.constant(1)));
}
