/** @file From what the next values of a group read of its states to the kind of recurrence that it is. */

import type { Dim } from "../../ir/types.js";
import type { Loop } from "../loop.js";
import { type Access, type Bottleneck, DEGREES, extentOf, type Reading } from "./reading.js";
import type { Matrix, RecurrenceClass, RecurrenceGroup, StateRead } from "./types.js";

/** Blocks beyond this are no cheaper together than step by step. */
export const MOST_COUPLED = 4;

/** @param readings of each state's next value, in the order of `states`; undefined where it reads none of them. */
export function classify(
  loop: Loop,
  states: readonly number[],
  readings: readonly (Reading | undefined)[],
): RecurrenceGroup {
  const reads = states.flatMap((next, i) =>
    (readings[i]?.accesses ?? []).map((access): StateRead => ({ next, ...access })),
  );
  const shapes = states.map((state) => loop.states[state].previous.type.shape);
  const channelAxes = channels(states, shapes, reads);
  const width = shapes
    .map((shape, i) =>
      shape.reduce<number>((n, dim, axis) => (channelAxes[i].includes(axis) ? n : n * extentOf(dim)), 1),
    )
    .reduce((sum, n) => sum + n, 0);
  const degree = DEGREES[Math.max(...readings.map((reading) => DEGREES.indexOf(reading?.degree ?? "free")))];
  const varies = readings.some((reading) => reading?.varies ?? false);
  const own = shapes.every((shape, i) => channelAxes[i].length === shape.length);
  const delay = delayAxis(reads);
  const linear = degree !== "nonlinear";

  const group = (kind: RecurrenceClass, matrix?: Matrix): RecurrenceGroup => ({
    states,
    class: kind,
    channelAxes,
    proof: { degree, varies, reads, width, ...(matrix && { matrix }), ...(delay !== undefined && { delay }) },
  });
  if (reads.length === 0 || delay !== undefined) return group("delay");
  if (linear && own && states.length === 1) return group("linear-diagonal");
  if (linear && width <= MOST_COUPLED) return group("linear-block");
  if (own) return group("pointwise");
  if (linear) return group("linear-dense", matrixOf(reads, channelAxes, states, width, varies));
  return group("coupled");
}

/**
 * Axes such that an element of a next value reads states only at its own index, for each state in the same order.
 * Followed from each axis of the first state over all reads; it has to lead to one axis of every state.
 */
function channels(
  states: readonly number[],
  shapes: readonly (readonly Dim[])[],
  reads: readonly StateRead[],
): readonly (readonly number[])[] {
  const found = shapes[0].flatMap((_, axis) => {
    const own = new Map([[states[0], axis]]);
    for (let before = 0; before !== own.size; ) {
      before = own.size;
      for (const { next, state, axes } of reads) {
        const [to, from] = [own.get(next), own.get(state)];
        const source = to === undefined ? undefined : axes.findIndex((read) => read?.axis === to && read.offset === 0);
        if (from === undefined && source !== undefined && source >= 0) own.set(state, source);
        const target = from === undefined ? undefined : axes[from];
        if (to === undefined && target?.offset === 0) own.set(next, target.axis);
      }
    }
    const holds = reads.every(({ next, state, axes }) => {
      const read = axes[own.get(state) ?? -1];
      return read !== undefined && read.offset === 0 && read.axis === own.get(next);
    });
    return holds && own.size === states.length ? [own] : [];
  });
  return states.map((state) => found.map((own) => own.get(state)!));
}

/** The axis along which every read goes further the same way, so that a value is gone after as many steps as it is long. */
function delayAxis(reads: readonly StateRead[]): number | undefined {
  const [first] = reads;
  if (first === undefined || reads.some(({ next, state }) => next !== state)) return undefined;
  const axis = first.axes.findIndex((_, a) =>
    [1, -1].some((way) =>
      reads.every(({ axes }) => {
        const read = axes[a];
        return read !== undefined && read.axis === a && read.offset * way > 0;
      }),
    ),
  );
  return axis < 0 ? undefined : axis;
}

/** What reads no other index is diagonal; the rest passes through arrays that may be narrower than the state. */
function matrixOf(
  reads: readonly StateRead[],
  channelAxes: readonly (readonly number[])[],
  states: readonly number[],
  width: number,
  varies: boolean,
): Matrix {
  const stays = ({ next, state, axes }: StateRead) =>
    next === state && axes.every((read, axis) => read !== undefined && read.axis === axis && read.offset === 0);
  const mixing = reads.filter((read) => !stays(read));
  const bottlenecks = new Map(mixing.flatMap(({ through }) => (through ? [[through.value, through] as const] : [])));
  const rank = [...bottlenecks.values()].reduce((sum, { width: own }: Bottleneck) => sum + own, 0);
  const alongChannels = ({ next, state, axes }: StateRead) =>
    channelAxes[states.indexOf(state)].every(
      (axis, i) => axes[axis]?.axis === channelAxes[states.indexOf(next)][i] && axes[axis]?.offset === 0,
    );
  const narrow = mixing.every((read: Access & StateRead) => read.through !== undefined && alongChannels(read));
  return narrow && rank < width ? { kind: "low-rank", rank } : { kind: varies ? "varying" : "constant" };
}
