/**
 * @file What is stored as f16, where the model is compiled for it: numbers that have a place of their own at every step of
 * every example, which are most of what a training step keeps. Kernels compute in f32 all the same.
 *
 * Of the loss's derivative, which is scaled up to fit f16 (`autodiff`), a number may be too large at one scale and fit at a
 * smaller one. A kernel that meets such a number raises the program's flag; the update then leaves the parameters alone,
 * and the runtime lowers the scale.
 */

import { reads } from "../ir/traverse.js";
import { BATCH, type Graph, type Value, type ValueId } from "../ir/types.js";
import { type Expr, f32, type Kernel, type Memory, type Stmt, variable } from "./kernel-ir.js";

/** Memories of halves are one buffer. What is written to this one raises the flag where it is too large. */
export const WATCHED: Memory = "halves_watched";
const OVERFLOWED = variable("seq_overflowed", "bool", 0);

/**
 * Not f16: ids and flags; an array without axes beside the batch and one length, which is small, and often a sum of many
 * numbers or a position; what is the same for every example.
 */
export function isHalf({ type: { elem, shape } }: Value): boolean {
  const axes = shape.filter((dim) => dim !== 1);
  const lengths = axes.filter((dim) => typeof dim === "string" && dim !== BATCH);
  return elem === "f32" && axes.includes(BATCH) && lengths.length > 0 && axes.length > 2;
}

/** What only gradients need: the derivative, but for what it computes again of the forward pass. */
export function onlyForGradients({ instrs, results }: Graph): (value: Value) => boolean {
  const needed = new Set<ValueId>(results.filter(({ kind }) => kind !== "grad").map(({ value }) => value.id));
  for (const instr of instrs.toReversed()) {
    if (!instr.results.some(({ id }) => needed.has(id))) continue;
    // All that a loop of the forward pass gives belongs to it, whoever reads it.
    for (const { id } of [...instr.results, ...reads(instr)]) needed.add(id);
  }
  return ({ id }) => !needed.has(id);
}

/** The kernels, raising the flag at that place of the arena where they meet what is too large. */
export function watched(kernel: Kernel, flag: Expr): Kernel {
  const { steps } = kernel;
  const around = {
    steps: steps && { ...steps, others: steps.others.map((k) => watched(k, flag)) },
    before: kernel.before?.map((k) => watched(k, flag)),
    behind: kernel.behind?.map((k) => watched(k, flag)),
  };
  const own: Kernel = {
    ...kernel,
    ...(around.steps && { steps: around.steps }),
    ...(around.before && { before: around.before }),
    ...(around.behind && { behind: around.behind }),
  };
  if (!writes(kernel.body, WATCHED)) return own;
  // Whichever threads write it, all write the same.
  const raise: Stmt = { kind: "store", memory: "arena", index: flag, value: f32(1) };
  return { ...own, body: [...kernel.body, { kind: "if", condition: OVERFLOWED, body: [raise] }] };
}

function writes(body: readonly Stmt[], memory: Memory): boolean {
  return body.some((s) =>
    s.kind === "for" || s.kind === "if" ? writes(s.body, memory) : s.kind === "store" && s.memory === memory,
  );
}
