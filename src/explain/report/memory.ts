/** @file The buffers of a program and the most that lives at a time, planned as the runtime plans it. */

import { evaluateCount, type Lengths, planArena } from "../../../runtime/arena.js";
import { type Program, type Slot, SPANS } from "../../../runtime/manifest.js";
import { dispatchName } from "./kernels.js";
import { fromCount, type Polynomial, sum } from "./polynomial.js";

const WORD = 4;

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
  /** The arena as the runtime packs it at the given lengths, its alignment included. */
  readonly arenaBytes: number;
}

/** Of a program whose loops go step by step. */
export function memoryOf({ slots, dispatches }: Program, lengths: Lengths): Memory {
  const when = (at: number) => (at in dispatches ? dispatchName(dispatches[at], at) : "host");
  const sizes = { ...lengths, [SPANS]: 1 };
  const size = ({ size: elements }: Slot) => evaluateCount(elements, sizes);
  const alive = dispatches.map((_, at) => slots.filter(({ first, last }) => first <= at && at <= last));
  const totals = alive.map((living) => living.reduce((total, slot) => total + size(slot), 0));
  const most = totals.indexOf(Math.max(...totals));
  return {
    buffers: slots
      .toSorted((a, b) => size(b) - size(a))
      .map((slot) => ({
        name: slot.name,
        bytes: fromCount(slot.size, WORD),
        from: when(slot.first),
        to: when(slot.last),
      })),
    peakAt: when(most),
    peak: sum((alive[most] ?? []).map((slot) => fromCount(slot.size, WORD))),
    arenaBytes: WORD * planArena(slots, sizes).size,
  };
}
