/** @file Rewrites of views: broadcasts, slices, concatenations, shifts. */

import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/types.js";
import { type Facts, type Rule, rule } from "./rewriter.js";

export const views: readonly Rule[] = [
  rule("identical broadcast", ["broadcast"], (_, { attrs: { shape, axes }, args: [x] }) =>
    axes.length === shape.length && axes.every((axis, i) => axis === i) ? x : undefined,
  ),
  rule("broadcast of broadcast", ["broadcast"], (b, { attrs: { shape, axes }, args: [x], results }, facts) => {
    const inner = facts.by("broadcast", x);
    if (inner === undefined) return undefined;
    const composed = inner.attrs.axes.map((axis) => axes[axis]);
    return b.broadcast(inner.args[0], shape, composed, results[0].hint);
  }),
  rule("slice of slice", ["slice"], (b, { attrs, args: [x], results }, facts) => {
    const inner = facts.by("slice", x);
    if (inner?.attrs.axis !== attrs.axis) return undefined;
    return b.slice(inner.args[0], attrs.axis, inner.attrs.start + attrs.start, attrs.size, results[0].hint);
  }),
  rule("slice of broadcast", ["slice"], (b, { attrs: { axis, start, size }, args: [x], results }, facts) => {
    const inner = facts.by("broadcast", x);
    if (inner === undefined) return undefined;
    const { axes, shape } = inner.attrs;
    const from = axes.indexOf(axis);
    const part = from < 0 ? inner.args[0] : b.slice(inner.args[0], from, start, size);
    return b.broadcast(part, shape.with(axis, size), axes, results[0].hint);
  }),
  rule("slice of one part", ["slice"], (b, { attrs: { axis, start, size }, args: [x], results }, facts) => {
    const joined = facts.by("concat", x);
    if (joined?.attrs.axis !== axis) return undefined;
    const part = partitioned(joined.args, axis).find((p) => p.start <= start && start + size <= p.start + p.size);
    return part && b.slice(part.value, axis, start - part.start, size, results[0].hint);
  }),
  rule("concatenation of neighbouring slices", ["concat"], (b, { attrs: { axis }, args, results }, facts) => {
    for (let i = 0; i + 1 < args.length; i++) {
      const [left, right] = [facts.by("slice", args[i]), facts.by("slice", args[i + 1])];
      if (left === undefined || right === undefined) continue;
      const neighbours =
        left.args[0].id === right.args[0].id &&
        left.attrs.axis === axis &&
        right.attrs.axis === axis &&
        left.attrs.start + left.attrs.size === right.attrs.start;
      if (!neighbours) continue;
      const both = b.slice(left.args[0], axis, left.attrs.start, left.attrs.size + right.attrs.size);
      return b.concat(args.toSpliced(i, 2, both), axis, results[0].hint);
    }
    return undefined;
  }),
  rule("concatenation of concatenations", ["concat"], (b, { attrs: { axis }, args, results }, facts) => {
    const flat = args.flatMap((arg) => {
      const inner = facts.onlyBy("concat", arg);
      return inner?.attrs.axis === axis ? inner.args : [arg];
    });
    return flat.length > args.length ? b.concat(flat, axis, results[0].hint) : undefined;
  }),
  rule("concatenation of one constant", ["concat"], (b, { args, results: [out] }, facts) => {
    const value = facts.constant(args[0]);
    const uniform = value !== undefined && args.every((arg) => facts.constant(arg) === value);
    return uniform ? b.fill(value, out.type.shape, out.type.elem) : undefined;
  }),
  // What the adjoints of the parts of a split add up to: each is padded with zeros to the whole.
  rule("sum of padded parts", ["add"], (b, { args: [x, y], results }, facts) => {
    const [left, right] = [facts.by("concat", x), facts.by("concat", y)];
    if (left === undefined || right === undefined || left.attrs.axis !== right.attrs.axis) return undefined;
    const { axis } = left.attrs;
    const parts = sumParts(b, left.args, right.args, axis, facts);
    return parts && b.concat(parts, axis, results[0].hint);
  }),
  rule("shift by nothing", ["shift"], (_, { attrs, args: [x] }) => (attrs.offset === 0 ? x : undefined)),
  rule("shift of its own fill", ["shift"], (_, { attrs, args: [x] }, facts) =>
    facts.constant(x) === attrs.fill ? x : undefined,
  ),
];

interface Part {
  readonly value: Value;
  readonly start: number;
  readonly size: number;
}

function partitioned(parts: readonly Value[], axis: number): readonly Part[] {
  let start = 0;
  return parts.map((value) => {
    const size = value.type.shape[axis] as number;
    start += size;
    return { value, start: start - size, size };
  });
}

/** The parts of the sum of two partitions of one axis. Zeros are cut at will; undefined if anything else must be cut. */
function sumParts(
  b: Builder,
  left: readonly Value[],
  right: readonly Value[],
  axis: number,
  facts: Facts,
): readonly Value[] | undefined {
  const isZero = (part: Part) => facts.constant(part.value) === 0;
  const [lefts, rights] = [partitioned(left, axis), partitioned(right, axis)];
  const bounds = [...lefts, ...rights].flatMap((part) => [part.start, part.start + part.size]);
  const cuts = [...new Set(bounds)].sort((m, n) => m - n);
  const over = (parts: readonly Part[], start: number, end: number) =>
    parts.find((part) => part.start <= start && end <= part.start + part.size)!;
  const pieces = cuts.slice(1).map((end, i) => ({ start: cuts[i], end }));
  const plan = pieces.map(({ start, end }) => ({
    size: end - start,
    terms: [over(lefts, start, end), over(rights, start, end)].filter((part) => !isZero(part)),
  }));
  if (plan.some(({ size, terms }) => terms.some((part) => part.size !== size))) return undefined;
  return plan.map(({ size, terms }) => {
    if (terms.length === 0) return b.fill(0, left[0].type.shape.with(axis, size));
    return terms.map((part) => part.value).reduce((sum, term) => b.binary("add", sum, term));
  });
}
