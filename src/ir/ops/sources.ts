/** @file Ops without arguments: constants, indices, run-time lengths, the mode. Nothing flows back through them. */

import { numel, strides } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { extents } from "../shape.js";
import { expectArity, expectType, notLifted } from "./shared.js";

const constant: OpRule<"const"> = {
  lowering: "source",
  type({ elem }, args) {
    expectArity("const", args, 0);
    return [{ elem, shape: [] }];
  },
  evaluate: ({ attrs }) => [{ shape: [], data: Float64Array.of(attrs.value) }],
  vjp: () => [],
  lift: notLifted,
};

const iota: OpRule<"iota"> = {
  lowering: "source",
  type({ shape, axis }, args) {
    expectArity("iota", args, 0);
    expectType(Number.isInteger(axis) && axis >= 0 && axis < shape.length, "iota", args, `has no axis ${axis}`);
    return [{ elem: "i32", shape }];
  },
  evaluate({ attrs }, _, { lengths }) {
    const shape = extents(attrs.shape, lengths);
    const data = new Float64Array(numel(shape));
    const [stride, extent] = [strides(shape)[attrs.axis], shape[attrs.axis]];
    for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / stride) % extent;
    return [{ shape, data }];
  },
  vjp: () => [],
  lift: notLifted,
};

const length: OpRule<"length"> = {
  lowering: "source",
  type(_, args) {
    expectArity("length", args, 0);
    return [{ elem: "i32", shape: [] }];
  },
  evaluate({ attrs }, _, { lengths }) {
    return [{ shape: [], data: Float64Array.from(extents([attrs.name], lengths)) }];
  },
  vjp: () => [],
  lift: notLifted,
};

/** Whoever evaluates a graph that has not been derived for training wants to see what inference sees. */
const training: OpRule<"training"> = {
  lowering: "source",
  type(_, args) {
    expectArity("training", args, 0);
    return [{ elem: "bool", shape: [] }];
  },
  evaluate: () => [{ shape: [], data: Float64Array.of(0) }],
  vjp: () => [],
  lift: notLifted,
};

export const sources = { const: constant, iota, length, training };
