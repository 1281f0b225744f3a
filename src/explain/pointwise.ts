/** @file Pointwise ops as terms. */

import type { PointwiseOp } from "../ir/types.js";
import { call, isNumber, minus, negative, over, plus, power, type Relation, type Term, times } from "./term.js";

const RELATIONS: Readonly<Partial<Record<PointwiseOp, Relation>>> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

export function pointwiseTerm(op: PointwiseOp, args: readonly Term[]): Term {
  const [x, y, z] = args;
  const relation = RELATIONS[op];
  if (relation !== undefined) return { kind: "relation", op: relation, left: x, right: y };
  switch (op) {
    case "add":
      return plus(x, y);
    case "sub":
      return minus(x, y);
    case "mul":
      return times(x, y);
    case "div":
      return over(x, y);
    case "neg":
      return negative(x);
    case "pow":
      return power(x, y);
    case "to_i32":
    case "stop_gradient":
      return x;
    case "to_f32":
      return x.kind === "relation" ? call("where", x, { kind: "number", value: 1 }, { kind: "number", value: 0 }) : x;
    case "select":
      return isNumber(y, 0) && isNumber(z, 0) ? y : call("where", x, y, z);
    default:
      return call(op, ...args);
  }
}
