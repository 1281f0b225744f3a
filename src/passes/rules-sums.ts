/** @file Rewrites of reductions and contractions: how index notation and derivatives become matrix products. */

import type { Builder } from "../ir/builder.js";
import type { Dim, Instr, Value } from "../ir/types.js";
import { type Facts, type Rule, rule } from "./rewriter.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

export const sums: readonly Rule[] = [
  rule("reduction of reduction", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results }, facts) => {
    const inner = facts.onlyBy("reduce", x);
    if (inner?.attrs.kind !== kind) return undefined;
    const [whole] = inner.args;
    const kept = axesOf(whole).filter((axis) => !inner.attrs.axes.includes(axis));
    const all = [...inner.attrs.axes, ...axes.map((axis) => kept[axis])].sort((m, n) => m - n);
    return b.reduce(kind, whole, all, results[0].hint);
  }),
  rule("reduction of repetition", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const inner = facts.by("broadcast", x);
    if (inner === undefined) return undefined;
    const { shape, axes: to } = inner.attrs;
    const repeated = axes.filter((axis) => !to.includes(axis));
    if (repeated.length === 0) return undefined;
    const own = to.flatMap((axis, i) => (axes.includes(axis) ? [i] : []));
    const part = b.reduce(kind, inner.args[0], own);
    const rest = to.filter((axis) => !axes.includes(axis));
    const places = rest.map((axis) => axis - axes.filter((gone) => gone < axis).length);
    const whole = b.broadcast(part, out.type.shape, places);
    if (kind !== "sum") return whole;
    return repeated.reduce((value, axis) => b.binary("mul", value, asNumber(b, shape[axis], out)), whole);
  }),
  rule("sum of negation", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const inner = kind === "sum" ? facts.onlyBy("neg", x) : undefined;
    return inner && b.unary("neg", b.reduce("sum", inner.args[0], axes), out.hint);
  }),
  rule("sum of sums of products", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const inner = kind === "sum" ? (facts.onlyBy("add", x) ?? facts.onlyBy("sub", x)) : undefined;
    if (!inner?.args.some((arg) => isProduct(arg, facts))) return undefined;
    const [left, right] = inner.args.map((arg) => b.reduce("sum", arg, axes));
    return b.binary(inner.op, left, right, out.hint);
  }),
  rule("common factor of a sum", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const product = kind === "sum" ? facts.onlyBy("mul", x) : undefined;
    const common = product?.args.findIndex((arg) => {
      const repeated = facts.by("broadcast", arg);
      return repeated !== undefined && !repeated.attrs.axes.some((axis) => axes.includes(axis));
    });
    if (product === undefined || common === undefined || common < 0) return undefined;
    const factor = facts.by("broadcast", product.args[common])!;
    const kept = axesOf(x).filter((axis) => !axes.includes(axis));
    const places = factor.attrs.axes.map((axis) => kept.indexOf(axis));
    const small = b.broadcast(factor.args[0], out.type.shape, places);
    return b.binary("mul", b.reduce("sum", product.args[1 - common], axes), small, out.hint);
  }),
  // Only if each factor lacks an axis: otherwise nothing is used twice, and one fused pointwise sum is better.
  rule("sum of products", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const product = kind === "sum" && x.type.elem === "f32" ? facts.onlyBy("mul", x) : undefined;
    const factors = product?.args.map((arg) => factorOf(arg, facts));
    if (factors === undefined || factors.some((f) => f.labels.length === x.type.shape.length)) return undefined;
    const summed = axes.map((axis) => LETTERS[axis]);
    const [lhs, rhs] = factors.map((f) => f.labels);
    if (summed.some((label) => !lhs.includes(label) || !rhs.includes(label))) return undefined;
    const kept = axesOf(x).filter((axis) => !axes.includes(axis));
    const found = kept.filter((axis) => (lhs + rhs).includes(LETTERS[axis]));
    const labels = found.map((axis) => LETTERS[axis]).join("");
    const sum = b.contract(factors[0].value, factors[1].value, lhs, rhs, labels, out.hint);
    return b.broadcast(
      sum,
      out.type.shape,
      found.map((axis) => kept.indexOf(axis)),
    );
  }),
  rule("sum of contraction", ["reduce"], (b, { attrs: { kind, axes }, args: [x], results: [out] }, facts) => {
    const inner = kind === "sum" ? facts.onlyBy("contract", x) : undefined;
    if (inner === undefined) return undefined;
    const { lhs, rhs, out: labels } = inner.attrs;
    const shared = axes.filter((axis) => lhs.includes(labels[axis]) && rhs.includes(labels[axis]));
    if (shared.length === 0) return undefined;
    const rest = axesOf(x).filter((axis) => !shared.includes(axis));
    const fewer = b.contract(inner.args[0], inner.args[1], lhs, rhs, rest.map((axis) => labels[axis]).join(""));
    const left = axes.filter((axis) => !shared.includes(axis)).map((axis) => rest.indexOf(axis));
    return b.reduce("sum", fewer, left, out.hint);
  }),
  rule("contraction of nothing", ["contract"], (b, { attrs, args: [x, y], results: [out] }) => {
    if ([...attrs.lhs].some((label) => !attrs.out.includes(label))) return undefined;
    const [wideX, wideY] = [
      alongLabels(b, x, attrs.lhs, attrs.out, out.type.shape),
      alongLabels(b, y, attrs.rhs, attrs.out, out.type.shape),
    ];
    return b.binary("mul", wideX, wideY, out.hint);
  }),
  // The converse of "sum of products": a factor with all axes is read once, so a fused sum does no worse.
  rule("contraction without reuse", ["contract"], (b, { attrs: { lhs, rhs, out }, args, results }) => {
    const all = new Set(lhs + rhs).size;
    if (lhs.length < all && rhs.length < all) return undefined;
    const [whole, labels] = lhs.length === all ? [args[0], lhs] : [args[1], rhs];
    const wide = (value: Value, own: string) => alongLabels(b, value, own, labels, whole.type.shape);
    const summed = [...labels].flatMap((label, axis) => (out.includes(label) ? [] : [axis]));
    const sum = b.reduce("sum", b.binary("mul", wide(args[0], lhs), wide(args[1], rhs)), summed, results[0].hint);
    const kept = [...labels].filter((label) => out.includes(label));
    return alongLabels(b, sum, kept.join(""), out, results[0].type.shape);
  }),
  rule("contraction with repetition", ["contract"], (b, instr, facts) => {
    const { lhs, rhs, out } = instr.attrs;
    const [x, y] = instr.args;
    return (
      contractRepeated(b, instr, { value: x, labels: lhs }, { value: y, labels: rhs }, out, facts) ??
      contractRepeated(b, instr, { value: y, labels: rhs }, { value: x, labels: lhs }, out, facts)
    );
  }),
];

function axesOf(value: Value): readonly number[] {
  return value.type.shape.map((_, axis) => axis);
}

/** The extent of an axis as a number of the element type of `like`. */
function asNumber(b: Builder, dim: Dim, like: Value): Value {
  const { elem } = like.type;
  if (typeof dim === "number") return b.constant(dim, elem);
  const length = b.op("length", { name: dim }, []);
  return elem === "f32" ? b.unary("to_f32", length) : length;
}

/** Whether a value is a contraction, or a product that becomes one when it is summed. */
function isProduct(value: Value, facts: Facts): boolean {
  if (facts.onlyBy("contract", value) !== undefined) return true;
  const rank = value.type.shape.length;
  return facts.onlyBy("mul", value)?.args.every((arg) => factorOf(arg, facts).labels.length < rank) ?? false;
}

/** An array whose axes have the labels `own`, repeated or permuted to those of `all`. */
function alongLabels(b: Builder, value: Value, own: string, all: string, shape: readonly Dim[]): Value {
  return b.broadcast(
    value,
    shape,
    [...own].map((label) => all.indexOf(label)),
  );
}

interface Labelled {
  readonly value: Value;
  readonly labels: string;
}

/** A factor of a product without its repetitions, labelled by the product's axes. */
function factorOf(value: Value, facts: Facts): Labelled {
  const broadcast = facts.by("broadcast", value);
  const axes = broadcast?.attrs.axes ?? axesOf(value);
  return { value: broadcast?.args[0] ?? value, labels: axes.map((axis) => LETTERS[axis]).join("") };
}

/** The contraction without the repetitions of its first factor, which may also permute. */
function contractRepeated(
  b: Builder,
  instr: Instr<"contract">,
  first: Labelled,
  second: Labelled,
  out: string,
  facts: Facts,
): Value | undefined {
  const broadcast = facts.by("broadcast", first.value);
  if (broadcast === undefined) return undefined;
  const labels = broadcast.attrs.axes.map((axis) => first.labels[axis]).join("");
  const lost = [...first.labels].filter((label) => !labels.includes(label));
  const alone = lost.filter((label) => !second.labels.includes(label));
  const summed = [...second.labels].flatMap((label, axis) =>
    lost.includes(label) && !out.includes(label) ? [axis] : [],
  );
  const other = b.reduce("sum", second.value, summed);
  const otherLabels = [...second.labels].filter((_, axis) => !summed.includes(axis)).join("");
  const left = [...out].filter((label) => !alone.includes(label));
  const [result] = instr.results;
  // The order of the factors is kept: schedules look at which comes first.
  const swap = first.value.id !== instr.args[0].id;
  const small = swap
    ? b.contract(other, broadcast.args[0], otherLabels, labels, left.join(""), result.hint)
    : b.contract(broadcast.args[0], other, labels, otherLabels, left.join(""), result.hint);
  return b.broadcast(
    small,
    result.type.shape,
    left.map((label) => out.indexOf(label)),
  );
}
