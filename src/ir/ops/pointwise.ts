/**
 * @file The pointwise ops: one table with the meaning of each as a function of numbers and its derivative as a line
 * written with the builder, through the op's own result where that is cheaper (the scheduler then keeps no argument).
 */

import type { Builder } from "../builder.js";
import type { OpRule } from "../rule.js";
import { sameShape } from "../shape.js";
import type { BinaryOp, Elem, PointwiseOp, UnaryOp, Value } from "../types.js";
import { erf, sigmoid, softplus } from "./functions.js";
import { expectArity, expectType, stacked } from "./shared.js";

/** The result's element type, or undefined where the arguments do not fit. */
type Signature = (elems: readonly Elem[]) => Elem | undefined;

interface Pointwise {
  readonly signature: Signature;
  readonly evaluate: (x: number, y: number, z: number) => number;
  /** The adjoint of each argument, from the result's `g`; absent where the derivative is zero everywhere. */
  readonly vjp?: (b: Builder, g: Value, args: readonly Value[], y: Value) => readonly (Value | undefined)[];
}

const all = (elems: readonly Elem[], elem: Elem) => elems.every((e) => e === elem);

const real: Signature = (e) => (all(e, "f32") ? "f32" : undefined);
const numeric: Signature = (e) => (e[0] !== "bool" && all(e, e[0]) ? e[0] : undefined);
const logical: Signature = (e) => (all(e, "bool") ? "bool" : undefined);
const ordering: Signature = (e) => (numeric(e) === undefined ? undefined : "bool");
const equality: Signature = (e) => (all(e, e[0]) ? "bool" : undefined);
const choice: Signature = (e) => (e[0] === "bool" && e[1] === e[2] ? e[1] : undefined);

const truth = (condition: boolean) => (condition ? 1 : 0);
const zeroLike = (b: Builder, g: Value) => b.fill(0, g.type.shape);
const scaled = (b: Builder, g: Value, factor: number) => b.binary("mul", g, b.constant(factor));
/** g where the condition holds, else nothing. */
const where = (b: Builder, condition: Value, g: Value) => b.select(condition, g, zeroLike(b, g));
const whereNot = (b: Builder, condition: Value, g: Value) => b.select(condition, zeroLike(b, g), g);

const unary: { readonly [K in UnaryOp]: Pointwise } = {
  neg: { signature: numeric, evaluate: (x) => -x, vjp: (b, g) => [b.unary("neg", g)] },
  exp: { signature: real, evaluate: Math.exp, vjp: (b, g, _, y) => [b.binary("mul", g, y)] },
  log: { signature: real, evaluate: Math.log, vjp: (b, g, [x]) => [b.binary("div", g, x)] },
  sqrt: {
    signature: real,
    evaluate: Math.sqrt,
    // The slope at 0 is infinite; norms need 0 there.
    vjp: (b, g, _, y) => [where(b, b.binary("gt", y, b.constant(0)), b.binary("div", scaled(b, g, 0.5), y))],
  },
  abs: { signature: numeric, evaluate: Math.abs, vjp: (b, g, [x]) => [b.binary("mul", g, b.unary("sign", x))] },
  sign: { signature: numeric, evaluate: Math.sign },
  sin: { signature: real, evaluate: Math.sin, vjp: (b, g, [x]) => [b.binary("mul", g, b.unary("cos", x))] },
  cos: {
    signature: real,
    evaluate: Math.cos,
    vjp: (b, g, [x]) => [b.unary("neg", b.binary("mul", g, b.unary("sin", x)))],
  },
  tanh: {
    signature: real,
    evaluate: Math.tanh,
    vjp: (b, g, _, y) => [b.binary("mul", g, b.binary("sub", b.constant(1), b.binary("mul", y, y)))],
  },
  sigmoid: {
    signature: real,
    evaluate: sigmoid,
    vjp: (b, g, _, y) => [b.binary("mul", g, b.binary("mul", y, b.binary("sub", b.constant(1), y)))],
  },
  softplus: {
    signature: real,
    evaluate: softplus,
    vjp: (b, g, [x]) => [b.binary("mul", g, b.unary("sigmoid", x))],
  },
  erf: {
    signature: real,
    evaluate: erf,
    vjp: (b, g, [x]) => {
      const bell = b.unary("exp", b.unary("neg", b.binary("mul", x, x)));
      return [b.binary("mul", g, scaled(b, bell, 2 / Math.sqrt(Math.PI)))];
    },
  },
  not: { signature: logical, evaluate: (x) => truth(x === 0) },
  to_f32: { signature: () => "f32", evaluate: (x) => x, vjp: (_, g) => [g] },
  to_i32: { signature: () => "i32", evaluate: Math.trunc },
  stop_gradient: { signature: ([elem]) => elem, evaluate: (x) => x },
};

const binary: { readonly [K in BinaryOp]: Pointwise } = {
  add: { signature: numeric, evaluate: (x, y) => x + y, vjp: (_, g) => [g, g] },
  sub: { signature: numeric, evaluate: (x, y) => x - y, vjp: (b, g) => [g, b.unary("neg", g)] },
  mul: {
    signature: numeric,
    evaluate: (x, y) => x * y,
    vjp: (b, g, [x, y]) => [b.binary("mul", g, y), b.binary("mul", g, x)],
  },
  div: {
    signature: real,
    evaluate: (x, y) => x / y,
    vjp: (b, g, [, y], quotient) => {
      const dx = b.binary("div", g, y);
      return [dx, b.unary("neg", b.binary("mul", dx, quotient))];
    },
  },
  pow: {
    signature: real,
    evaluate: (x, y) => x ** y,
    vjp: (b, g, [x, y], power) => {
      const zero = b.constant(0);
      // Exponent 0 on its own: 0 · x⁻¹ is no number at x = 0.
      const slope = b.binary("mul", y, b.binary("pow", x, b.binary("sub", y, b.constant(1))));
      const dx = whereNot(b, b.binary("eq", y, zero), b.binary("mul", g, slope));
      // A base that is not positive has no derivative by the exponent (only whole exponents mean anything).
      const dy = b.binary("mul", g, b.binary("mul", power, b.unary("log", x)));
      return [dx, where(b, b.binary("gt", x, zero), dy)];
    },
  },
  max: {
    signature: numeric,
    evaluate: (x, y) => Math.max(x, y),
    vjp: (b, g, [x, y]) => {
      const first = b.binary("ge", x, y);
      return [where(b, first, g), whereNot(b, first, g)];
    },
  },
  min: {
    signature: numeric,
    evaluate: (x, y) => Math.min(x, y),
    vjp: (b, g, [x, y]) => {
      const first = b.binary("le", x, y);
      return [where(b, first, g), whereNot(b, first, g)];
    },
  },
  lt: { signature: ordering, evaluate: (x, y) => truth(x < y) },
  le: { signature: ordering, evaluate: (x, y) => truth(x <= y) },
  gt: { signature: ordering, evaluate: (x, y) => truth(x > y) },
  ge: { signature: ordering, evaluate: (x, y) => truth(x >= y) },
  eq: { signature: equality, evaluate: (x, y) => truth(x === y) },
  ne: { signature: equality, evaluate: (x, y) => truth(x !== y) },
  and: { signature: logical, evaluate: (x, y) => x * y },
  or: { signature: logical, evaluate: (x, y) => Math.max(x, y) },
};

const select: Pointwise = {
  signature: choice,
  evaluate: (c, x, y) => (c !== 0 ? x : y),
  vjp: (b, g, [c]) => [undefined, where(b, c, g), whereNot(b, c, g)],
};

function rule(op: PointwiseOp, arity: number, entry: Pointwise): OpRule<PointwiseOp> {
  const { evaluate, vjp } = entry;
  return {
    lowering: "pointwise",
    type(_, args) {
      expectArity(op, args, arity);
      expectType(
        args.every((a) => sameShape(a.shape, args[0].shape)),
        op,
        args,
        "shapes differ",
      );
      const elem = entry.signature(args.map((a) => a.elem));
      expectType(elem !== undefined, op, args, "is not defined on these element types");
      return [{ elem, shape: args[0].shape }];
    },
    evaluate(_, args) {
      const [{ data: x, shape }] = args;
      const y = args[1]?.data;
      const z = args[2]?.data;
      const data = new Float64Array(x.length);
      for (let i = 0; i < data.length; i++) data[i] = evaluate(x[i], y ? y[i] : 0, z ? z[i] : 0);
      return [{ shape, data }];
    },
    vjp(b, instr, [g]) {
      if (g === undefined || vjp === undefined) return instr.args.map(() => undefined);
      const adjoints = vjp(b, g, instr.args, instr.results[0]);
      return adjoints.map((adjoint, i) => (instr.args[i].type.elem === "f32" ? adjoint : undefined));
    },
    lift(b, instr, args, length) {
      const wide = args.map((arg, i) => stacked(b, arg, instr.args[i].type, length));
      return [b.op(instr.op, {}, wide, instr.results[0].hint)];
    },
  };
}

/** A rule for each entry of a table, under the entry's own name. */
function rules<K extends PointwiseOp>(table: { readonly [P in K]: Pointwise }, arity: number) {
  const entries = Object.entries<Pointwise>(table);
  return Object.fromEntries(entries.map(([op, entry]) => [op, rule(op as K, arity, entry)])) as {
    readonly [P in K]: OpRule<PointwiseOp>;
  };
}

/** How many arguments each op that is a function of numbers has; `select` is none of them. */
export const arities: ReadonlyMap<UnaryOp | BinaryOp, number> = new Map([
  ...Object.keys(unary).map((op) => [op as UnaryOp, 1] as const),
  ...Object.keys(binary).map((op) => [op as BinaryOp, 2] as const),
]);

export const pointwise = {
  ...rules(unary, 1),
  ...rules(binary, 2),
  select: rule("select", 3, select),
};
