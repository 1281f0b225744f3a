/** @file Lowers typed expressions: each gives an array over the labels it depends on. */

import type { ExprOf, TypedExpr } from "../check/typed.js";
import { InternalError } from "../support/assert.js";
import { lowerCall } from "./calls.js";
import { lowerDropout } from "./dropout.js";
import { lowerElement } from "./elements.js";
import type { Environment } from "./environment.js";
import {
  closeLabels,
  type Labelled,
  openAxes,
  ownShape,
  pointwise,
  scalarOf,
  spread,
  unionLabels,
} from "./labelled.js";
import { lowerLoss } from "./losses.js";
import { applyPointwise, wholePower } from "./pointwise.js";
import { matmul, sumOfProduct } from "./products.js";
import { extentOf, labelsOf, positionAlong, zeroOwnPastEnd } from "./ragged.js";
import { reduceIndices, reduceOwn } from "./reductions.js";

/** The expression's value at this place. */
export function lowerExpr(env: Environment, expr: TypedExpr): Labelled {
  const b = env.builder;
  switch (expr.kind) {
    case "error":
      throw new InternalError("lower", "an expression with a mistake reached the lowering");
    case "number":
      return scalarOf(b, expr.value);
    case "length": {
      const extent = env.dim({ extent: expr.name, text: expr.name, span: expr.span });
      return pointwise([extentOf(b, env.labels.axis(extent))], b, (n) => b.unary("to_f32", n));
    }
    case "index":
      return pointwise([positionAlong(b, env.label(expr.index))], b, (t) => b.unary("to_f32", t));
    case "read":
      return env.read(expr.binding);
    case "shared": {
      const known = env.shared.get(expr.expr);
      if (known !== undefined) return known;
      const value = lowerExpr(env, expr.expr);
      env.shared.set(expr.expr, value);
      return value;
    }
    case "pointwise":
      return lowerPointwise(env, expr);
    case "matmul":
      return matmul(b, lowerExpr(env, expr.left), zeroOwnPastEnd(b, env.labels, lowerExpr(env, expr.right), 0));
    case "reduce":
      return lowerReduce(env, expr);
    case "loss":
      return lowerLoss(env, expr.op, lowerExpr(env, expr.args[0]), lowerExpr(env, expr.args[1]));
    case "concat": {
      const parts = expr.args.map((arg) => lowerExpr(env, arg));
      const labels = unionLabels(parts);
      const axis = labels.length + ownShape(parts[0]).length - 1;
      return {
        value: b.concat(
          parts.map((part) => spread(b, part, labels)),
          axis,
        ),
        labels,
      };
    }
    case "dropout":
      return lowerDropout(env, lowerExpr(env, expr.arg), expr.rate);
    case "one_hot": {
      const ids = lowerExpr(env, expr.arg);
      const shape = [...ids.value.type.shape, expr.count];
      const axis = shape.length - 1;
      const repeated = b.broadcast(
        ids.value,
        shape,
        shape.slice(0, axis).map((_, i) => i),
      );
      return { value: b.unary("to_f32", b.binary("eq", repeated, b.iota(shape, axis))), labels: ids.labels };
    }
    case "element":
      return lowerElement(env, expr);
    case "build": {
      const labels = env.bind(expr.indices);
      const body = lowerExpr(env, expr.body);
      return closeLabels(b, body, labels);
    }
    case "result":
      return lowerCall(env, expr.call)[expr.at];
  }
}

function lowerPointwise(env: Environment, expr: ExprOf<"pointwise">): Labelled {
  const b = env.builder;
  const [base, exponent] = expr.args;
  if (expr.op === "pow" && exponent.kind === "number" && Number.isInteger(exponent.value)) {
    return pointwise([lowerExpr(env, base)], b, (x) => wholePower(b, x, exponent.value));
  }
  const args = expr.args.map((arg) => lowerExpr(env, arg));
  return pointwise(args, b, (...values) => applyPointwise(b, expr.op, values));
}

function lowerReduce(env: Environment, expr: ExprOf<"reduce">): Labelled {
  const b = env.builder;
  const { op, over, arg } = expr;
  if (over === "axes") return op === "sum" ? sumOwn(env, arg) : reduceOwn(env, op, lowerExpr(env, arg));
  const keeps = op === "softmax" || op === "log_softmax";
  const labels = keeps ? over.map((index) => env.label(index)) : env.bind(over);
  if (op !== "sum") return reduceIndices(b, op, lowerExpr(env, arg), labels);
  return sumOfProduct(
    b,
    factorsOf(arg).map((factor) => lowerExpr(env, factor)),
    labels,
  );
}

/** `sum(a * b)` is a contraction too: its axes become labels for the while. */
function sumOwn(env: Environment, arg: TypedExpr): Labelled {
  const b = env.builder;
  const factors = factorsOf(arg).map((factor) => lowerExpr(env, factor));
  if (factors.length === 1) return reduceOwn(env, "sum", factors[0]);
  const labels = labelsOf(env.labels, factors.map(ownShape).find((own) => own.length > 0) ?? []);
  const opened = factors.map((factor) => (ownShape(factor).length === 0 ? factor : openAxes(factor, labels)));
  return sumOfProduct(b, opened, labels);
}

function factorsOf(expr: TypedExpr): readonly TypedExpr[] {
  if (expr.kind !== "pointwise" || expr.op !== "mul") return [expr];
  return expr.args.flatMap(factorsOf);
}
