/** @file What the families of ops share: type errors, adjoints' zeros, and stacking over a loop's axis. */

import { InternalError } from "../../support/assert.js";
import type { Builder } from "../builder.js";
import type { Lifted } from "../rule.js";
import { axisInStack, showType, stack, stackAxis } from "../shape.js";
import type { Op, Type, Value } from "../types.js";

/** Throws an internal error that names the op and shows the types it was given. */
export function expectType(condition: unknown, op: Op, args: readonly Type[], message: string): asserts condition {
  if (!condition) throw new InternalError("types", `${op}(${args.map(showType).join(", ")}): ${message}`);
}

export function expectArity(op: Op, args: readonly Type[], arity: number): void {
  expectType(args.length === arity, op, args, `wants ${arity} arguments`);
}

export function expectAxis(op: Op, args: readonly Type[], axis: number): void {
  const rank = args[0].shape.length;
  expectType(Number.isInteger(axis) && axis >= 0 && axis < rank, op, args, `has no axis ${axis}`);
}

/** A value that is already stacked, or one of a single step repeated along the loop's axis. */
export function stacked(b: Builder, arg: Lifted, step: Type, length: string): Value {
  if (arg.stacked) return arg.value;
  const axes = step.shape.map((_, axis) => axisInStack(step, axis));
  return b.broadcast(arg.value, stack(step, length).shape, axes);
}

/** Moves the loop's axis from `from` to where a stacked value of step type `step` has it. */
export function moveLoopAxis(b: Builder, value: Value, from: number, step: Type): Value {
  return moveAxis(b, value, from, stackAxis(step));
}

export function moveAxis(b: Builder, value: Value, from: number, to: number): Value {
  if (from === to) return value;
  const order = value.type.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  const shape = order.map((axis) => value.type.shape[axis]);
  return b.broadcast(
    value,
    shape,
    value.type.shape.map((_, axis) => order.indexOf(axis)),
  );
}

/** A lift of ops which have no arguments, or which stay in the loop. */
export function notLifted(): undefined {
  return undefined;
}
