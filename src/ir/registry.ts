/**
 * @file The table of all ops: for each its types, meaning, derivative, vectorisation and lowering kind. The functions
 * below apply a rule to an instruction of whatever op.
 */

import type { Builder } from "./builder.js";
import type { NdArray } from "./ndarray.js";
import { contractions } from "./ops/contract.js";
import { gathers } from "./ops/gather.js";
import { pointwise } from "./ops/pointwise.js";
import { randoms } from "./ops/random.js";
import { reductions } from "./ops/reductions.js";
import { scans } from "./ops/scan.js";
import { sources } from "./ops/sources.js";
import { views } from "./ops/views.js";
import type { EvalContext, Lifted, Registry } from "./rule.js";
import type { Instr, Op, Type, Value } from "./types.js";

export const registry: Registry = {
  ...pointwise,
  ...sources,
  ...randoms,
  ...views,
  ...reductions,
  ...contractions,
  ...gathers,
  ...scans,
};

/** The result types that an instruction must have; an internal error if its arguments do not fit. */
export function inferTypes<K extends Op>(instr: Instr<K>): readonly Type[] {
  const rule = registry[instr.op];
  return rule.type(
    instr.attrs,
    instr.args.map((a) => a.type),
  );
}

/** The results of an instruction in f64. */
export function evaluate<K extends Op>(
  instr: Instr<K>,
  args: readonly NdArray[],
  context: EvalContext,
): readonly NdArray[] {
  return registry[instr.op].evaluate(instr, args, context);
}

/** The adjoint of each argument, given those of the results (see `OpRule.vjp`). */
export function vjp<K extends Op>(
  b: Builder,
  instr: Instr<K>,
  adjoints: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  return registry[instr.op].vjp(b, instr, adjoints);
}

/** The instruction for all steps of a loop at once (see `OpRule.lift`). */
export function lift<K extends Op>(
  b: Builder,
  instr: Instr<K>,
  args: readonly Lifted[],
  length: string,
): readonly Value[] | undefined {
  return registry[instr.op].lift(b, instr, args, length);
}
