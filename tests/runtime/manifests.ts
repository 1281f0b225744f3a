/** @file Models written by hand as the compiler would emit them, small enough to be right by inspection. */

import type { Count, Dispatch, Manifest, Program, Slot, Word } from "../../runtime/manifest.js";
import { BATCH, FORMAT } from "../../runtime/manifest.js";

const one: Count = { factor: 1, lengths: [], divisor: 1 };
const perExample = (factor: number): Count => ({ factor, lengths: [BATCH], divisor: 1 });
const slot = (name: string, size: Count, first: number, last: number): Slot => ({ name, size, first, last });

/** Sizes of the affine model y = W x + b: 3 inputs, 2 outputs; W has 6 elements, b 2. */
export const IN = 3;
export const OUT = 2;

/** The plan's words: slots by the names of their fields, lengths by their own; 0 for what a program lacks. */
export const wordsOf = (fields: readonly string[], lengths: Readonly<Record<string, string>>, slots: readonly Slot[]) =>
  fields.map((field): Word => {
    const slot = slots.findIndex(({ name }) => name === field);
    return lengths[field] ?? (slot < 0 ? 0 : { slot });
  });

const bindings = (fields: readonly string[]): string => `
struct Plan { ${fields.map((field) => `${field}: u32`).join(", ")} }
@group(0) @binding(0) var<uniform> plan: Plan;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read_write> arena: array<f32>;
`;

const forward = `
@compute @workgroup_size(1)
fn forward(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = id.y * groups.x + id.x;
  if (row >= plan.batch) { return; }
  for (var j = 0u; j < 2u; j++) {
    var sum = params[6u + j];
    for (var i = 0u; i < 3u; i++) { sum += params[j * 3u + i] * arena[plan.x + row * 3u + i]; }
    arena[plan.y + row * 2u + j] = sum;
  }
}
`;

const loss = `
@compute @workgroup_size(1)
fn loss() {
  var squares = 0.0;
  var largest = 0.0;
  for (var at = 0u; at < plan.batch * 2u; at++) {
    let r = arena[plan.y + at] - arena[plan.t + at];
    squares += r * r;
    largest = max(largest, abs(r));
  }
  arena[plan.loss] = squares / f32(plan.batch);
  arena[plan.worst] = largest;
}
`;

const gradient = `
@compute @workgroup_size(8)
fn gradient(@builtin(local_invocation_index) at: u32) {
  var sum = 0.0;
  let j = select(at / 3u, at - 6u, at >= 6u);
  for (var row = 0u; row < plan.batch; row++) {
    let r = arena[plan.y + row * 2u + j] - arena[plan.t + row * 2u + j];
    let x = select(arena[plan.x + row * 3u + at % 3u], 1.0, at >= 6u);
    sum += 2.0 * r * x;
  }
  arena[plan.gradients + at] = sum / f32(plan.batch);
}
`;

const FIELDS = ["batch", "x", "t", "y", "loss", "worst", "gradients"];

const dispatchesOf = (slots: readonly Slot[], kernels: readonly string[]) =>
  kernels.map(
    (kernel): Dispatch => ({
      kernel,
      label: kernel,
      words: wordsOf(FIELDS, { batch: BATCH }, slots),
      groups: [[kernel === "forward" ? perExample(1) : one]],
    }),
  );

const predictSlots = [slot("x", perExample(IN), -1, 0), slot("y", perExample(OUT), 0, 1)];
const predict: Program = {
  slots: predictSlots,
  dispatches: dispatchesOf(predictSlots, ["forward"]),
  inputs: { x: 0 },
  outputs: { y: 1 },
  scalars: {},
  nextStates: {},
};

const evaluateSlots = [
  slot("x", perExample(IN), -1, 0),
  slot("t", perExample(OUT), -1, 1),
  slot("y", perExample(OUT), 0, 1),
  slot("loss", one, 1, 2),
  slot("worst", one, 1, 2),
];
const evaluate: Program = {
  slots: evaluateSlots,
  dispatches: dispatchesOf(evaluateSlots, ["forward", "loss"]),
  inputs: { x: 0, t: 1 },
  outputs: {},
  scalars: { loss: 3, worst: 4 },
  nextStates: {},
};

const trainSlots = [
  slot("x", perExample(IN), -1, 2),
  slot("t", perExample(OUT), -1, 2),
  slot("y", perExample(OUT), 0, 2),
  slot("loss", one, 1, 3),
  slot("worst", one, 1, 3),
  slot("gradients", { factor: 8, lengths: [], divisor: 1 }, 2, 3),
];
const train: Program = {
  slots: trainSlots,
  dispatches: dispatchesOf(trainSlots, ["forward", "loss", "gradient"]),
  inputs: { x: 0, t: 1 },
  outputs: {},
  scalars: { loss: 3, worst: 4 },
  nextStates: {},
  gradients: 5,
};

/** y = W x + b; the loss is the mean over examples of ‖y − t‖², `worst` the largest deviation; b does not decay. */
export const affine: Manifest = {
  format: FORMAT,
  name: "Affine",
  generator: "by hand",
  spec: "by hand",
  lengths: [],
  inputs: [{ name: "x", elem: "f32", shape: [IN] }],
  targets: [{ name: "t", elem: "f32", shape: [OUT] }],
  outputs: [{ name: "y", elem: "f32", shape: [OUT] }],
  metrics: ["worst"],
  parameters: [
    {
      name: "W",
      shape: [OUT, IN],
      offset: 0,
      init: {
        kind: "expression",
        expr: {
          op: "normal",
          args: [
            { op: "number", value: 0 },
            { op: "number", value: 0.5 },
          ],
        },
      },
    },
    { name: "b", shape: [OUT], offset: 6, init: { kind: "expression", expr: { op: "number", value: 0.25 } } },
  ],
  layout: { decayed: 6, trainable: 8, total: 8 },
  wgsl: bindings(FIELDS),
  kernels: { forward, loss, gradient },
  programs: { train, evaluate, predict, stream: { refused: "nothing in it runs along a length" } },
};

const perStep: Count = { factor: 1, lengths: [BATCH, "T"], divisor: 1 };

const STREAM_FIELDS = ["batch", "T", "x", "sum", "next", "y"];

const accumulate = `
@compute @workgroup_size(4)
fn accumulate(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= plan.batch) { return; }
  var sum = arena[plan.sum + row];
  for (var t = 0u; t < plan.T; t++) {
    sum = params[0] * sum + arena[plan.x + row * plan.T + t];
    arena[plan.y + row * plan.T + t] = sum;
  }
  arena[plan.next + row] = sum;
}`;

const stepSlots = [
  slot("x", perStep, -1, 0),
  slot("sum", perExample(1), -1, 0),
  slot("next", perExample(1), 0, 1),
  // Longer than the output, as a slot may be that a kernel fills in whole tiles.
  slot("y", { factor: 3, lengths: [BATCH, "T"], divisor: 1 }, 0, 1),
];
const step: Program = {
  slots: stepSlots,
  dispatches: [
    {
      kernel: "accumulate",
      label: "accumulate",
      words: wordsOf(STREAM_FIELDS, { batch: BATCH, T: "T" }, stepSlots),
      groups: [[{ factor: 1, lengths: [BATCH], divisor: 4 }]],
    },
  ],
  inputs: { x: 0, sum: 1 },
  outputs: { y: 3 },
  scalars: {},
  nextStates: { sum: 2 },
};

/** y[t] = a y[t−1] + x[t] with a = 0.5: a stream with one kept state. Its other programs are the affine model's. */
export const decaying: Manifest = {
  ...affine,
  name: "Decaying",
  lengths: ["T"],
  inputs: [{ name: "x", elem: "f32", shape: ["T"] }],
  outputs: [{ name: "y", elem: "f32", shape: ["T"] }],
  parameters: [{ name: "a", shape: [], offset: 0, init: { kind: "expression", expr: { op: "number", value: 0.5 } } }],
  layout: { decayed: 1, trainable: 1, total: 1 },
  wgsl: bindings(STREAM_FIELDS),
  kernels: { accumulate },
  programs: {
    ...affine.programs,
    stream: { length: "T", states: [{ name: "sum", elem: "f32", shape: [BATCH] }], step },
  },
};
