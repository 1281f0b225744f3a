/** @file One case made concrete: the compiled spec, where its parameters start, and a batch of random data. */

import { initialiseParameters } from "../runtime/initialise.js";
import { BATCH, type Manifest, type Port } from "../runtime/manifest.js";
import { hashName, threefry, toNormal, toUniform, type Words } from "../runtime/random.js";
import { nodeHost } from "../src/cli/host.js";
import { compile } from "../src/compile.js";
import { renderText } from "../src/diagnostics/render.js";
import type { Case } from "./cases.js";

const SEED = 1;

/** A prime, so that no axis has it. */
const PERIOD = 1_000_003;

/**
 * AdamW and clipping, alike for all. The limit is below the norm at the start, so that clipping does something; eps is
 * large against rounding, so that no element's direction is decided by noise and results can be compared.
 */
export const OPTIMIZER = {
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-4,
  weightDecay: 0.01,
  clipNorm: 0.05,
} as const;

export interface Parameter {
  /** As the spec names it: `net.rnn.W_ih`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether weight decay applies. */
  readonly decays: boolean;
  /** Row-major. */
  readonly values: Float32Array;
}

export interface Data {
  readonly name: string;
  /** With the batch in front. */
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
  /** For ids. */
  readonly classes?: number;
}

export interface Workload {
  readonly case: Case;
  readonly parameters: readonly Parameter[];
  /** Inputs and targets. */
  readonly batch: readonly Data[];
}

/** @throws Error with the compiler's messages. */
export function compileCase({ spec, set }: Case): Manifest {
  const { models, diagnostics } = compile({ files: [spec], host: nodeHost(), set });
  const [model] = models;
  if (model === undefined) throw new Error(diagnostics.map((found) => renderText(found)).join("\n"));
  return model.manifest;
}

export function makeWorkload(of: Case): Workload {
  const manifest = compileCase(of);
  const flat = initialiseParameters(manifest, SEED);
  return {
    case: of,
    parameters: manifest.parameters.map(({ name, shape, offset }) => ({
      name,
      shape,
      decays: offset < manifest.layout.decayed,
      values: flat.slice(offset, offset + product(shape)),
    })),
    batch: [...manifest.inputs, ...manifest.targets].map((port) => draw(port, of)),
  };
}

/** Standard normal numbers, uniform ids. Long arrays repeat themselves, as drawing takes longer than many a step. */
function draw({ name, shape, elem, classes }: Port, { batch, length }: Case): Data {
  const extents = [BATCH, ...shape].map((axis) => (axis === BATCH ? batch : axis === "T" ? length : Number(axis)));
  const key: Words = [SEED, hashName(name)];
  const ids = elem === "i32" && classes !== undefined;
  const pick = ids ? (words: Words) => Math.floor(toUniform(words) * classes) : toNormal;
  const drawn = Array.from({ length: Math.min(product(extents), PERIOD) }, (_, i) => pick(threefry(key, [i, 0])));
  const values = new (ids ? Int32Array : Float32Array)(product(extents));
  for (let at = 0; at < values.length; at += PERIOD) values.set(drawn.slice(0, values.length - at), at);
  return ids ? { name, shape: extents, values, classes } : { name, shape: extents, values };
}

export function product(extents: readonly number[]): number {
  return extents.reduce((a, b) => a * b, 1);
}
