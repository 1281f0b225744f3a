/**
 * @file Cells that stand in no library, as a user might write them, go down the same road: compiled from text, their
 * loss and gradients on the device against the interpreter. Some are chosen for the shape of their kernels.
 */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { randomArguments } from "../lower/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";

/** A regression of every step on [I] inputs, so that nothing but the cell matters. */
const model = (call: string, output: string, more = "") => `
model Fit(I = 5, H = 6) {
  input xs: [T, I]
  target want: [T, ${output}]
  use cell_ = ${call}${more}
  ys = scan cell_(xs)
  output ys
  loss mse(ys, want)
}`;

const cells: Record<string, string> = {
  "a minimal gated unit": `
cell MGU(I, H) {
  input x: [I]
  state h: [H]
  param W_f: [H, I] ~ xavier_uniform, U_f: [H, H] ~ orthogonal, b_f: [H] ~ ones
  param W_h: [H, I] ~ xavier_uniform, U_h: [H, H] ~ orthogonal, b_h: [H] ~ zeros
  f = sigmoid(W_f @ x + U_f @ h + b_f)
  n = tanh(W_h @ x + U_h @ (f * h) + b_h)
  h' = (1 - f) * h + f * n
  output h'
}
${model("MGU(I, H)", "H")}`,

  "peepholes, layer norm within the step, two outputs' worth of states": `
cell Odd(I, H) {
  input x: [I]
  state h: [H], c: [H], n: [H] = start
  param start: [H] ~ normal(0, 1)
  param W: [3*H, I] ~ normal(0, 0.5), U: [3*H, H] ~ normal(0, 0.5), p: [H] ~ uniform(-1, 1), gain: [3*H] ~ ones
  z = W @ x + U @ h
  m = mean(z)
  v = mean((z - m) ** 2)
  i, f, g = split(gain * (z - m) / sqrt(v + 1e-3), 3)
  c' = sigmoid(f + p * c) * c + sigmoid(i) * tanh(g)
  n' = 0.9 * n + 0.1 * h
  h' = tanh(c' + n)
  output h'
}
${model("Odd(I, H)", "H")}`,

  "a matrix state written and read by index notation": `
cell Fast(I, H) {
  input x: [I]
  state A: [H, H]
  param K: [H, I] ~ xavier_uniform, Q: [H, I] ~ xavier_uniform, V: [H, I] ~ xavier_uniform, decay: [H] ~ zeros
  k = K @ x
  q = Q @ x
  v = V @ x
  A'[i, j] = sigmoid(decay[i]) * A[i, j] + tanh(v[i]) * k[j]
  output y[i] = sum[j](A'[i, j] * q[j])
}
${model("Fast(I, H)", "H")}`,

  "steps that are the same for every example": `
cell Driven(I, H) {
  input x: [I], drive: f32
  state h: [H]
  param W: [H, I] ~ xavier_uniform
  h' = 0.5 * h + sigmoid(drive) * h + W @ x * drive
  output y = h' * (2 ** drive - drive)
}
model Fit(I = 5, H = 6) {
  input xs: [T, I]
  target want: [T, H]
  param rate: f32 ~ ones
  use driven = Driven(I, H)
  wave[t: T] = sin(t) * rate
  ys = scan driven(xs, wave)
  output ys
  loss mse(ys, want)
}`,

  "places of states known at compile time": `
cell Edges(I, H) {
  input x: [I]
  state a: [H], b: [1]
  param W: [H, I] ~ xavier_uniform
  e = W @ x
  p = softmax(a)
  b'[i] = 0.5 * b[i] + p[0] * (b[i + 1] else 0.5 - e[0]) * (a[i + 2] else 0.1)
  a'[i] = tanh(e[i] + 0.3 * a[H - 1 - i]) + sum(log_softmax(concat(b, a))) * 0.01
  output y[i: H] = a'[i] + b'[0] + (b[i - 1] else 0.2)
}
${model("Edges(I, H)", "H")}`,

  "a max-plus step and its soft form": `
cell Paths(I, H) {
  input x: [I]
  state best: [H], all: [H]
  param W: [H, I] ~ xavier_uniform, A: [H, H] ~ normal(0, 1)
  e = W @ x
  best'[j] = max[i](best[i] + A[i, j]) + e[j]
  all'[j] = logsumexp[i](all[i] + A[i, j]) + e[j]
  output y = best' * tanh(all')
}
${model("Paths(I, H)", "H")}`,

  "a pointwise recurrence, backwards": `
cell Leaky(I, H) {
  input x: [I]
  state h: [H]
  param W: [H, I] ~ xavier_uniform, u: [H] ~ uniform(0, 1)
  h' = relu(W @ x + u * h) + softplus(h) * 0.1
  output h'
}
${model("Leaky(I, H)", "H").replace("scan cell_", "scan reverse cell_")}`,

  "a state wider than a workgroup": `
cell Wide(I, H) {
  input x: [I]
  state h: [H], s: [H]
  param W: [H, I] ~ xavier_uniform, U: [H, H] ~ normal(0, 0.05)
  s' = 0.5 * s + W @ x
  h' = tanh(U @ h + s')
  output h'
}
${model("Wide(I, 300)", "300")}`,

  "a state too wide for registers and workgroup memory": `
cell Wider(I, H) {
  input x: [I]
  state h: [H], s: [H]
  param W: [H, I] ~ xavier_uniform, u: [H] ~ uniform(-1, 1)
  s'[i] = 0.5 * s[i] + 0.01 * sum(h) + sum[j](W[i, j] * x[j])
  h' = tanh(u * h + s')
  output h'
}
${model("Wider(I, 2100)", "2100")}`,
};

const lengths = { [BATCH]: 5, T: 4 };
const TOLERANCE = 1e-4;

describe.each(Object.entries(cells))("%s", (_, text) => {
  test("loss and gradients on the device are the interpreter's", async () => {
    const { module } = compileText(text);
    const train = present(module.graphs.train, "test", "train");
    const args = randomArguments(module, lengths, 3);
    const want = evaluateGraph(train, args, lengths);
    const got = await runOnDevice(train, args, lengths);
    for (const [name, { data }] of Object.entries(want)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(TOLERANCE);
    }
  });
});

test("a batch and a length of one, and a batch that fills no tile", async () => {
  const { module } = compileText(cells["a minimal gated unit"]);
  const train = present(module.graphs.train, "test", "train");
  for (const sizes of [
    { [BATCH]: 1, T: 1 },
    { [BATCH]: 9, T: 2 },
  ]) {
    const args = randomArguments(module, sizes, 4);
    const want = evaluateGraph(train, args, sizes);
    const got = await runOnDevice(train, args, sizes);
    for (const [name, { data }] of Object.entries(want)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(TOLERANCE);
    }
  }
});
