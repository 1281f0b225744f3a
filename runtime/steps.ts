/**
 * @file Whether a loop over time is done in one dispatch, in which each workgroup reads all weights at every step, or in a
 * few dispatches a step, which share the weights among all workgroups.
 */

import type { Lengths } from "./arena.js";
import { BATCH, type Dispatch, type Variant } from "./manifest.js";
import { groupsOf } from "./spans.js";

/**
 * Nanoseconds on a GPU in the middle of what there is; guesses all. A workgroup of a loop has a multiprocessor for itself, which
 * reads weights while it multiplies.
 */
const WEIGHT = 0.05;
const PRODUCT = 0.01;
/** A product where the whole device is at work. */
const SHARED = 0.0002;
/** From a dispatch to the next that waits for it. */
const DISPATCH = 6000;

/** A dispatch that is done again for each step has as many plans, 256 bytes each: no more than these. */
export const MOST_STEPS = 1 << 16;

export const hasTooManySteps = ({ steps }: Variant, sizes: Lengths): boolean =>
  steps !== undefined && sizes[steps.length] > MOST_STEPS;

/** The number of the variant that takes dispatches for each step, where there is one. */
export function steppedVariant({ variants = [] }: Dispatch): number | undefined {
  const at = variants.findIndex(({ steps }) => steps !== undefined);
  return at < 0 ? undefined : at + 1;
}

/** Whether dispatches for each step take less than the loop in one. @param atOnce workgroups side by side. */
export function prefersSteps(loop: Variant, stepped: Variant, sizes: Lengths, atOnce: number): boolean {
  const { steps } = stepped;
  if (steps === undefined || hasTooManySteps(stepped, sizes)) return false;
  const { products, others } = steps;
  const waves = Math.ceil(groupsOf(loop, sizes) / atOnce);
  const alone = waves * products * Math.max(WEIGHT, (loop.rows ?? 1) * PRODUCT);
  return (1 + others.length) * DISPATCH + products * sizes[BATCH] * SHARED < alone;
}
