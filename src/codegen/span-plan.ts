/**
 * @file Which loops can be cut along time into spans that run side by side. What a span does to its states is affine,
 * s ↦ A s + b, where each step is; so A and b of all spans are found first, side by side, then the state at which each
 * span starts, and then every span runs as if it were alone (a prefix scan by reduce-then-scan: Blelloch 1990, "Prefix
 * Sums and Their Applications"; Merrill and Grimshaw 2009).
 *
 * States that only add up, as gradients of what is the same at every step do, need no start: each span adds up its
 * own part.
 */

import { Builder, type IdSource } from "../ir/builder.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { uniformConstant } from "../passes/constant.js";
import { closeLoop, type Loop, openLoop } from "../passes/loop.js";
import {
  type AffineStep,
  affineStep,
  classifyGroups,
  type RecurrenceGroup,
  recurrenceOf,
  statesRead,
} from "../passes/recurrence/index.js";
import { u32 } from "./kernel-ir.js";
import type { LaneOutput, LanePlan, Placement } from "./lane-plan.js";
import type { Index } from "./scalarize.js";

/** States that are linear together, and in no need of others. */
export interface SpanGroup {
  /** Positions in the loop. */
  readonly states: readonly number[];
  /** The loop of these states alone; its outputs are those elements of a step's matrix that are not zero. */
  readonly instr: Instr<"scan">;
  /** Slots are the axes along which nothing is mixed; their extents, without the batch. */
  readonly channels: readonly number[];
  readonly plan: { readonly states: readonly Placement[]; readonly outputs: readonly LaneOutput[] };
  /** Row and column of each output. */
  readonly entries: readonly (readonly [row: number, column: number])[];
  /** Elements of a channel, of each state within the group in turn: k of a matrix of k × k. */
  readonly elements: readonly { readonly state: number; readonly inner: Index }[];
  readonly width: number;
}

export interface SpanPlan {
  readonly groups: readonly SpanGroup[];
  /** Positions of states that only add up. */
  readonly totals: readonly number[];
  /** Of the coefficients of the steps. */
  readonly definitions: ReadonlyMap<ValueId, Instr>;
}

/** Or the reason why a loop goes step by step. */
export type Spans = SpanPlan | { readonly serial: string };

/** @param outside the definitions of what stands around the loop and in it. */
export function planSpans(
  instr: Instr<"scan">,
  lanes: LanePlan,
  outside: ReadonlyMap<ValueId, Instr>,
  ids: IdSource,
): Spans {
  const loop = openLoop(instr);
  const read = statesRead(loop);
  const classified = (groups: readonly (readonly number[])[]) => classifyGroups(instr, groups, (id) => outside.get(id));
  const b = new Builder(ids);
  const onlyAddsUp = (state: number): boolean => {
    const others = [...loop.states.filter((_, other) => other !== state).map(({ next }) => next)];
    if ([...others, ...loop.outputs.map(({ step }) => step)].some((value) => read(value).has(state))) return false;
    const [group] = classified([[state]]);
    if (group.class !== "linear-diagonal") return false;
    const scratch = new Builder(ids);
    const [[factor]] = affineStep(scratch, loop, group).matrix;
    const defined = new Map(scratch.instrs.map((by) => [by.results[0].id, by]));
    return factor !== undefined && uniformConstant(factor, (id) => defined.get(id)) === 1;
  };
  const totals = loop.states.flatMap((_, state) => (onlyAddsUp(state) ? [state] : []));
  const carried = loop.states.map((_, state) => state).filter((state) => !totals.includes(state));

  const { groups: alone } = recurrenceOf(instr, (id) => outside.get(id));
  const groups: SpanGroup[] = [];
  for (const group of classified(together(carried, (state) => read(loop.states[state].next)))) {
    const { degree, reads } = group.proof;
    const forgets = reads.length === 0 && degree === "free";
    if (!isLinear(group) && !forgets) return { serial: obstacle(loop, group, alone) };
    const step = forgets ? forgetful(group) : affineStep(b, loop, group);
    const spanned = spanGroup(loop, group, step, b.instrs);
    const isWhole = group.states.every((state, i) =>
      lanes.states[state].every((slot, axis) => slot === undefined || group.channelAxes[i].includes(axis + 1)),
    );
    if (spanned === undefined || !isWhole) return { serial: `places of ${namesOf(loop, group)} meet` };
    groups.push(spanned);
  }
  return {
    groups,
    totals,
    definitions: new Map(b.instrs.flatMap((by) => by.results.map(({ id }) => [id, by] as const))),
  };
}

const isLinear = ({ class: kind }: RecurrenceGroup) => kind === "linear-diagonal" || kind === "linear-block";

const namesOf = (loop: Loop, { states }: RecurrenceGroup): string =>
  states
    .map((state) => loop.states[state].previous)
    .map(({ id, hint }) => hint ?? `%${id}`)
    .join(", ");

/** Why states are not linear together. @param alone the groups of states that need each other both ways. */
function obstacle(loop: Loop, whole: RecurrenceGroup, alone: readonly RecurrenceGroup[]): string {
  const parts = alone.filter(({ states }) => states.every((state) => whole.states.includes(state)));
  const obstacle = parts.find((part) => !isLinear(part) && part.class !== "delay");
  if (obstacle === undefined) return `${namesOf(loop, whole)} are not linear together, or too many`;
  const verb = obstacle.states.length === 1 ? "is" : "are";
  const names = `${namesOf(loop, obstacle)} ${verb}`;
  return obstacle.class === "linear-dense" ? `${names} more numbers than a small block` : `${names} not linear`;
}

/** The loop of a group alone, with the threads of the whole loop. */
export function groupLanes({ states, plan }: SpanGroup, lanes: LanePlan): LanePlan {
  const [first] = states;
  return {
    ...lanes,
    states: states.map((state) => lanes.states[state]),
    outputs: plan.outputs.map(({ value, kept }) => ({
      value,
      kept: kept.map((slot) => lanes.states[first][plan.states[0].indexOf(slot)]),
    })),
  };
}

/** States that need each other, one way or both, in one group. */
function together(
  states: readonly number[],
  needs: (state: number) => ReadonlySet<number>,
): readonly (readonly number[])[] {
  return states.reduce<readonly (readonly number[])[]>((groups, state) => {
    const linked = groups.filter((group) => group.some((other) => needs(state).has(other) || needs(other).has(state)));
    const joined = [...linked.flat(), state].sort((a, b) => a - b);
    return [...groups.filter((group) => !linked.includes(group)), joined];
  }, []);
}

/** Of a state that nothing of the one before is left of. */
function forgetful({ states: [state] }: RecurrenceGroup): AffineStep {
  return { elements: [{ state, place: [] }], matrix: [[undefined]], offset: [undefined] };
}

function spanGroup(
  loop: Loop,
  { states, channelAxes }: RecurrenceGroup,
  { elements, matrix }: AffineStep,
  coefficients: readonly Instr[],
): SpanGroup | undefined {
  if (!channelAxes.every((own) => own[0] === 0)) return undefined;
  const [first] = states;
  const { shape } = loop.states[first].previous.type;
  const channels = channelAxes[0].slice(1).map((axis) => Number(shape[axis]));
  const entries = matrix.flatMap((row, i) =>
    row.flatMap((value, j) => (value === undefined ? [] : [{ value, at: [i, j] as const }])),
  );
  const own = channels.map((_, slot) => slot);
  const outputs = entries.map(({ value }) => ({ step: value, all: value }));
  return {
    states,
    instr: closeLoop({
      ...loop,
      states: states.map((state) => loop.states[state]),
      instrs: [...loop.instrs, ...coefficients],
      outputs,
    }),
    channels,
    plan: {
      states: states.map((state, i): Placement => {
        const { length } = loop.states[state].previous.type.shape;
        return Array.from({ length: length - 1 }, (_, axis) => {
          const slot = channelAxes[i].indexOf(axis + 1) - 1;
          return slot < 0 ? undefined : slot;
        });
      }),
      outputs: entries.map(({ value }: { readonly value: Value }): LaneOutput => ({ value, kept: own })),
    },
    entries: entries.map(({ at }) => at),
    elements: elements.map(({ state, place }) => ({ state: states.indexOf(state), inner: place.map(u32) })),
    width: elements.length,
  };
}
