/** @file The buffers of a program and the most that lives at a time, planned as the runtime plans it. */

import { evaluateCount, type Lengths, planArena } from "../../../runtime/arena.js";
import { type Program, type Slot, SPANS } from "../../../runtime/manifest.js";
import { dispatchName } from "./kernels.js";
import { fromCount, type Polynomial, sum } from "./polynomial.js";

/** Of an element, where the device has f16. */
const bytesOf = ({ half }: Slot) => (half ? 2 : 4);

export interface Buffer {
  readonly name: string;
  readonly bytes: Polynomial;
  /** The kernels that write it first and read it last; `host` before and behind all of them. */
  readonly from: string;
  readonly to: string;
}

export interface Memory {
  /** Largest first, at the given lengths. */
  readonly buffers: readonly Buffer[];
  /** The dispatch at which most is alive. */
  readonly peakAt: string;
  /** What is alive there. */
  readonly peak: Polynomial;
  /** The arenas as the runtime packs them at the given lengths, their alignment included. */
  readonly arenaBytes: number;
}

/** Of a program whose loops go step by step. */
export function memoryOf({ slots, dispatches }: Program, lengths: Lengths): Memory {
  const when = (at: number) => (at in dispatches ? dispatchName(dispatches[at], at) : "host");
  const sizes = { ...lengths, [SPANS]: 1 };
  const size = (slot: Slot) => bytesOf(slot) * evaluateCount(slot.size, sizes);
  const alive = dispatches.map((_, at) => slots.filter(({ first, last }) => first <= at && at <= last));
  const totals = alive.map((living) => living.reduce((total, slot) => total + size(slot), 0));
  const packed = planArena(slots, sizes);
  const most = totals.indexOf(Math.max(...totals));
  return {
    buffers: slots
      .toSorted((a, b) => size(b) - size(a))
      .map((slot) => ({
        name: slot.name,
        bytes: fromCount(slot.size, bytesOf(slot)),
        from: when(slot.first),
        to: when(slot.last),
      })),
    peakAt: when(most),
    peak: sum((alive[most] ?? []).map((slot) => fromCount(slot.size, bytesOf(slot)))),
    arenaBytes: 4 * packed.size + 2 * packed.halves,
  };
}
