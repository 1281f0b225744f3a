/**
 * @file Whole models as a reader of papers writes them, one construct of the language upon another: gradients against
 * central differences, and the device against the interpreter.
 */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { forward, randomArguments, randomSource } from "../lower/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";

const models: Record<string, string> = {
  "a delta rule on a state of three axes, its heads cut out of flat projections": `
cell Delta(D, N, K) {
  input x: [D]
  state S: [N, K, K]
  param Wq: [N*K, D] ~ xavier_uniform, Wk: [N*K, D] ~ xavier_uniform, Wv: [N*K, D] ~ xavier_uniform
  param Wb: [N, D] ~ xavier_uniform
  zq = Wq @ x
  zk = Wk @ x
  zv = Wv @ x
  q[n: N, k: K] = zq[n*K + k]
  kr[n: N, k: K] = zk[n*K + k]
  v[n: N, k: K] = zv[n*K + k]
  size[n] = norm[k](kr[n, k])
  key[n, k] = kr[n, k] / (size[n] + 1e-6)
  beta = sigmoid(Wb @ x)
  old[n, j] = sum[i](S[n, i, j] * key[n, i])
  S'[n, i, j] = S[n, i, j] + beta[n] * key[n, i] * (v[n, j] - old[n, j])
  o[n, j] = sum[i](S'[n, i, j] * q[n, i])
  output zq
  output o
}
model M(D = 3, N = 2, K = 2) {
  input x: [T, D]
  target y: [T, N, K]
  use c = Delta(D, N, K)
  flat, o = scan c(x)
  output o
  output flat
  loss mse(o, y)
  loss 0.01 * sum(flat ** 2)
}`,

  "Heun steps of a differential equation within a step: one layer, called five times": `
layer Field(H) {
  input h: [H], u: [H]
  param A: [H, H] ~ normal(0, 0.5), b: [H] ~ zeros
  output dh = tanh(A @ h + u + b) - h
}
cell ODE(I, H, dt = 0.1) {
  input x: [I], step: f32
  state h: [H]
  use f = Field(H)
  param W: [H, I] ~ kaiming_uniform
  u = W @ x
  a1 = f(h, u)
  b1 = f(h + step * a1, u)
  h1 = h + step / 2 * (a1 + b1)
  a2 = f(h1, u)
  b2 = f(h1 + step * a2, u)
  h2 = h1 + step / 2 * (a2 + b2)
  h' = h2 + dt * f(h2, u)
  output h'
}
model M(I = 3, H = 4) {
  input x: [T, I], step: [T]
  target y: [T, H]
  use c = ODE(I, H)
  hs = scan c(x, step)
  output hs
  loss mse(hs, y)
}`,

  "a ragged decoder that attends to a ragged encoder, with tied weights": `
cell Leaky(E, H) {
  input x: [E]
  state h: [H]
  param W: [H, E] ~ kaiming_uniform, u: [H] ~ uniform(0, 1)
  h' = tanh(W @ x + u * h)
  output h'
}
model Seq2Seq(V = 5, E = 3, H = 4) {
  length S ragged, T ragged
  input source: [S] id(V), shifted: [T] id(V)
  target want: [T] id(V)
  param table: [V, E] ~ normal
  use enc = Leaky(E, H), dec = Leaky(E, H)
  xs[s, e] = table[source[s], e]
  ds[t] = table[shifted[t]]
  hs, end = scan enc(xs)
  gs = scan dec(ds) from { h: end.h }
  score[t, s] = sum[h](gs[t, h] * hs[s, h]) / sqrt(H)
  w[t, s] = softmax[s](score[t, s])
  ctx[t, h] = sum[s](w[t, s] * hs[s, h])
  logits[t, v] = sum[e: E](table[v, e] * ((ctx[t, e] else 0) + gs[t, e + 1]))
  output logits
  loss cross_entropy(logits, want)
  metric hit = accuracy(logits, want)
}`,

  "a memory with content addressing, circular shifts and learned starts": `
cell Memory(I, N, D) {
  input x: [I]
  state mem: [N, D] = mem0, w: [N] = softmax(w0), r: [D]
  param mem0: [N, D] ~ normal(0, 0.3)
  param w0[n]: [N] ~ exp(-5 * n)
  param Wk: [D, I] ~ xavier_uniform, Wr: [D, D] ~ xavier_uniform, We: [D, I] ~ xavier_uniform, Wa: [D, I] ~ xavier_uniform
  param Ws: [3, I] ~ xavier_uniform, gamma: f32 ~ 1, wg: [I] ~ normal(0, 0.5)
  const shift[i, j, m]: [N, N, 3] = where(i == j + m - 1, 1, where(i + N == j + m - 1, 1, where(i == j + m - 1 + N, 1, 0)))
  k = tanh(Wk @ x + Wr @ r)
  sim[n] = sum[d](mem[n, d] * k[d]) / (norm[d](mem[n, d]) * norm(k) + 1e-4)
  content = softmax(5 * sim)
  g = sigmoid(sum(wg * x))
  mixed = g * content + (1 - g) * w
  s = softmax(Ws @ x)
  moved[i] = sum[j, m](shift[i, j, m] * s[m] * mixed[j])
  sharp = (moved + 1e-6) ** (1 + softplus(gamma))
  w' = sharp / sum(sharp)
  erase = sigmoid(We @ x)
  add = Wa @ x
  mem'[n, d] = mem[n, d] * (1 - w'[n] * erase[d]) + w'[n] * add[d]
  r'[d] = sum[n](w'[n] * mem'[n, d])
  output r', w'
}
model M(I = 2, N = 3, D = 2) {
  input x: [T, I]
  target y: [T, D]
  use m = Memory(I, N, D)
  rs, ws = scan m(x)
  output rs, ws
  loss mse(rs, y)
}`,

  "look-ups of the tags before, as ids, in ragged examples": `
model M(K = 4, D = 3) {
  length T ragged
  input tag: [T] id(K), other: [T] id(K), x: [T, D]
  target next: [T] id(K)
  param A: [K, K, D] ~ normal(0, 0.3), B: [K, 2, K] ~ normal
  before[t] = tag[t - 1] else 3
  far[t] = tag[t - 2] else other[t]
  logits[t, k] = sum[d](A[tag[t], k, d] * x[t, d] + A[before[t], k, d]) + sum[j](B[tag[t - j] else 0, j, k]) + one[t, k]
  one = one_hot(far)
  ahead[t] = A[tag[t + 1] else 1, tag[t], 0]
  output logits
  loss cross_entropy(logits, next)
  loss ahead ** 2
}`,
};

const BATCHES = 3;

describe.each(Object.entries(models))("%s", (_, text) => {
  const { module } = compileText(text);
  const train = present(module.graphs.train, "test", "train");
  const lengths = { [BATCH]: BATCHES, S: 4, T: 5 };
  const args = randomArguments(module, lengths, 7);
  const results = evaluateGraph(train, args, lengths);

  test("gradients are central differences of the loss", () => {
    const random = randomSource(11);
    for (const { name, shape } of module.parameters) {
      const { data } = args[name];
      const direction = Array.from(data, () => 2 * random() - 1);
      const lossAt = (step: number) => {
        const moved = ndarray(
          shape,
          Array.from(data, (x, i) => x + step * direction[i]),
        );
        return forward(module, { ...args, [name]: moved }, lengths)["loss:loss"].data[0];
      };
      const slope = (lossAt(1e-5) - lossAt(-1e-5)) / 2e-5;
      const derivative = direction.reduce((sum, x, i) => sum + x * results[`grad:${name}`].data[i], 0);
      expect(Math.abs(derivative - slope), name).toBeLessThan(1e-5 * Math.max(0.01, Math.abs(slope)));
    }
  });

  test("loss and gradients on the device are the interpreter's", async () => {
    const got = await runOnDevice(train, args, lengths);
    for (const [name, { data }] of Object.entries(results)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(1e-4);
    }
  });
});

test("a shorter index reads the front of an axis, within a step as well", () => {
  const text = (front: string) => `
cell Front(H) {
  input x: [H]
  state s: [H], n: f32
  s' = 0.5 * s + x
  n' = 0.9 * n + norm(s')
  output y[i: 2] = ${front} / n'
}
model M(H = 3) {
  input x: [T, H]
  param k: [H] ~ ones
  use c = Front(H)
  xs[t, h] = k[h] * x[t, h]
  ys = scan c(xs)
  output ys
  loss sum(ys)
}`;
  const lengths = { [BATCH]: BATCHES, T: 4 };
  const [got, want] = ["(s'[i] else 0)", "sum[j](where(i == j, s'[j], 0))"].map((front) => {
    const { module } = compileText(text(front));
    return evaluateGraph(present(module.graphs.train, "test", "train"), randomArguments(module, lengths, 3), lengths);
  });
  for (const [name, { data }] of Object.entries(want)) {
    expect(relativeError(got[name].data, data), name).toBeLessThan(1e-9);
  }
});

test("what stands for an id outside, and the ids inside", () => {
  const { module } = compileText(`
model Before(K = 4) {
  input tag: [T] id(K), other: [T] id(K)
  before[t] = tag[t - 1] else 3
  after[t] = tag[t + 2] else other[t]
  output first = one_hot(before)
  output second = one_hot(after)
}`);
  const [T, K] = [5, 4];
  const args = randomArguments(module, { [BATCH]: BATCHES, T }, 2);
  const results = forward(module, args, { [BATCH]: BATCHES, T });
  const hot = (name: string) =>
    Array.from({ length: BATCHES * T }, (_, at) => results[name].data.subarray(at * K, (at + 1) * K).indexOf(1));
  const [tags, others] = [args.tag.data, args.other.data];
  expect(hot("output:first")).toEqual(Array.from(tags, (_, at) => (at % T === 0 ? 3 : tags[at - 1])));
  expect(hot("output:second")).toEqual(Array.from(tags, (_, at) => (at % T > T - 3 ? others[at] : tags[at + 2])));
});
