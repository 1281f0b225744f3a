/** @file Whether two systems trained the same: the losses of the first steps, and what these did to the parameters. */

import type { Session } from "./systems/system.js";
import type { Workload } from "./workload.js";

const STEPS = 2;
const TOLERANCE = 1e-3;

export interface Results {
  readonly losses: Float64Array;
  /** Parameters after the steps minus those before, all in a row. */
  readonly change: Float64Array;
}

/** ‖a − b‖ / ‖b‖. */
export function distance(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.hypot(...chunked(a.map((value, i) => value - b[i]))) / Math.hypot(...chunked(b));
}

/** Euclidean norms of stretches short enough to be arguments. */
function chunked(values: Float64Array): number[] {
  const norms: number[] = [];
  for (let i = 0; i < values.length; i += 1024) norms.push(Math.hypot(...values.subarray(i, i + 1024)));
  return norms;
}

export function agree(a: Results, b: Results): boolean {
  return distance(a.losses, b.losses) <= TOLERANCE && distance(a.change, b.change) <= TOLERANCE;
}

/** Takes the first steps of a session. @param onFirst is called when the first one is done. */
export async function firstSteps(session: Session, { parameters }: Workload, onFirst: () => void): Promise<Results> {
  const losses = new Float64Array(STEPS);
  for (let i = 0; i < STEPS; i++) {
    losses[i] = await session.run(1);
    if (i === 0) onFirst();
  }
  const after = await session.parameters();
  const change = parameters.flatMap(({ values }, at) => Array.from(values, (before, i) => after[at][i] - before));
  return { losses, change: Float64Array.from(change) };
}
