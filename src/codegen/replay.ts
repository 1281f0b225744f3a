/**
 * @file Which states a reverse loop computes again instead of reading them: the forward loop then writes its states at the
 * start of each chunk of steps only, and the reverse loop runs it once more, chunk by chunk, into a small buffer. So the
 * states of a selective state space, D × N numbers a step, are never written out for all steps (Gu and Dao 2023, Mamba,
 * section 3.3.2).
 *
 * It is done where both loops run a channel a thread and what would be written is more than what the forward loop reads.
 */

import { definitions as definitionsIn, reads } from "../ir/traverse.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import type { Expr } from "./kernel-ir.js";
import { type LanePlan, stackOf } from "./lane-plan.js";

/** Steps of a chunk. */
export const CHUNK = 32;

export interface Replay {
  readonly forward: Instr<"scan">;
  readonly plan: LanePlan;
  /** Results of the forward loop, by their numbers behind the states, that are computed again. */
  readonly again: readonly number[];
  /** Numbers of the states that these depend on. */
  readonly states: readonly number[];
  /** For each slot of the forward loop, that of the reverse one. */
  readonly slots: readonly number[];
}

/** The states of a loop at the starts of its chunks. */
export interface ChunkStarts {
  /** In the arena. */
  readonly offset: Expr;
  readonly states: readonly number[];
}

interface Candidate {
  readonly instr: Instr<"scan">;
  readonly plan: LanePlan;
}

/**
 * @param readers how many groups read a value; results of the graph count as one more.
 */
export function planReplay(
  reverse: Candidate,
  definitions: ReadonlyMap<ValueId, Instr>,
  planOf: (instr: Instr<"scan">) => LanePlan | undefined,
  readers: (value: Value) => number,
): Replay | undefined {
  const { instr, plan } = reverse;
  const { states } = instr.attrs;
  const stacks = new Map(
    instr.args
      .slice(states)
      .map((arg) => stackOf(arg, definitions))
      .map((v) => [v.id, v]),
  );
  for (const value of stacks.values()) {
    const forward = definitions.get(value.id);
    if (forward?.op !== "scan" || forward.attrs.reverse || !instr.attrs.reverse) continue;
    if (forward.attrs.length !== instr.attrs.length) continue;
    const forwardPlan = planOf(forward);
    if (forwardPlan === undefined) continue;
    const outputs = forward.results.slice(forward.attrs.states);
    const again = outputs.flatMap((output, i) => {
      const of = stateOf(forward, forwardPlan.outputs[i].value);
      if (of === undefined || readers(output) !== 1) return [];
      const isRead = of.when === "after" ? stacks.has(output.id) : instr.args.some(({ id }) => id === output.id);
      return isRead ? [i] : [];
    });
    const slots = again.length === 0 ? undefined : commonSlots(forwardPlan, again, outputs, plan);
    if (slots === undefined) continue;
    const written = totalSize(again.map((i) => outputs[i]));
    const read = totalSize(forward.args.slice(forward.attrs.states));
    if (written <= read) continue;
    return { forward, plan: forwardPlan, again, slots, states: statesBehind(forward, forwardPlan, again) };
  }
  return undefined;
}

/** Of which state of the loop a value of its body is what stands before or after the step, by its number. */
export function stateOf(
  { attrs }: Instr<"scan">,
  { id }: Value,
): { readonly state: number; readonly when: "before" | "after" } | undefined {
  const { body, states } = attrs;
  const after = body.results.slice(0, states).findIndex((next) => next.id === id);
  if (after >= 0) return { state: after, when: "after" };
  const before = body.params.slice(0, states).findIndex((previous) => previous.id === id);
  return before < 0 ? undefined : { state: before, when: "before" };
}

/** Elements a step of all of them, for one example. */
const totalSize = (values: readonly Value[]): number =>
  values.reduce(
    (n, { type }) => n + type.shape.reduce((m: number, dim) => (typeof dim === "number" ? m * dim : m), 1),
    0,
  );

/** The states that some of a step's results depend on, by way of others. */
function statesBehind(loop: Instr<"scan">, plan: LanePlan, again: readonly number[]): readonly number[] {
  const { body, states } = loop.attrs;
  const definitions = definitionsIn(body.instrs);
  const found = new Set<number>();
  const seen = new Set<ValueId>();
  const visit = (value: Value) => {
    if (seen.has(value.id)) return;
    seen.add(value.id);
    const state = body.params.findIndex(({ id }) => id === value.id);
    if (state >= 0 && state < states) {
      found.add(state);
      visit(body.results[state]);
    }
    const instr = definitions.get(value.id);
    if (instr !== undefined) reads(instr).forEach(visit);
  };
  for (const i of again) {
    const { value } = plan.outputs[i];
    // What stands before a step is found with what stands after it.
    const of = stateOf(loop, value);
    if (of !== undefined) found.add(of.state);
    visit(value);
  }
  return [...found].sort((a, b) => a - b);
}

/** The residuals' axes say which slots are the same; undefined unless each is one of the other's. */
function commonSlots(
  from: LanePlan,
  again: readonly number[],
  outputs: readonly Value[],
  to: LanePlan,
): readonly number[] | undefined {
  const found = new Map<number, number>();
  for (const i of again) {
    const there = to.residuals.get(outputs[i].id);
    for (const [axis, slot] of from.outputs[i].kept.entries()) {
      const other = there?.[axis];
      if (slot === undefined) continue;
      if (other === undefined || (found.get(slot) ?? other) !== other) return undefined;
      found.set(slot, other);
    }
  }
  const slots = from.extents.map((_, slot) => found.get(slot) ?? -1);
  const bijective = slots.length === to.extents.length && new Set(slots).size === slots.length && !slots.includes(-1);
  return bijective ? slots : undefined;
}
