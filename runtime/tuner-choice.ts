/** @file The choice of kernels where a model is tuned: from the cache, or measured now and kept. */

import type { Lengths } from "./arena.js";
import type { ModelCore, ProgramName } from "./core.js";
import type { Program } from "./manifest.js";
import { cutLength, isSpans } from "./spans.js";
import { type Tuning, tune } from "./tuner.js";
import { type TuningCache, tuningKey } from "./tuner-cache.js";
import { type Choice, fitsDevice, variantsOf } from "./variants.js";

/** The choice for a program, as `Execution.create` takes it; absent where the model is not tuned. */
export async function tunedVariants(core: ModelCore, name: ProgramName, sizes: Lengths): Promise<Choice | undefined> {
  const { tuningCache: cache, device } = core;
  if (cache === undefined) return undefined;
  const compiled = core.compile(name);
  if (compiled.program.dispatches.every((dispatch) => variantsOf(dispatch).length === 1)) return undefined;
  return inTurn(device, async () => {
    const known = await cache.get(await tuningKey(compiled, sizes));
    return isChoice(known, compiled.program, device) ? known : (await tuneAnew(core, name, sizes, cache)).chosen;
  });
}

/** Measures, whatever the cache knows, and keeps the choice there. */
export async function tuneAnew(
  core: ModelCore,
  name: ProgramName,
  sizes: Lengths,
  cache: TuningCache,
): Promise<Tuning> {
  const tuning = await tune(core, name, sizes);
  await cache.set(await tuningKey(core.compile(name), sizes), tuning.chosen);
  return tuning;
}

/** A cache may come from anywhere, and the limits that a device was requested with are no part of its key. */
function isChoice(value: unknown, { dispatches }: Program, device: GPUDevice): value is Choice {
  if (!Array.isArray(value)) return false;
  const spans: readonly unknown[] = value.slice(dispatches.length);
  if (spans.length !== (dispatches.some((dispatch) => cutLength(dispatch) !== undefined) ? 1 : 0)) return false;
  if (!spans.every((number) => isSpans(number))) return false;
  return dispatches.every((dispatch, at) => {
    const variant = variantsOf(dispatch)[value[at]];
    return variant !== undefined && (value[at] === 0 || fitsDevice(variant, device));
  });
}

const turns = new WeakMap<GPUDevice, Promise<unknown>>();

/** One at a time on a device: two would measure each other, and the second may find what the first has kept. */
function inTurn<T>(device: GPUDevice, body: () => Promise<T>): Promise<T> {
  const result = (turns.get(device) ?? Promise.resolve()).then(body);
  turns.set(
    device,
    result.catch(() => {}),
  );
  return result;
}
