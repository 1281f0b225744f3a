/** @file A stream's states between the device and a safetensors file: where another stream of the model goes on. */

import { isCount, parsed } from "./json.js";
import type { Manifest } from "./manifest.js";
import type { Tensor } from "./safetensors.js";
import { decodeSafetensors, encodeSafetensors, misfits } from "./safetensors.js";

const KIND = "stream";

/** Where a stream stands. */
export interface StreamPosition {
  /** Steps since the start. */
  readonly past: number;
  /** The step before which each row began. */
  readonly born: readonly number[];
  /** Ids that were drawn and are to be fed next, one a row. */
  readonly next?: readonly number[] | undefined;
}

export interface SavedStream extends StreamPosition {
  readonly states: ReadonlyMap<string, Float32Array>;
}

type Shapes = readonly { readonly name: string; readonly shape: readonly number[] }[];

export function encodeStream(
  { name, generator, spec }: Manifest,
  shapes: Shapes,
  values: Readonly<Record<string, Float32Array>>,
  { past, born, next }: StreamPosition,
): Uint8Array {
  const metadata = new Map([
    ["kind", KIND],
    ["generator", generator],
    ["model", name],
    ["spec", spec],
    ["past", String(past)],
    ["born", JSON.stringify(born)],
  ]);
  if (next !== undefined) metadata.set("next", JSON.stringify(next));
  const tensors = new Map(shapes.map(({ name, shape }): [string, Tensor] => [name, { shape, values: values[name] }]));
  return encodeSafetensors({ tensors, metadata });
}

/**
 * @param shapesAfter what the stream keeps after so many steps.
 * @throws Error naming all that differs.
 */
export function decodeStream(
  { name: model, spec }: Manifest,
  batch: number,
  shapesAfter: (past: number) => Shapes,
  bytes: Uint8Array,
): SavedStream {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.get("kind") !== KIND) throw new Error("the file holds no stream: write it by `stream.save`");
  const problems: string[] = [];
  const found = metadata.get("model");
  if (found !== model) problems.push(`it is of the model ${found}`);
  if (metadata.get("spec") !== spec) problems.push("it is of another spec, or of the spec before it was changed");
  const past = Number(metadata.get("past"));
  const born = idsOf(metadata.get("born"));
  const next = metadata.has("next") ? idsOf(metadata.get("next")) : undefined;
  if (!isCount(past) || !born.every((step) => step <= past)) problems.push("its number of steps is none");
  if (born.length !== batch || (next ?? born).length !== batch) {
    problems.push(`it has ${born.length} rows and the stream's batch is ${batch}`);
  }
  const shapes = shapesAfter(isCount(past) ? past : 0);
  problems.push(...misfits(tensors, shapes));
  if (problems.length > 0) throw new Error(`the file does not fit this stream of ${model}: ${problems.join("; ")}`);
  const states = new Map([...tensors].map(([name, { values }]) => [name, values]));
  return { states, past, born, next };
}

/** Whole numbers from 0 up, or none where the text is something else. */
function idsOf(text: string | undefined): readonly number[] {
  const value = parsed(text ?? "");
  return Array.isArray(value) && value.every(isCount) ? value : [];
}
