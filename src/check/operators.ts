/** @file Operators and pointwise functions: equal shapes or scalars, and folding of numbers known at compile time. */

import type { BinaryExpr, BinaryOperator } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { productHint } from "./hints.js";
import { sourceText } from "./report.js";
import { type Context, errorExpr, numberExpr } from "./scope.js";
import { arrayOf, BOOL, disagreement, knownDim, sameAxes, sameDim, showAxes, showElem } from "./sizes.js";
import type { Dim, PointwiseName, TypedExpr } from "./typed.js";

export const operatorNames: Readonly<Record<Exclude<BinaryOperator, "@">, PointwiseName>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "**": "pow",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  "==": "eq",
  "!=": "ne",
};

const comparisons: ReadonlySet<PointwiseName> = new Set(["lt", "le", "gt", "ge", "eq", "ne"]);

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Those that have a value at compile time on numbers, so that sizes can be made with them. */
const folds: Partial<Record<PointwiseName, (...args: number[]) => number>> = {
  neg: (a) => -a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  clamp: (x, low, high) => Math.min(Math.max(x, low), high),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
};

/** The value of an operator or function on numbers, where it has one at compile time. */
export function foldNumbers(op: PointwiseName, numbers: readonly number[]): number | undefined {
  return folds[op]?.(...numbers);
}

/** A short name for an operand: its text, if that fits a sentence. */
export function nameOf(expr: TypedExpr, otherwise: string): string {
  const text = sourceText(expr.span);
  return text.length <= 40 && !text.includes("\n") ? `\`${text}\`` : otherwise;
}

export function wantNumber(context: Context, expr: TypedExpr): boolean {
  if (expr.type.kind === "error") return false;
  if (expr.type.elem.kind === "f32") return true;
  const help =
    expr.type.elem.kind === "bool"
      ? "`where(m, a, b)` makes numbers of truth values"
      : "compare it, look it up in a table (`E[token]`), or make numbers with `one_hot`";
  const message = `${nameOf(expr, "This")} holds ${showElem(expr.type.elem)} where numbers are wanted.`;
  context.reporter.report("SEQ3008", expr.span, message, { help });
  return false;
}

/** The shape of equal shapes and scalars together; undefined after a mistake. */
export function agree(context: Context, args: readonly TypedExpr[], span: Span): readonly Dim[] | undefined {
  let shape: { axes: readonly Dim[]; from: TypedExpr } | undefined;
  for (const arg of args) {
    if (arg.type.kind === "error") return undefined;
    const { axes } = arg.type;
    if (axes.length === 0) continue;
    if (shape === undefined) {
      shape = { axes, from: arg };
      continue;
    }
    const before = shape;
    if (!sameAxes(before.axes, axes)) {
      const show = (a: readonly Dim[]) => showAxes(a, context.symbolic);
      const message = `${nameOf(before.from, "the one side")} is ${show(before.axes)} but ${nameOf(arg, "the other")} is ${show(axes)}.`;
      const help =
        before.axes.length === axes.length ? undefined : "write it with indices, such as `y[i, j] = a[i, j] + b[j]`";
      const related = disagreement(before.axes, axes, context.symbolic);
      const capital = message.charAt(0).toUpperCase() + message.slice(1);
      context.reporter.report("SEQ3001", span, capital, help === undefined ? { related } : { related, help });
      return undefined;
    }
    shape = { axes: axes.map((dim, i) => knownDim(before.axes[i], dim)), from: before.from };
  }
  return shape?.axes ?? [];
}

/** Types an operator or pointwise function, or computes it where all operands are numbers known now. */
export function pointwise(context: Context, op: PointwiseName, args: readonly TypedExpr[], span: Span): TypedExpr {
  if (args.some((arg) => arg.type.kind === "error")) return errorExpr(span);
  if (comparisons.has(op)) return compare(context, op, args, span);
  if (!args.every((arg, i) => (op === "where" && i === 0 ? wantBool(context, arg) : wantNumber(context, arg)))) {
    return errorExpr(span);
  }
  const fold = folds[op];
  const numbers = args.flatMap((arg) => (arg.kind === "number" ? [arg.value] : []));
  if (fold !== undefined && numbers.length === args.length) {
    const value = fold(...numbers);
    if (!Number.isNaN(value)) return numberExpr(value, span);
    context.reporter.report("SEQ3020", span, `${sourceText(span)} is no number.`);
    return errorExpr(span);
  }
  const axes = agree(context, args, span);
  return axes === undefined ? errorExpr(span) : { kind: "pointwise", op, args, type: arrayOf(axes), span };
}

export function wantBool(context: Context, expr: TypedExpr): boolean {
  if (expr.type.kind === "error") return false;
  if (expr.type.elem.kind === "bool") return true;
  const message = `${nameOf(expr, "This")} holds ${showElem(expr.type.elem)} where truth values are wanted.`;
  context.reporter.report("SEQ3008", expr.span, message, { help: "compare it with something, such as `m != 0`" });
  return false;
}

function compare(context: Context, op: PointwiseName, args: readonly TypedExpr[], span: Span): TypedExpr {
  const bool = args.find((arg) => arg.type.kind === "array" && arg.type.elem.kind === "bool");
  if (bool !== undefined) {
    context.reporter.report("SEQ3008", bool.span, "Truth values cannot be compared; numbers and ids can.");
    return errorExpr(span);
  }
  const axes = agree(context, args, span);
  return axes === undefined ? errorExpr(span) : { kind: "pointwise", op, args, type: arrayOf(axes, BOOL), span };
}

/** `A @ x`, `A @ B`. */
export function matmul(context: Context, expr: BinaryExpr, left: TypedExpr, right: TypedExpr): TypedExpr {
  const { span } = expr;
  if (!wantNumber(context, left) || !wantNumber(context, right)) return errorExpr(span);
  const [a, b] = [left.type, right.type];
  if (a.kind === "error" || b.kind === "error") return errorExpr(span);
  const show = (axes: readonly Dim[]) => showAxes(axes, context.symbolic);
  const shapes = `${nameOf(left, "the left side")} is ${show(a.axes)} and ${nameOf(right, "the right side")} is ${show(b.axes)}`;
  const hint = productHint(context, left, right);
  const indexed = hint === undefined ? {} : { help: `write it with indices: \`${hint}\`` };
  if (a.axes.length !== 2 || b.axes.length < 1 || b.axes.length > 2) {
    const message = `\`@\` is matrix by vector or matrix by matrix, but ${shapes}.`;
    context.reporter.report("SEQ3002", span, message, indexed);
    return errorExpr(span);
  }
  if (!sameDim(a.axes[1], b.axes[0])) {
    const related = disagreement([a.axes[1]], [b.axes[0]], context.symbolic);
    const message = `The last axis of the left side meets the first of the right, but ${shapes}.`;
    context.reporter.report("SEQ3002", span, message, { related, ...indexed });
    return errorExpr(span);
  }
  return { kind: "matmul", left, right, type: arrayOf([a.axes[0], ...b.axes.slice(1)]), span };
}

/** The number a scalar expression has at compile time, if it has one. */
export function constantOf(expr: TypedExpr): number | undefined {
  if (expr.kind === "shared") return constantOf(expr.expr);
  return expr.kind === "number" ? expr.value : undefined;
}
