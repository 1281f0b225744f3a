/**
 * @file Where each slot of a program lies in its arena, for one choice of batch and lengths.
 *
 * The compiler knows when a slot lives, only the run knows how large it is, so the packing happens here.
 */

import type { Count, Slot } from "./manifest.js";

/** The value of the batch (under its name `BATCH`) and of each length. */
export type Lengths = Readonly<Record<string, number>>;

export interface ArenaPlan {
  /** First element of each slot, in its own arena. */
  readonly offsets: readonly number[];
  /** Elements of the whole arena. */
  readonly size: number;
  /** Elements of the arena of halves. */
  readonly halves: number;
}

/**
 * Slots start at multiples of this many elements: 256 bytes, the alignment of storage bindings everywhere. Of halves it is
 * 128, a multiple of what copies want.
 */
export const ALIGNMENT = 64;

export function evaluateCount({ factor, lengths: names, divisor, chunks = [] }: Count, lengths: Lengths): number {
  const lengthOf = (name: string) => {
    if (!Object.hasOwn(lengths, name)) throw new Error(`the manifest counts by the length ${name}, which it lacks`);
    return lengths[name];
  };
  const product = names.reduce((total, name) => total * lengthOf(name), factor);
  const chunked = chunks.reduce((total, { length, steps }) => total * Math.ceil(lengthOf(length) / steps), product);
  return Math.ceil(chunked / divisor);
}

/**
 * Packs the slots, largest first, each into the smallest gap that fits among those it shares its life with. A slot
 * lies at the start or right after another, so the arena is never larger than all slots end to end. Halves are packed apart.
 */
export function planArena(slots: readonly Slot[], lengths: Lengths): ArenaPlan {
  const sizes = slots.map((slot) => Math.ceil(Math.max(1, evaluateCount(slot.size, lengths)) / ALIGNMENT) * ALIGNMENT);
  const order = slots.map((_, index) => index).sort((a, b) => sizes[b] - sizes[a] || a - b);
  const offsets = slots.map(() => 0);
  const placed: number[] = [];
  const ends = { size: 0, halves: 0 };
  for (const index of order) {
    const { half } = slots[index];
    const neighbours = placed.filter((other) => slots[other].half === half && livesMeet(slots[index], slots[other]));
    offsets[index] = bestFit(
      sizes[index],
      neighbours.map((other) => ({ start: offsets[other], end: offsets[other] + sizes[other] })),
    );
    placed.push(index);
    const arena = half ? "halves" : "size";
    ends[arena] = Math.max(ends[arena], offsets[index] + sizes[index]);
  }
  return { offsets, ...ends };
}

function livesMeet(a: Slot, b: Slot): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The start of the smallest gap of at least `size` between the taken intervals, or the end of the last. */
function bestFit(size: number, taken: { readonly start: number; readonly end: number }[]): number {
  taken.sort((a, b) => a.start - b.start);
  let free = 0;
  let best: { readonly start: number; readonly room: number } | undefined;
  for (const { start, end } of taken) {
    const room = start - free;
    if (room >= size && (best === undefined || room < best.room)) best = { start: free, room };
    free = Math.max(free, end);
  }
  return best?.start ?? free;
}
