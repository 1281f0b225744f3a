/** @file Parameters, and where a trainer asks for it the optimizer's state, between the device and safetensors. */

import type { ModelCore } from "./core.js";
import type { Manifest } from "./manifest.js";
import type { Region } from "./readback.js";
import { Readback } from "./readback.js";
import type { Tensor } from "./safetensors.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** No parameter's name starts so: `@` is in no name of the language. */
const MOMENTS = "@adamw.moments";
const STEP = "step";

/** What AdamW remembers: the moments as the update kernel lays them out, and the number of steps done. */
export interface OptimizerState {
  readonly moments: Float32Array<ArrayBuffer>;
  readonly step: number;
}

/** Parameters in the layout of the flat buffer, and the optimizer's state if the file has it. */
export interface Restored {
  readonly parameters: Float32Array<ArrayBuffer>;
  readonly optimizer?: OptimizerState;
}

/** Reads regions of a buffer as they are after all that was submitted. */
export async function readRegions(
  core: ModelCore,
  source: GPUBuffer,
  regions: readonly Region[],
): Promise<Record<string, Float32Array>> {
  const readback = new Readback(
    core.device,
    regions.reduce((total, { length }) => total + length, 0),
  );
  const encoder = core.device.createCommandEncoder();
  const read = readback.copy(encoder, source, regions);
  core.device.queue.submit([encoder.finish()]);
  return Object.fromEntries(await read().finally(() => readback.destroy()));
}

/** Where each parameter lies in the flat buffer. */
export function parameterRegions({ parameters }: Manifest): Region[] {
  return parameters.map(({ name, offset, shape }) => ({
    name,
    offset,
    length: shape.reduce((product, extent) => product * extent, 1),
  }));
}

export function encodeCheckpoint(
  { name: model, generator, parameters }: Manifest,
  values: Readonly<Record<string, Float32Array>>,
  optimizer?: { readonly moments: Float32Array; readonly step: number },
): Uint8Array {
  const tensors = new Map<string, Tensor>(parameters.map(({ name, shape }) => [name, { shape, values: values[name] }]));
  const metadata = new Map([
    ["generator", generator],
    ["model", model],
  ]);
  if (optimizer !== undefined) {
    tensors.set(MOMENTS, { shape: [optimizer.moments.length], values: optimizer.moments });
    metadata.set(STEP, String(optimizer.step));
  }
  return encodeSafetensors({ tensors, metadata });
}

/** @throws Error naming every parameter that is missing, unknown or of another shape. */
export function decodeCheckpoint({ name: model, parameters, layout }: Manifest, bytes: Uint8Array): Restored {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const flat = new Float32Array(layout.total);
  const problems: string[] = [];
  for (const { name, shape, offset } of parameters) {
    const tensor = tensors.get(name);
    if (tensor === undefined) problems.push(`\`${name}\` is missing`);
    else if (!sameShape(tensor.shape, shape)) {
      problems.push(`\`${name}\` has the shape [${tensor.shape.join(", ")}] and needs [${shape.join(", ")}]`);
    } else flat.set(tensor.values, offset);
  }
  const known = new Set([MOMENTS, ...parameters.map(({ name }) => name)]);
  problems.push(...[...tensors.keys()].filter((name) => !known.has(name)).map((name) => `\`${name}\` is unknown`));
  const moments = tensors.get(MOMENTS);
  const step = Number(metadata.get(STEP));
  if (
    moments !== undefined &&
    (!sameShape(moments.shape, [2 * layout.trainable]) || !(Number.isInteger(step) && step >= 0))
  ) {
    problems.push("the optimizer's state is another model's");
  }
  if (problems.length > 0) throw new Error(`the file does not fit ${model}: ${problems.join("; ")}`);
  if (moments === undefined) return { parameters: flat };
  return { parameters: flat, optimizer: { moments: Float32Array.from(moments.values), step } };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}
