/** @file A scan taken apart into what belongs together, so that passes never count positions of arguments and results. */

import type { IdSource } from "../ir/builder.js";
import { stack } from "../ir/shape.js";
import type { Instr, Value } from "../ir/types.js";

export interface LoopState {
  readonly initial: Value;
  /** In the body: the value before the step. */
  readonly previous: Value;
  /** In the body: the value after the step. */
  readonly next: Value;
  readonly last: Value;
}

export interface LoopSequence {
  readonly all: Value;
  /** In the body: the value of this step. */
  readonly step: Value;
}

export interface LoopOutput {
  /** In the body: what this step gives. */
  readonly step: Value;
  readonly all: Value;
}

export interface Loop {
  readonly length: string;
  readonly reverse: boolean;
  readonly states: readonly LoopState[];
  readonly sequences: readonly LoopSequence[];
  readonly instrs: readonly Instr[];
  readonly outputs: readonly LoopOutput[];
}

export function openLoop({ attrs, args, results }: Instr<"scan">): Loop {
  const { length, reverse, states: n, body } = attrs;
  return {
    length,
    reverse,
    states: args.slice(0, n).map((initial, i) => ({
      initial,
      previous: body.params[i],
      next: body.results[i],
      last: results[i],
    })),
    sequences: args.slice(n).map((all, i) => ({ all, step: body.params[n + i] })),
    instrs: body.instrs,
    outputs: results.slice(n).map((all, i) => ({ step: body.results[n + i], all })),
  };
}

export function closeLoop({ length, reverse, states, sequences, instrs, outputs }: Loop): Instr<"scan"> {
  return {
    op: "scan",
    attrs: {
      length,
      reverse,
      states: states.length,
      body: {
        params: [...states.map((s) => s.previous), ...sequences.map((s) => s.step)],
        instrs,
        results: [...states.map((s) => s.next), ...outputs.map((o) => o.step)],
      },
    },
    args: [...states.map((s) => s.initial), ...sequences.map((s) => s.all)],
    results: [...states.map((s) => s.last), ...outputs.map((o) => o.all)],
  };
}

/** A new output of a loop. */
export function outputOf(ids: IdSource, step: Value, length: string): LoopOutput {
  return { step, all: { id: ids.next(), type: stack(step.type, length), hint: step.hint } };
}
