/**
 * @file Into how many spans loops over time are cut, and which of them are: twice the work, side by side. Worth it where
 * batch and channels are too few to fill the device, and there are steps enough.
 */

import { evaluateCount, type Lengths, planArena } from "./arena.js";
import { type Dispatch, type Pass, type Program, type Slot, SPANS, type Variant } from "./manifest.js";

/** Fewer steps than this are not worth a span. */
const FEWEST_STEPS = 32;
/** Where spans start is found span by span. */
const MOST_SPANS = 1024;
/** What a further dispatch costs on a GPU, in steps of a loop: microseconds beside fractions of one. */
const DISPATCH = 16;
/** What a channel's step costs in software where a thread has several channels and reads once for all: measured. */
const SHARED = 0.6;

/** What runs workgroups side by side. */
export interface Machine {
  readonly software: boolean;
  readonly atOnce: number;
  /** The most that the arena may have. */
  readonly elements: number;
}

export type Loops = Pick<Program, "dispatches" | "slots">;

export function groupsOf({ groups }: Pick<Pass, "groups">, sizes: Lengths): number {
  return groups.reduce((sum, each) => sum + each.reduce((n, count) => n * evaluateCount(count, sizes), 1), 0);
}

/** Of dispatches that are loops which may be cut: the time of one variant, in steps. */
export function loopCost(
  variant: Variant,
  length: string,
  sizes: Lengths,
  { atOnce, software }: Pick<Machine, "atOnce" | "software">,
): number {
  const { spans, own = 1, before = [], behind = [] } = variant;
  // A workgroup has as many channels with fewer threads; on a GPU these take their channels one after another.
  const step = own === 1 ? 1 : software ? SHARED : own;
  const waves = Math.max(1, groupsOf(variant, sizes) / atOnce) * step;
  if (spans === undefined) return waves * sizes[length];
  const number = sizes[SPANS];
  const units = Math.ceil(sizes[length] / spans.unit);
  const steps = Math.ceil(units / number) * spans.unit;
  const summaries = before
    .filter(({ groups }) => groups.flat().some(({ lengths }) => lengths.includes(SPANS)))
    .reduce((sum, pass) => sum + Math.max(1, groupsOf(pass, sizes) / atOnce), 0);
  return (waves + summaries) * steps + number + DISPATCH * (before.length + behind.length);
}

export const mostSpans = (steps: number): number => Math.min(MOST_SPANS, Math.floor(steps / FEWEST_STEPS));

export const isSpans = (value: unknown): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST_SPANS;

/** The length of a loop that may be cut. */
export const cutLength = ({ variants = [] }: Dispatch): string | undefined =>
  variants.find(({ spans }) => spans !== undefined)?.spans?.length;

/** What loops keep for each span lies in the arena too. @param elements that the arena may have. */
export function fitsArena(slots: readonly Slot[], sizes: Lengths, spans: number, elements: number): boolean {
  return planArena(slots, { ...sizes, [SPANS]: spans }).size <= elements;
}

/** The number of spans that is best for all loops of a program together: 1 where none is to be cut, or none fits. */
export function chooseSpans({ dispatches, slots }: Loops, sizes: Lengths, machine: Machine): number {
  const loops = dispatches.flatMap((dispatch) => {
    const length = cutLength(dispatch);
    return length === undefined ? [] : [{ length, variants: [dispatch, ...(dispatch.variants ?? [])] }];
  });
  const longest = Math.max(0, ...loops.map(({ length }) => sizes[length]));
  let best = { spans: 1, cost: Number.POSITIVE_INFINITY };
  for (let spans = 1; spans === 1 || spans <= mostSpans(longest); spans *= 2) {
    const own = { ...sizes, [SPANS]: spans };
    const cost = loops.reduce(
      (sum, { length, variants }) => sum + Math.min(...variants.map((each) => loopCost(each, length, own, machine))),
      0,
    );
    const fits = spans === 1 || fitsArena(slots, sizes, spans, machine.elements);
    if (cost < best.cost && fits) best = { spans, cost };
  }
  return best.spans;
}
