/** @file A character model written by hand as the compiler would emit it: the logits are a table's row of the token. */

import { BATCH, type Count, FORMAT, type Manifest, type Program, type Slot } from "../../runtime/manifest.js";
import { wordsOf } from "../runtime/manifests.js";

/** A bigram model over `V` characters; its best loss is the entropy of the next character given the last. */
export function bigramManifest(V: number): Manifest {
  const times = (factor: number, lengths: readonly string[]): Count => ({ factor, lengths, divisor: 1 });
  const places = [BATCH, "T"];
  const slot = (name: string, size: Count, first: number, last: number): Slot => ({ name, size, first, last });
  const one = times(1, []);

  const fields = ["batch", "T", "tokens", "next", "logits", "loss", "gradients"];
  const header = `
const V = ${V}u;
struct Plan { ${fields.map((field) => `${field}: u32`).join(", ")} }
@group(0) @binding(0) var<uniform> plan: Plan;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read_write> arena: array<f32>;`;

  const forward = `
@compute @workgroup_size(1) fn forward() {
  for (var at = 0u; at < plan.batch * plan.T; at++) {
    for (var v = 0u; v < V; v++) { arena[plan.logits + at * V + v] = params[u32(arena[plan.tokens + at]) * V + v]; }
  }
}`;
  const total = `
fn total(at: u32) -> f32 {
  var sum = 0.0;
  for (var v = 0u; v < V; v++) { sum += exp(arena[plan.logits + at * V + v]); }
  return sum;
}`;
  const loss = `
@compute @workgroup_size(1) fn loss() {
  var sum = 0.0;
  for (var at = 0u; at < plan.batch * plan.T; at++) {
    sum += log(total(at)) - arena[plan.logits + at * V + u32(arena[plan.next + at])];
  }
  arena[plan.loss] = sum / f32(plan.batch * plan.T);
}`;
  const gradient = `
@compute @workgroup_size(1) fn gradient() {
  for (var i = 0u; i < V * V; i++) { arena[plan.gradients + i] = 0.0; }
  let count = f32(plan.batch * plan.T);
  for (var at = 0u; at < plan.batch * plan.T; at++) {
    let row = plan.gradients + u32(arena[plan.tokens + at]) * V;
    for (var v = 0u; v < V; v++) { arena[row + v] += exp(arena[plan.logits + at * V + v]) / total(at) / count; }
    arena[row + u32(arena[plan.next + at])] -= 1.0 / count;
  }
}`;
  const inputs = { tokens: 0, next: 1 };
  const programOf = (slots: readonly Slot[], kernels: readonly string[]): Pick<Program, "slots" | "dispatches"> => ({
    slots,
    dispatches: kernels.map((kernel) => ({
      kernel,
      label: kernel,
      words: wordsOf(fields, { batch: BATCH, T: "T" }, slots),
      groups: [[one]],
    })),
  });
  const none = { outputs: {}, scalars: {}, nextStates: {} };

  const train: Program = {
    ...programOf(
      [
        slot("tokens", times(1, places), -1, 2),
        slot("next", times(1, places), -1, 2),
        slot("logits", times(V, places), 0, 2),
        slot("loss", one, 1, 3),
        slot("gradients", times(V * V, []), 2, 3),
      ],
      ["forward", "loss", "gradient"],
    ),
    ...none,
    inputs,
    scalars: { loss: 3 },
    gradients: 4,
  };
  const evaluate: Program = {
    ...programOf(
      [
        slot("tokens", times(1, places), -1, 1),
        slot("next", times(1, places), -1, 1),
        slot("logits", times(V, places), 0, 1),
        slot("loss", one, 1, 2),
      ],
      ["forward", "loss"],
    ),
    ...none,
    inputs,
    scalars: { loss: 3 },
  };
  const predict: Program = {
    ...programOf([slot("tokens", times(1, places), -1, 0), slot("logits", times(V, places), 0, 1)], ["forward"]),
    ...none,
    inputs: { tokens: 0 },
    outputs: { logits: 1 },
  };
  const init = {
    kind: "expression",
    expr: {
      op: "normal",
      args: [
        { op: "number", value: 0 },
        { op: "number", value: 1 },
      ],
    },
  } as const;
  return {
    format: FORMAT,
    name: "Bigram",
    generator: "by hand",
    spec: "by hand",
    lengths: ["T"],
    inputs: [{ name: "tokens", elem: "i32", shape: ["T"], classes: V }],
    targets: [{ name: "next", elem: "i32", shape: ["T"], classes: V }],
    outputs: [{ name: "logits", elem: "f32", shape: ["T", V] }],
    metrics: [],
    parameters: [{ name: "table", shape: [V, V], offset: 0, init }],
    layout: { decayed: V * V, trainable: V * V, total: V * V },
    wgsl: header + total,
    kernels: { forward, loss, gradient },
    programs: { train, evaluate, predict, stream: { length: "T", states: [], step: predict } },
  };
}
