/**
 * @file Reverse mode over a straight line of instructions: which values vary, and how adjoints flow back through them.
 * Shared by the derivative of a graph and that of a loop's body.
 */

import type { Builder } from "../ir/builder.js";
import { vjp } from "../ir/registry.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { openLoop } from "./loop.js";

/** The adjoint of each value so far; contributions add up. */
export class Adjoints {
  readonly #of = new Map<ValueId, Value>();

  get(value: Value): Value | undefined {
    return this.#of.get(value.id);
  }

  add(b: Builder, value: Value, contribution: Value): void {
    const sofar = this.#of.get(value.id);
    this.#of.set(value.id, sofar === undefined ? contribution : b.binary("add", sofar, contribution));
  }
}

/** Adds to `varying` what depends differentiably on its members, inside loops too. */
export function markVarying(instrs: readonly Instr[], varying: Set<ValueId>): void {
  const varies = (value: Value) => varying.has(value.id);
  for (const instr of instrs) {
    if (instr.op === "scan") markLoop(instr, varying);
    else if (instr.op !== "stop_gradient" && instr.args.some(varies)) {
      for (const result of instr.results) if (result.type.elem === "f32") varying.add(result.id);
    }
  }
}

/** A state varies if its start or its next value does, which may itself depend on the state: hence to a fixed point. */
function markLoop(instr: Instr<"scan">, varying: Set<ValueId>): void {
  const loop = openLoop(instr);
  const pass = (from: Value, to: Value) => {
    if (varying.has(from.id)) varying.add(to.id);
  };
  for (const { all, step } of loop.sequences) pass(all, step);
  for (const { initial, previous } of loop.states) pass(initial, previous);
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    markVarying(loop.instrs, varying);
    for (const { next, previous } of loop.states) pass(next, previous);
  }
  for (const { previous, last } of loop.states) pass(previous, last);
  for (const { step, all } of loop.outputs) pass(step, all);
}

/** How the adjoint of a loop is found; it may replace the loop by one that gives more. */
export type LoopPullback = (b: Builder, instr: Instr<"scan">) => void;

/**
 * Walks `instrs` backwards, adding instructions to `b` and contributions to `adjoints`, by the ops' own rules.
 * Only instructions with an adjoint to pass on and a varying argument are visited.
 */
export function pullback(
  b: Builder,
  instrs: readonly Instr[],
  varying: ReadonlySet<ValueId>,
  adjoints: Adjoints,
  loopPullback: LoopPullback,
): void {
  for (const instr of instrs.toReversed()) {
    const incoming = instr.results.map((r) => (varying.has(r.id) ? adjoints.get(r) : undefined));
    if (incoming.every((adjoint) => adjoint === undefined)) continue;
    if (instr.op === "scan") {
      loopPullback(b, instr);
      continue;
    }
    vjp(b, instr, incoming).forEach((contribution, i) => {
      const arg = instr.args[i];
      if (contribution !== undefined && varying.has(arg.id)) adjoints.add(b, arg, contribution);
    });
  }
}
