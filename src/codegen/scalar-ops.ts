/** @file What each pointwise op is in WGSL. Typed over the op names: a missing one does not compile. */

import type { PointwiseOp, ReduceKind } from "../ir/types.js";
import { call, type Expr, f32, type InfixOp, infix, type ScalarType } from "./kernel-ir.js";

type Spelling = (...args: readonly Expr[]) => Expr;

const builtin =
  (fn: string): Spelling =>
  (a) =>
    call(fn, "f32", a);
const operator =
  (op: InfixOp): Spelling =>
  (a, b) =>
    infix(op, a, b);

export const spellings: { readonly [K in PointwiseOp]: Spelling } = {
  neg: (a) => (a.type === "f32" ? call("-", "f32", a) : call("-", "i32", a)),
  exp: builtin("exp"),
  log: builtin("log"),
  sqrt: builtin("sqrt"),
  abs: (a) => call("abs", a.type, a),
  sign: (a) => call("sign", a.type, a),
  sin: builtin("seq_sin"),
  cos: builtin("seq_cos"),
  tanh: builtin("seq_tanh"),
  sigmoid: builtin("seq_sigmoid"),
  softplus: builtin("seq_softplus"),
  erf: builtin("seq_erf"),
  not: (a) => call("!", "bool", a),
  to_f32: (a) => (a.type === "f32" ? a : call("f32", "f32", a)),
  to_i32: (a) => (a.type === "i32" ? a : call("i32", "i32", a)),
  stop_gradient: (a) => a,
  add: operator("+"),
  sub: operator("-"),
  mul: operator("*"),
  div: operator("/"),
  pow: (a, b) => call("seq_pow", "f32", a, b),
  max: (a, b) => call("max", a.type, a, b),
  min: (a, b) => call("min", a.type, a, b),
  lt: operator("<"),
  le: operator("<="),
  gt: operator(">"),
  ge: operator(">="),
  eq: operator("=="),
  ne: operator("!="),
  and: operator("&&"),
  or: operator("||"),
  select: (c, a, b) => call("select", a.type, b, a, c),
};

export function isPointwise(op: string): op is PointwiseOp {
  return Object.hasOwn(spellings, op);
}

interface Reduction {
  /** What joins with any value to that value. */
  start(type: ScalarType): Expr;
  join(a: Expr, b: Expr): Expr;
}

/** Whole numbers in memory are f32, exact up to here. */
const LARGEST_WHOLE = 2 ** 24;

function extremum(fn: "max" | "min", sign: 1 | -1): Reduction {
  return {
    start: (type) =>
      type === "f32" ? f32(sign * Number.POSITIVE_INFINITY) : { kind: "literal", type, value: sign * LARGEST_WHOLE },
    join: (a, b) => call(fn, a.type, a, b),
  };
}

/** How partial results of a reduction start and join. */
export const reductions: { readonly [K in ReduceKind]: Reduction } = {
  sum: {
    start: (type) => ({ kind: "literal", type, value: 0 }),
    join: (a, b) => infix("+", a, b),
  },
  max: extremum("max", -1),
  min: extremum("min", 1),
};
