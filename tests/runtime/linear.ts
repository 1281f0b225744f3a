/** @file A model whose gradients are what the test says: the loss is Σ p·x over all parameters, p flat, for a batch of one. */

import type { Count, Manifest, Program, Slot } from "../../runtime/manifest.js";
import { FORMAT } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { encodeSafetensors } from "../../runtime/safetensors.js";
import { wordsOf } from "./manifests.js";

export interface LinearParameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: "decayed" | "plain" | "frozen";
}

export const sizeOf = ({ shape }: Pick<LinearParameter, "shape">): number => shape.reduce((a, b) => a * b, 1);

/** @param parameters in the order of their kinds. */
export function linearManifest(parameters: readonly LinearParameter[]): Manifest {
  const total = (...kinds: readonly LinearParameter["kind"][]) =>
    parameters.filter(({ kind }) => kinds.includes(kind)).reduce((sum, each) => sum + sizeOf(each), 0);
  const trainable = total("decayed", "plain");
  const one: Count = { factor: 1, lengths: [], divisor: 1 };
  const all = { ...one, factor: trainable };
  const slot = (name: string, size: Count, first: number, last: number): Slot => ({ name, size, first, last });
  const slots = [
    slot("x", all, -1, 0),
    slot("factor", one, -1, 0),
    slot("loss", one, 0, 1),
    slot("gradients", all, 0, 1),
  ];
  const fields = ["x", "factor", "loss", "gradients"];
  const step = `
@compute @workgroup_size(1)
fn step() {
  var sum = 0.0;
  for (var i = 0u; i < ${trainable}u; i++) {
    sum += params[i] * arena[plan.x + i];
    arena[plan.gradients + i] = arena[plan.x + i] * arena[plan.factor];
  }
  arena[plan.loss] = sum;
}
`;
  const program: Program = {
    slots,
    dispatches: [{ kernel: "step", label: "step", words: wordsOf(fields, {}, slots), groups: [[one]] }],
    inputs: { x: 0, factor: 1 },
    outputs: {},
    scalars: { loss: 2 },
    nextStates: {},
  };
  let offset = 0;
  return {
    format: FORMAT,
    name: "Linear",
    spec: "by hand",
    generator: "by hand",
    lengths: [],
    inputs: [
      { name: "x", elem: "f32", shape: [trainable] },
      // Multiplies the gradients, not the loss.
      { name: "factor", elem: "f32", shape: [] },
    ],
    targets: [],
    outputs: [],
    metrics: [],
    parameters: parameters.map(({ name, shape }) => {
      const normal = { op: "normal", args: [0, 1].map((value) => ({ op: "number" as const, value })) };
      const spec = { name, shape, offset, init: { kind: "expression", expr: normal } as const };
      offset += sizeOf({ shape });
      return spec;
    }),
    layout: { decayed: total("decayed"), trainable, total: offset },
    wgsl: `
struct Plan { ${fields.map((field) => `${field}: u32`).join(", ")} }
@group(0) @binding(0) var<uniform> plan: Plan;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read_write> arena: array<f32>;
`,
    kernels: { step },
    programs: { train: { ...program, gradients: 3 }, predict: program, stream: { refused: "it has no length" } },
  };
}

export type LinearBatch = { readonly x: Float32Array; readonly factor: Float32Array };

/** The batch that gives these gradients. */
export const gradientsOf = (x: Float32Array, factor = 1): LinearBatch => ({ x, factor: Float32Array.of(factor) });

export function linearModel(device: GPUDevice, manifest: Manifest, seed = 1): Promise<Model<LinearBatch>> {
  return Model.create<LinearBatch>(device, manifest, { seed });
}

/** All parameters as they lie in the flat buffer. */
export async function flatOf(model: Model<LinearBatch>): Promise<number[]> {
  const values = await model.parameters();
  return model.manifest.parameters.flatMap(({ name }) => [...values[name]]);
}

/** A checkpoint of these parameters, flat. */
export function checkpointOf({ parameters }: Manifest, flat: readonly number[]): Uint8Array {
  const tensors = parameters.map(({ name, shape, offset }) => {
    const values = Float32Array.from(flat.slice(offset, offset + sizeOf({ shape })));
    return [name, { shape, values }] as const;
  });
  return encodeSafetensors({ tensors: new Map(tensors), metadata: new Map() });
}
