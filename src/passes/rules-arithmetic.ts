/** @file Rewrites of pointwise instructions. */

import type { NdArray } from "../ir/ndarray.js";
import { pointwise } from "../ir/ops/pointwise.js";
import { evaluate } from "../ir/registry.js";
import { sameShape } from "../ir/shape.js";
import type { Instr, PointwiseOp, Value } from "../ir/types.js";
import { type Facts, type Rule, rule } from "./rewriter.js";

const pointwiseOps = Object.keys(pointwise).filter((op): op is PointwiseOp => op in pointwise);

const is = (facts: Facts, value: Value, number: number) => facts.constant(value) === number;

/** The argument that is not `number` everywhere, if the other one is. */
function besides([x, y]: readonly Value[], number: number, facts: Facts): Value | undefined {
  return is(facts, y, number) ? x : is(facts, x, number) ? y : undefined;
}

export const arithmetic: readonly Rule[] = [
  rule("x + 0", ["add"], (_, { args }, facts) => besides(args, 0, facts)),
  rule("x − 0", ["sub"], (_, { args: [x, y] }, facts) => (is(facts, y, 0) ? x : undefined)),
  rule("0 − x", ["sub"], (b, { args: [x, y] }, facts) => (is(facts, x, 0) ? b.unary("neg", y) : undefined)),
  rule("x · 1", ["mul"], (_, { args }, facts) => besides(args, 1, facts)),
  rule("x / 1", ["div"], (_, { args: [x, y] }, facts) => (is(facts, y, 1) ? x : undefined)),
  // Right for finite x only: what is not finite here is lost already, and 0 · ∞ would hide where.
  rule("x · 0", ["mul"], (b, { args, results: [out] }, facts) =>
    besides(args, 0, facts) ? b.fill(0, out.type.shape, out.type.elem) : undefined,
  ),
  rule("x · −1", ["mul"], (b, { args }, facts) => {
    const x = besides(args, -1, facts);
    return x && b.unary("neg", x);
  }),
  rule("− − x", ["neg"], (_, { args: [x] }, facts) => facts.by("neg", x)?.args[0]),
  rule("x + (−y)", ["add"], (b, { args: [x, y] }, facts) => {
    const [negX, negY] = [facts.onlyBy("neg", x), facts.onlyBy("neg", y)];
    if (negY !== undefined) return b.binary("sub", x, negY.args[0]);
    return negX && b.binary("sub", y, negX.args[0]);
  }),
  rule("x − (−y)", ["sub"], (b, { args: [x, y] }, facts) => {
    const negY = facts.by("neg", y);
    return negY && b.binary("add", x, negY.args[0]);
  }),
  rule("constant choice", ["select"], (_, { args: [condition, x, y] }, facts) => {
    const known = facts.constant(condition);
    return known === undefined ? undefined : known !== 0 ? x : y;
  }),
  rule("equal choices", ["select"], (_, { args: [, x, y] }) => (x.id === y.id ? x : undefined)),
  rule("constant arithmetic", pointwiseOps, (b, instr, facts) => {
    if (instr.op === "stop_gradient") return undefined;
    const numbers = instr.args.flatMap((arg) => facts.constant(arg) ?? []);
    if (numbers.length < instr.args.length) return undefined;
    const scalars = numbers.map((x): NdArray => ({ shape: [], data: Float64Array.of(x) }));
    const [{ data }] = evaluate<PointwiseOp>(instr, scalars, { lengths: {}, run: () => [] });
    const [{ type }] = instr.results;
    return Number.isFinite(data[0]) ? b.fill(data[0], type.shape, type.elem) : undefined;
  }),
  rule("arithmetic before repetition", pointwiseOps, (b, instr, facts) => {
    const repeated = commonBroadcast(instr, facts);
    if (repeated === undefined) return undefined;
    const { shape, axes, inner } = repeated;
    const args = instr.args.map((arg) => {
      const constant = facts.constant(arg);
      if (constant !== undefined) return b.fill(constant, inner, arg.type.elem);
      return facts.by("broadcast", arg)?.args[0] ?? arg;
    });
    return b.broadcast(b.op<PointwiseOp>(instr.op, {}, args, instr.results[0].hint), shape, axes);
  }),
];

/** The one way in which all arguments that are no constants repeat a smaller array. */
function commonBroadcast(instr: Instr<PointwiseOp>, facts: Facts) {
  const [first, ...rest] = instr.args.filter((arg) => facts.constant(arg) === undefined);
  const broadcast = first && facts.by("broadcast", first);
  if (broadcast === undefined) return undefined;
  const { shape, axes } = broadcast.attrs;
  const inner = broadcast.args[0].type.shape;
  const alike = rest.every((arg) => {
    const other = facts.by("broadcast", arg);
    return other && sameShape(other.args[0].type.shape, inner) && axes.every((axis, i) => axis === other.attrs.axes[i]);
  });
  return alike && inner.length < shape.length ? { shape, axes, inner } : undefined;
}
