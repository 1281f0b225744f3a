/** @file Pointwise operators and functions from those of the IR. */

import type { PointwiseName } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/types.js";
import { unreachable } from "../support/assert.js";

/** Applies an operator to arrays of equal shape or scalars. */
export function applyPointwise(b: Builder, op: PointwiseName, args: readonly Value[]): Value {
  const [x, y, z] = args;
  switch (op) {
    case "neg":
    case "exp":
    case "log":
    case "sqrt":
    case "abs":
    case "sign":
    case "sin":
    case "cos":
    case "tanh":
    case "sigmoid":
    case "softplus":
    case "stop_gradient":
      return b.unary(op, x);
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "pow":
    case "max":
    case "min":
      return b.binary(op, x, y);
    case "lt":
    case "le":
    case "gt":
    case "ge":
    case "eq":
    case "ne": {
      const [p, q] = comparable(b, x, y);
      return b.binary(op, p, q);
    }
    case "where":
      return b.select(x, y, z);
    case "clamp":
      return b.binary("min", b.binary("max", x, y), z);
    case "relu":
      return b.binary("max", x, b.constant(0));
    case "silu":
      return b.binary("mul", x, b.unary("sigmoid", x));
    case "gelu": {
      const phi = b.binary("add", b.unary("erf", b.binary("mul", x, b.constant(Math.SQRT1_2))), b.constant(1));
      return b.binary("mul", b.binary("mul", x, b.constant(0.5)), phi);
    }
    case "elu": {
      // The branch not taken must not overflow, nor its derivative.
      const below = b.binary("min", x, b.constant(0));
      const curve = b.binary("sub", b.unary("exp", below), b.constant(1));
      return b.select(b.binary("gt", x, b.constant(0)), x, curve);
    }
    default:
      return unreachable(op, "lower");
  }
}

/** Ids are whole numbers; next to a real number they are real too. */
function comparable(b: Builder, x: Value, y: Value): readonly [Value, Value] {
  if (x.type.elem === y.type.elem) return [x, y];
  const real = (v: Value) => (v.type.elem === "i32" ? b.unary("to_f32", v) : v);
  return [real(x), real(y)];
}

/** x to a whole power by repeated squaring: right for any sign, and with a derivative everywhere. */
export function wholePower(b: Builder, x: Value, exponent: number): Value {
  if (exponent === 0) return b.fill(1, x.type.shape);
  let result: Value | undefined;
  let square = x;
  for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : b.binary("mul", result, square);
    if (rest > 1) square = b.binary("mul", square, square);
  }
  const power = result ?? x;
  return exponent < 0 ? b.binary("div", b.constant(1), power) : power;
}
