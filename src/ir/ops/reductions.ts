/** @file Reductions along axes: sum, max, min. */

import type { Builder } from "../builder.js";
import { ndarray, strides } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { axisInStack, stackAxis } from "../shape.js";
import { forEachRow } from "../strided.js";
import type { Dim, ReduceKind, Value } from "../types.js";
import { expectArity, expectAxis, expectType, moveLoopAxis } from "./shared.js";

const combine: { readonly [K in ReduceKind]: (x: number, y: number) => number } = {
  sum: (x, y) => x + y,
  max: (x, y) => Math.max(x, y),
  min: (x, y) => Math.min(x, y),
};

const identity: { readonly [K in ReduceKind]: number } = { sum: 0, max: -Infinity, min: Infinity };

/** Beyond every position in an array. */
const NOWHERE = 2 ** 31 - 1;

function extentOf(b: Builder, dim: Dim): Value {
  return typeof dim === "number" ? b.constant(dim, "i32") : b.op("length", { name: dim }, []);
}

/** i32 of `shape`: each element's row-major position among those that a reduction along `axes` brings together. */
function positionAlong(b: Builder, shape: readonly Dim[], axes: readonly number[]): Value {
  const [first, ...rest] = axes;
  return rest.reduce(
    (position, axis) => b.binary("add", b.binary("mul", position, extentOf(b, shape[axis])), b.iota(shape, axis)),
    b.iota(shape, first),
  );
}

const reduce: OpRule<"reduce"> = {
  lowering: "reduction",
  type({ axes }, args) {
    expectArity("reduce", args, 1);
    const [a] = args;
    expectType(a.elem !== "bool", "reduce", args, "wants numbers");
    for (const axis of axes) expectAxis("reduce", args, axis);
    const ascending = axes.every((axis, i) => i === 0 || axes[i - 1] < axis);
    expectType(axes.length > 0 && ascending, "reduce", args, "wants ascending axes");
    return [{ elem: a.elem, shape: a.shape.filter((_, axis) => !axes.includes(axis)) }];
  },
  evaluate({ attrs: { kind, axes } }, [a]) {
    const out = ndarray(a.shape.filter((_, axis) => !axes.includes(axis)));
    out.data.fill(identity[kind]);
    const kept = strides(out.shape);
    let next = 0;
    const to = a.shape.map((_, axis) => (axes.includes(axis) ? 0 : kept[next++]));
    const both = combine[kind];
    const walk = [
      { offset: 0, strides: to },
      { offset: 0, strides: strides(a.shape) },
    ] as const;
    forEachRow(a.shape, ...walk, (p, q, count, stepTo, stepFrom) => {
      for (let i = 0; i < count; i++) {
        out.data[p + i * stepTo] = both(out.data[p + i * stepTo], a.data[q + i * stepFrom]);
      }
    });
    return [out];
  },
  /** Of a maximum or minimum, the first element that attains it (in row-major order) takes the whole gradient. */
  vjp(b, { attrs: { kind, axes }, args: [a], results: [out] }, [g]) {
    if (g === undefined) return [undefined];
    const { shape } = a.type;
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const wide = b.broadcast(g, shape, kept);
    if (kind === "sum") return [wide];
    const attains = b.binary("eq", a, b.broadcast(out, shape, kept));
    const position = positionAlong(b, shape, axes);
    const first = b.reduce("min", b.select(attains, position, b.constant(NOWHERE, "i32")), axes);
    const chosen = b.binary("eq", position, b.broadcast(first, shape, kept));
    return [b.select(chosen, wide, b.constant(0))];
  },
  lift(b, { attrs: { kind, axes }, args: [a], results: [out] }, [wide]) {
    const loop = stackAxis(a.type);
    const all = b.reduce(
      kind,
      wide.value,
      axes.map((axis) => axisInStack(a.type, axis)),
      out.hint,
    );
    return [moveLoopAxis(b, all, loop - axes.filter((axis) => axis < loop).length, out.type)];
  },
};

export const reductions = { reduce };
