/** @file Parameters, and where a trainer asks for it the optimizer's state, between the device and safetensors. */

import type { ModelCore } from "./core.js";
import type { Manifest } from "./manifest.js";
import type { Region } from "./readback.js";
import { Readback } from "./readback.js";
import type { Tensor } from "./safetensors.js";
import { decodeSafetensors, encodeSafetensors, misfits } from "./safetensors.js";
import { countOf } from "./shapes.js";
import { torchName, torchNames } from "./torch-names.js";
import { checkTrainingState, type TrainingState } from "./training-state.js";

/** Tensors of a training run begin so, and no parameter's name does: `@` is in no name of the language. */
const OWN = "@";
const TRAINING = "training";
/** So do the states that a run carries from batch to batch. */
const CARRIED = `${OWN}carried.`;
const SPEC = "spec";
const EXTRA = "extra";

/** What a caller keeps in a checkpoint beside the training: text by names of its own, such as the position in its data. */
export type CheckpointExtra = Readonly<Record<string, string>>;

/** What is kept of every element that is trained, by its own name, in the layout of the flat buffer. */
export type ElementArrays = Readonly<Record<string, Float32Array<ArrayBuffer>>>;

/** Parameters in the layout of the flat buffer, and a training run's state if the file has one. */
export interface Restored {
  readonly parameters: Float32Array<ArrayBuffer>;
  readonly training?: Training;
}

/** @param arrays of a training run, laid out as the parameters. @param carried states, where the next batch goes on from them. */
export interface Training {
  readonly state: TrainingState;
  readonly arrays: ElementArrays;
  readonly carried?: ReadonlyMap<string, Tensor> | undefined;
  readonly extra: CheckpointExtra;
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
    length: countOf(shape),
  }));
}

/** Parameters under the names that PyTorch's modules give them, for `load_state_dict`. */
export function encodeForTorch({ parameters }: Manifest, values: Readonly<Record<string, Float32Array>>): Uint8Array {
  const names = torchNames(parameters.map(({ name }) => name));
  const tensors = parameters.map(({ name, shape }, at): [string, Tensor] => [
    names[at],
    { shape, values: values[name] },
  ]);
  // What other readers of the format want to know of tensors for PyTorch.
  return encodeSafetensors({ tensors: new Map(tensors), metadata: new Map([["format", "pt"]]) });
}

/** @param training its arrays are cut up by parameter, under names such as `@m.rnn.W_hh`. */
export function encodeCheckpoint(
  { name: model, generator, spec, parameters, layout }: Manifest,
  values: Readonly<Record<string, Float32Array>>,
  training?: Training,
): Uint8Array {
  const tensors = new Map<string, Tensor>(parameters.map(({ name, shape }) => [name, { shape, values: values[name] }]));
  const metadata = new Map([
    ["generator", generator],
    ["model", model],
    [SPEC, spec],
  ]);
  if (training !== undefined) {
    for (const [own, flat] of Object.entries(training.arrays)) {
      for (const { name, shape, offset } of parameters) {
        const end = offset + countOf(shape);
        if (end <= layout.trainable) tensors.set(`${OWN}${own}.${name}`, { shape, values: flat.subarray(offset, end) });
      }
    }
    for (const [own, tensor] of training.carried ?? []) tensors.set(CARRIED + own, tensor);
    metadata.set(TRAINING, JSON.stringify(training.state));
    metadata.set(EXTRA, JSON.stringify(training.extra));
  }
  return encodeSafetensors({ tensors, metadata });
}

/**
 * @param anySpec whether the file may be of a model that computes something else, if it has parameters of the same names and shapes.
 * @throws Error naming every parameter that is missing, unknown or of another shape, and whether the file is another spec's.
 */
export function decodeCheckpoint(manifest: Manifest, bytes: Uint8Array, anySpec = false): Restored {
  const { name: model, parameters, layout } = manifest;
  const { tensors: found, metadata } = decodeSafetensors(bytes);
  const all = underOurNames(manifest, found);
  const isCarried = ([name]: readonly [string, Tensor]) => name.startsWith(CARRIED);
  const carried = new Map([...all].filter(isCarried).map(([name, tensor]) => [name.slice(CARRIED.length), tensor]));
  const tensors = new Map([...all].filter((entry) => !isCarried(entry)));
  const problems: string[] = [];
  const spec = metadata.get(SPEC);
  if (spec !== undefined && spec !== manifest.spec && !anySpec) {
    const other = metadata.get("model") ?? "a model";
    problems.push(
      `it was saved by ${other} of the spec ${spec}, and this module is of ${manifest.spec}, which computes something else`,
    );
  }
  const own = [...tensors.keys()].filter((name) => name.startsWith(OWN)).map((name) => name.slice(1).split(".")[0]);
  const arraysThere = [...new Set(own)];
  const trained = parameters.filter(({ shape, offset }) => offset + countOf(shape) <= layout.trainable);
  const prefixed = (array: string) => trained.map(({ name, shape }) => ({ name: `${OWN}${array}.${name}`, shape }));
  problems.push(...misfits(tensors, [...parameters, ...arraysThere.flatMap(prefixed)]));
  if (problems.length > 0) throw new Error(`the file does not fit ${model}: ${problems.join("; ")}`);
  const take = (prefix: string, taken: Manifest["parameters"], length: number) => {
    const flat = new Float32Array(length);
    for (const { name, offset } of taken) flat.set(tensors.get(prefix + name)?.values ?? [], offset);
    return flat;
  };
  const flat = take("", parameters, layout.total);
  const arrays = Object.fromEntries(
    arraysThere.map((name) => [name, take(`${OWN}${name}.`, trained, layout.trainable)]),
  );
  const state = metadata.get(TRAINING);
  if (state === undefined) return { parameters: flat };
  const extra = JSON.parse(metadata.get(EXTRA) ?? "{}") as CheckpointExtra;
  return {
    parameters: flat,
    training: { state: checkTrainingState(state), arrays, extra, ...(carried.size > 0 && { carried }) },
  };
}

/** The tensors of a file in which the parameters have PyTorch's names, under ours; others as they are. */
function underOurNames({ parameters }: Manifest, tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const names = parameters.map(({ name }) => name);
  if (names.some((name) => tensors.has(name))) return tensors;
  const ours = new Map(names.map((name) => [torchName(name), name]));
  return new Map([...tensors].map(([name, tensor]) => [ours.get(name) ?? name, tensor]));
}
