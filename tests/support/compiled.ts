/** @file Specs compiled in a test, and their graphs' oracle. */

import type { Manifest } from "../../runtime/manifest.js";
import { encodeSafetensors } from "../../runtime/safetensors.js";
import { type CompiledModel, type CompileOptions, compile } from "../../src/compile.js";
import type { Precision } from "../../src/ir/types.js";
import { hostOf } from "../check/host.js";

/** The only model of a text, or the messages of its diagnostics as an error. */
export function compileText(
  text: string,
  set: Readonly<Record<string, number>> = {},
  precision: Precision = "f32",
  more: Partial<CompileOptions> = {},
): CompiledModel {
  const { models, diagnostics } = compile({
    files: ["test.seq"],
    host: hostOf({ "test.seq": text }),
    set,
    precision,
    verify: true,
    ...more,
  });
  if (models.length !== 1) throw new Error(diagnostics.map((d) => `${d.code} ${d.message}`).join("\n"));
  return models[0];
}

/** A checkpoint of the given values. */
export function checkpointOf(manifest: Manifest, values: Readonly<Record<string, ArrayLike<number>>>): Uint8Array {
  const tensors = new Map(
    manifest.parameters.map(({ name, shape }) => [name, { shape, values: Float32Array.from(values[name]) }]),
  );
  return encodeSafetensors({ tensors, metadata: new Map() });
}

/** ‖a − b‖ / ‖b‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.sqrt(difference / Math.max(size, Number.MIN_VALUE));
}
