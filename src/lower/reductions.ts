/** @file Reductions of the language from the reductions of the IR, in forms that do not overflow. */

import type { ReduceName } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { ReduceKind, Value } from "../ir/types.js";
import { countOf, type Label, type Labelled, ownShape, spread, unionLabels } from "./labelled.js";

/** Removes labels, on which the value need not depend. */
export function reduceLabels(b: Builder, kind: ReduceKind, a: Labelled, over: readonly Label[]): Labelled {
  const axes = over.map((label) => a.labels.indexOf(label)).sort((x, y) => x - y);
  return { value: b.reduce(kind, a.value, axes), labels: a.labels.filter((label) => !over.includes(label)) };
}

/** `sum[n](…)`, `softmax[s](…)` */
export function reduceIndices(b: Builder, op: ReduceName, a: Labelled, over: readonly Label[]): Labelled {
  const missing = over.filter((label) => !a.labels.includes(label));
  const labels = [...unionLabels([a]), ...missing];
  const value = missing.length === 0 ? a.value : spread(b, a, labels);
  const axes = over.map((label) => labels.indexOf(label)).sort((x, y) => x - y);
  const keeps = op === "softmax" || op === "log_softmax";
  return {
    value: reduceAxes(b, op, value, axes),
    labels: keeps ? labels : labels.filter((label) => !over.includes(label)),
  };
}

/** Over all own axes; softmax and log_softmax along the last. */
export function reduceOwn(b: Builder, op: ReduceName, a: Labelled): Labelled {
  const first = a.labels.length;
  const own = ownShape(a).map((_, i) => first + i);
  const axes = op === "softmax" || op === "log_softmax" ? own.slice(-1) : own;
  return { value: reduceAxes(b, op, a.value, axes), labels: a.labels };
}

function reduceAxes(b: Builder, op: ReduceName, x: Value, axes: readonly number[]): Value {
  const { shape } = x.type;
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const back = (v: Value) => b.broadcast(v, shape, kept);
  switch (op) {
    case "sum":
    case "max":
    case "min":
      return b.reduce(op, x, axes);
    case "mean": {
      const count = countOf(
        b,
        axes.map((axis) => shape[axis]),
      );
      return b.binary("div", b.reduce("sum", x, axes), count);
    }
    case "norm":
      return b.unary("sqrt", b.reduce("sum", b.binary("mul", x, x), axes));
    case "logsumexp": {
      const { peak, terms } = shifted(b, x, axes, back);
      return b.binary("add", b.unary("log", b.reduce("sum", b.unary("exp", terms), axes)), peak);
    }
    case "softmax": {
      const { terms } = shifted(b, x, axes, back);
      const powers = b.unary("exp", terms);
      return b.binary("div", powers, back(b.reduce("sum", powers, axes)));
    }
    case "log_softmax": {
      const { terms } = shifted(b, x, axes, back);
      return b.binary("sub", terms, back(b.unary("log", b.reduce("sum", b.unary("exp", terms), axes))));
    }
  }
}

/** x less its maximum, so that exp does not overflow. The maximum cancels out, so nothing flows back through it. */
function shifted(b: Builder, x: Value, axes: readonly number[], back: (v: Value) => Value) {
  const peak = b.unary("stop_gradient", b.reduce("max", x, axes));
  return { peak, terms: b.binary("sub", x, back(peak)) };
}
