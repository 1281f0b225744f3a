/**
 * @file The derivative of a loop is a loop that runs the other way. Its states are the adjoints of the states, its
 * sequences the adjoints of the stacked outputs and the residuals of the forward loop, its outputs the adjoints of the
 * step inputs and each step's share in the adjoints of captured values, which are summed over the steps outside.
 */

import { Builder } from "../ir/builder.js";
import { stackAxis } from "../ir/shape.js";
import { captured, copyInstr, substitute, substituteReads } from "../ir/traverse.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { InternalError } from "../support/assert.js";
import { prune } from "./dce.js";
import {
  closeLoop,
  type Loop,
  type LoopOutput,
  type LoopSequence,
  type LoopState,
  openLoop,
  outputOf,
} from "./loop.js";
import { planResiduals } from "./residuals.js";
import { Adjoints, pullback } from "./reverse.js";

/**
 * Adds the reverse loop to `b` and its contributions to `adjoints`.
 * @param isZero whether a value of the enclosing graph is zero everywhere.
 * @returns the forward loop with the residuals as further outputs, in place of `instr`.
 */
export function loopPullback(
  b: Builder,
  instr: Instr<"scan">,
  varying: ReadonlySet<ValueId>,
  adjoints: Adjoints,
  isZero: (value: Value) => boolean,
): Instr<"scan"> {
  const loop = openLoop(instr);
  const seeds = loop.outputs.filter((o) => varying.has(o.step.id) && adjoints.get(o.all) !== undefined);
  const carried = carriedStates(loop, varying, adjoints, seeds);

  const inner = new Builder(b.ids);
  const local = new Adjoints();
  const adjointStates = carried.map(({ previous, next }) => {
    const adjoint = inner.fresh(previous.type, adjointName(previous));
    local.add(inner, next, adjoint);
    return adjoint;
  });
  const adjointSequences = seeds.map(({ step, all }): LoopSequence => {
    const adjoint = inner.fresh(step.type, adjointName(step));
    local.add(inner, step, adjoint);
    return { all: adjoints.get(all)!, step: adjoint };
  });
  pullback(inner, loop.instrs, varying, local, () => {
    throw new InternalError("autodiff", "a scan inside the body of a scan");
  });

  const next = carried.map((s) => local.get(s.previous) ?? inner.fill(0, s.previous.type.shape));
  /** Values outside the loop, and what each step adds to their adjoints (stacked, or summed afterwards). */
  const perStep = [
    ...loop.sequences.map((s) => ({ of: s.all, adjoint: local.get(s.step), summed: false })),
    ...captured(instr.attrs.body).map((value) => ({ of: value, adjoint: local.get(value), summed: true })),
  ].flatMap(({ of, adjoint, summed }) =>
    adjoint === undefined ? [] : [{ of, summed, output: outputOf(b.ids, adjoint, loop.length) }],
  );

  const outputs = perStep.map((share) => share.output);
  const residuals = attachResiduals(b, loop, prune(inner.instrs, [...next, ...outputs.map((o) => o.step)]), isZero, [
    ...next,
    ...outputs.map((o) => o.step),
  ]);
  const reverse: Loop = {
    length: loop.length,
    reverse: !loop.reverse,
    states: carried.map((state, i) => ({
      initial: adjoints.get(state.last) ?? b.fill(0, state.last.type.shape),
      previous: adjointStates[i],
      next: substitute(next[i], residuals.names),
      last: b.fresh(state.initial.type, adjointName(state.initial)),
    })),
    sequences: [...adjointSequences, ...residuals.sequences],
    instrs: residuals.body,
    outputs: outputs.map(({ step, all }) => ({ step: substitute(step, residuals.names), all })),
  };
  b.instrs.push(closeLoop(reverse));

  carried.forEach((state, i) => {
    if (varying.has(state.initial.id)) adjoints.add(b, state.initial, reverse.states[i].last);
  });
  for (const { of, summed, output } of perStep) {
    adjoints.add(b, of, summed ? b.reduce("sum", output.all, [stackAxis(of.type)]) : output.all);
  }
  return residuals.forward;
}

function adjointName(value: Value): string | undefined {
  return value.hint === undefined ? undefined : `d_${value.hint}`;
}

/** States with an adjoint to carry: they vary, and their last value or a later step's use of them is wanted. */
function carriedStates(
  loop: Loop,
  varying: ReadonlySet<ValueId>,
  adjoints: Adjoints,
  seeds: readonly LoopOutput[],
): readonly LoopState[] {
  let carried = loop.states.filter((s) => varying.has(s.previous.id) && adjoints.get(s.last) !== undefined);
  for (;;) {
    const { live } = prune(loop.instrs, [...carried.map((s) => s.next), ...seeds.map((o) => o.step)]);
    const more = loop.states.filter(
      (s) => carried.includes(s) || (varying.has(s.previous.id) && live.has(s.previous.id)),
    );
    if (more.length === carried.length) return carried;
    carried = more;
  }
}

interface Attached {
  readonly forward: Instr<"scan">;
  readonly sequences: readonly LoopSequence[];
  readonly body: readonly Instr[];
  /** What the reverse body calls the values of the forward body. */
  readonly names: ReadonlyMap<ValueId, Value>;
}

/** Gives the reverse body all it reads of the forward body: as sequences, or computed again. */
function attachResiduals(
  b: Builder,
  loop: Loop,
  adjoint: { readonly instrs: readonly Instr[] },
  isZero: (value: Value) => boolean,
  results: readonly Value[],
): Attached {
  const needed = new Set(captured({ params: [], instrs: adjoint.instrs, results }).map((v) => v.id));
  const startsAtZero = (state: LoopState) => isZero(state.initial);
  const plan = planResiduals(loop, needed, startsAtZero);

  const outputs = [...loop.outputs];
  const stackOf = (step: Value): Value => {
    const existing = outputs.find((o) => o.step.id === step.id);
    if (existing !== undefined) return existing.all;
    const output = outputOf(b.ids, step, loop.length);
    outputs.push(output);
    return output.all;
  };
  const allOf = (value: Value): Value => {
    const state = loop.states.find((s) => s.previous.id === value.id);
    if (state === undefined || !startsAtZero(state)) return stackOf(value);
    const offset = loop.reverse ? -1 : 1;
    return b.op("shift", { axis: stackAxis(value.type), offset, fill: 0 }, [stackOf(state.next)], value.hint);
  };

  const names = new Map<ValueId, Value>();
  const sequences: LoopSequence[] = [];
  const give = (value: Value, all: Value) => {
    const step = b.fresh(value.type, value.hint);
    names.set(value.id, step);
    sequences.push({ all, step });
  };
  const recomputedReads = new Set(plan.recomputed.flatMap((instr) => instr.args.map((a) => a.id)));
  for (const { all, step } of loop.sequences) {
    if (needed.has(step.id) || recomputedReads.has(step.id)) give(step, all);
  }
  for (const value of plan.kept) give(value, allOf(value));

  const again = new Builder(b.ids);
  for (const instr of plan.recomputed) copyInstr(again, instr, names);
  return {
    forward: closeLoop({ ...loop, outputs }),
    sequences,
    body: [...again.instrs, ...adjoint.instrs.map((instr) => substituteReads(instr, names))],
    names,
  };
}
