/** @file Where a self-test's kernels store their results, and how memory is filled before they do. */

import type { ExpectedValue, Manifest, Program } from "./manifest.js";
import type { Execution } from "./program.js";
import type { Region } from "./readback.js";
import { countOf } from "./shapes.js";

/** Words that memory is full of before a kernel runs: 10²⁰ as f32, 60000 twice as f16. */
export const HUGE = 0x60ad78ec;
export const HUGE_HALVES = 0x7b537b53;

export type Place = Region & { readonly half: boolean };

/** What a dispatch stores. */
export interface Stored {
  /** Values of the reference. */
  readonly known: readonly (Place & { readonly expected: ExpectedValue })[];
  /** What later dispatches read of it besides: partial sums, starts of chunks. */
  readonly others: readonly Place[];
}

export const valueName = (program: Program, place: number | string): string =>
  typeof place === "string" ? `the gradient of ${place}` : program.slots[place].name;

/** Regions are named by their place, as slots may share a name. */
export function storedBy(
  manifest: Manifest,
  execution: Execution,
  expected: readonly ExpectedValue[],
  at: number,
): Stored {
  const { slots, gradients } = execution.compiled.program;
  const known = expected.map((each) => {
    const [place] = each;
    if (typeof place === "number") return { ...slotPlace(execution, place), expected: each };
    const { offset, shape } = manifest.parameters.find(({ name }) => name === place)!;
    const length = countOf(shape);
    return { name: place, offset: execution.offsetOf(gradients!) + offset, length, half: false, expected: each };
  });
  const others = slots.flatMap(({ first, last }, slot) => {
    const isOther = first === at && last > at && slot !== gradients && !expected.some(([place]) => place === slot);
    return isOther ? [slotPlace(execution, slot)] : [];
  });
  return { known, others };
}

/** What lives during one dispatch alone. */
export function scratchOf(execution: Execution, at: number): readonly Place[] {
  const { slots } = execution.compiled.program;
  return slots.flatMap(({ first, last }, slot) => (first === at && last === at ? [slotPlace(execution, slot)] : []));
}

const slotPlace = (execution: Execution, slot: number): Place => ({
  name: String(slot),
  offset: execution.offsetOf(slot),
  length: execution.lengthOf(slot),
  half: execution.compiled.program.slots[slot].half === true,
});

/** @param offset and @param bytes multiples of 4. */
export function fill(device: GPUDevice, buffer: GPUBuffer, offset: number, bytes: number, word: number): void {
  device.queue.writeBuffer(buffer, offset, new Uint32Array(bytes / 4).fill(word));
}

/** ‖a − b‖ / ‖b‖, where what neither wrote counts on neither side: a slot may be larger than what lies in it. */
export function distanceOf(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    if (a[i] === b[i] && Math.abs(b[i]) >= 6e4) continue;
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
