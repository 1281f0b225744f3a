/**
 * @file What the registry must know of an op. An op lives in one place: all of this together, or it does not compile.
 *
 * The evaluation is the living definition of the op's meaning; it shares nothing with the lowering to kernels, so the
 * oracle cannot inherit their bugs.
 */

import type { Builder } from "./builder.js";
import type { NdArray } from "./ndarray.js";
import type { Instr, Op, OpAttrs, Region, Type, Value } from "./types.js";

/** How the scheduler treats an op. */
export type Lowering = "pointwise" | "source" | "view" | "reduction" | "contraction" | "gather" | "region";

/** An argument of an instruction that is moved out of a loop: its new value, and whether it gained the loop's axis. */
export interface Lifted {
  readonly value: Value;
  /** Whether the axis is there: at 1 if the step value leads with the batch, else at 0 (see `stackAxis`). */
  readonly stacked: boolean;
}

export interface EvalContext {
  /** Extents of the run-time lengths, the batch included. */
  readonly lengths: Readonly<Record<string, number>>;
  /** Evaluates a region, which may read the values of the enclosing graphs, for given arrays of its params. */
  run(region: Region, params: readonly NdArray[]): readonly NdArray[];
}

export interface OpRule<K extends Op> {
  readonly lowering: Lowering;
  /** Result types, or an internal error if the arguments do not fit. */
  type(attrs: OpAttrs[K], args: readonly Type[]): readonly Type[];
  /** The meaning of the op in f64. */
  evaluate(instr: Instr<K>, args: readonly NdArray[], context: EvalContext): readonly NdArray[];
  /**
   * Vector–Jacobian product, written with the builder and therefore itself IR. `adjoints` has one entry a result
   * (undefined where nothing flows back); the answer has one entry an argument.
   */
  vjp(b: Builder, instr: Instr<K>, adjoints: readonly (Value | undefined)[]): readonly (Value | undefined)[];
  /**
   * The same instruction for all steps of a loop over `length` at once, at least one argument being stacked; every
   * result is stacked. Undefined where an op cannot be moved out of a loop in this form.
   */
  lift(b: Builder, instr: Instr<K>, args: readonly Lifted[], length: string): readonly Value[] | undefined;
}

export type Registry = { readonly [K in Op]: OpRule<K> };
