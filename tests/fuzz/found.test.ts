/** @file What random specs found, each reduced to what it takes. */

import { describe, expect, test } from "vitest";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { runOnDevice } from "../support/ladder.js";
import { agreesOnDevice, agreesWithItself, compiles } from "./properties.js";

const found: Record<string, string> = {
  "the last states of the third instance of a chain": `
    cell Leaky(D) {
      input x: [D]
      state h: [D]
      h' = tanh(x + h)
      output h'
    }
    model M(P = 2) {
      input x: [T, P]
      target t: [P]
      param W: [P] ~ ones
      use rnn[3] = Leaky(P)
      v, end = chain scan rnn(x)
      output v
      loss mse(end.1.h * W + end.2.h, t)
    }`,
  "a softmax within a step that is the same for every example": `
    cell Masked(A) {
      input x: [A]
      state h: [A, A], g: [A, A]
      param W: [A, A] ~ uniform(-0.5, 0.5)
      h'[i: A, j: A] = 0.5 * h[i, j] + 0.5 * softmax[j](where(j <= i, tanh(sin(j)), -inf))
      g'[i, j] = tanh(0.5 * g[i, j] + x[i] + W[i, j] * h'[i, j])
      output g'
    }
    model M(P = 2) {
      input x: [T, P]
      target t: [P, P]
      use rnn = Masked(P)
      v, end = scan rnn(x)
      output v
      loss mse(end.g + end.h, t)
    }`,
  "a sequence given twice that is the same at every step": `
    cell Shifted(A) {
      input x: [A], y: [A]
      state h: [A]
      v[i] = y[i - 1] else -1
      h' = tanh(v + x * h)
      output h'
    }
    model M(P = 2) {
      input x: [T, P]
      target t: [T, P]
      param W: f32 ~ ones
      use rnn = Shifted(P)
      w[i: T, j: P] = W
      v = scan rnn(w, w)
      output v
      loss mse(v + x, t)
    }`,
  "a state read at places turned round": `
    cell Mirrored(A) {
      input x: [A]
      state h: [A]
      param W: [A, A] ~ uniform(-0.5, 0.5)
      h'[i: A] = tanh(x[i] + sum[j](W[i, j] * h[A - 1 - j]) + 0.3 * h[A - 1 - i])
      output h'
    }
    model M(P = 3) {
      input x: [T, P]
      target t: [T, P]
      use rnn = Mirrored(P)
      v = scan rnn(x)
      output v
      loss mse(v, t)
    }`,
  "a weight between a state turned round and a clamp": `
    cell Gated(A) {
      input x: [A]
      state h: [A], m: [A]
      param W: [A] ~ uniform(-0.5, 0.5), V: [A, A] ~ uniform(-0.5, 0.5)
      v[i] = clamp(m[A - 1 - i] * h[i] + W[i], -0.1, 0.4)
      h' = sin(h) + x
      m' = sigmoid(m - v) * m + (1 - sigmoid(v)) * tanh(V @ m)
      output m'
    }
    model M(P = 3) {
      input x: [T, P]
      target t: [T, P]
      use rnn = Gated(P)
      v = scan reverse rnn(x)
      output v
      loss mse(v, t)
    }`,
  "the first element of a diagonal state": `
    cell First(A) {
      input x: [A]
      state h: [A, A]
      param W: [A, A] ~ uniform(-0.5, 0.5)
      h'[i, j] = tanh(0.5 * h[i, j] + W[i, j] * x[j])
      output y = h'[0, 0]
    }
    model M(P = 3) {
      input x: [T, P]
      target t: [T]
      use rnn = First(P)
      v = scan rnn(x)
      output v
      loss mse(v, t)
    }`,
  "a metric that is a parameter": `
    cell Sums(A) {
      input x: [A]
      state h: [A]
      h' = tanh(h + x)
      output h'
    }
    model M(P = 2) {
      input x: [T, P]
      target t: [T, P]
      param W: f32 ~ ones, V: [P] ~ uniform
      use rnn = Sums(P)
      v = scan rnn(x)
      y[i: T, j: P] = W * v[i, j] + V[j]
      output y
      loss mse(y, t)
      metric kept = W
    }`,
  "a diagonal state looked up along its second axis": `
    cell Looked(D, E) {
      input x: [D], k: id(E)
      state h: [D, E]
      param W: [D, E] ~ uniform(-0.5, 0.5)
      h'[d, e] = 0.5 * h[d, e] + x[d] * W[d, e]
      y[d] = h'[d, k] + sum[e](h[d, E - 1 - e] * W[d, e]) + (h[d, 2 * d] else 0.1)
      output y
    }
    model M(P = 3, Q = 4) {
      input x: [T, P], k: [T] id(Q)
      target t: [T, P]
      use rnn = Looked(P, Q)
      v = scan rnn(x, k)
      output v
      loss mse(v, t)
    }`,
  "a diagonal state with a long second axis": `
    cell Long(D, E) {
      input x: [D]
      state h: [D]
      param W: [D, E] ~ uniform(-0.5, 0.5)
      h' = 0.5 * h + x
      y[d] = mean[e](tanh(h'[d] * W[d, e]))
      output y
    }
    model M(P = 2, Q = 70) {
      input x: [T, P]
      target t: [T, P]
      use rnn = Long(P, Q)
      v = scan rnn(x)
      output v
      loss mse(v, t)
    }`,
  "a state read at a place that comes in": `
    cell Pointed(A) {
      input x: [A], k: id(A)
      state h: [A], m: [A, 2]
      param W: [A] ~ uniform(-0.5, 0.5), V: [A, 2] ~ uniform(-0.5, 0.5)
      h'[i: A] = tanh(x[i] + W[i] * h[k])
      m'[i: A, j: 2] = 0.5 * m[i, j] + V[i, j] * h[k] * sum[l](m[k, l] * V[k, l])
      y[i] = h'[i] + sum[j: 2](m'[i, j] * m[A - 1 - i, j])
      output y
    }
    model M(P = 3) {
      input x: [T, P], k: [T] id(P)
      target t: [T, P]
      use rnn = Pointed(P)
      v = scan rnn(x, k)
      output v
      loss mse(v, t)
    }`,
  "powers of negative bases and of zero, whose exponent is an index": `
    model M(P = 2, N = 5) {
      input x: [T, P]
      target want: [T, P]
      param c: [N] ~ ones, W: [P] ~ ones
      const alternating[n]: [N] = (-1) ** n
      base[t, i] = W[i] * x[t, i]
      y[t, i] = sum[n](c[n] * alternating[n] * base[t, i] ** n) + 0 ** (i + 1) + 0 ** i
      output y
      loss mse(y, want)
    }`,
  "a sequence that is the same at every step, turned round": `
    cell Mirrored(A) {
      input x: [A]
      state h: [A]
      h'[i] = tanh(x[A - 1 - i])
      output h'
    }
    model M(P = 2) {
      input x: [T, P]
      target t: [P]
      param W: [P, P] ~ ones
      use rnn = Mirrored(P)
      y = W @ x[T - 1]
      z[s: T, i] = y[i]
      v, end = scan rnn(z)
      loss mse(end.h, t)
    }`,
};

describe.each(Object.entries(found))("%s", (_, text) => {
  const spec = { text, lengths: { [BATCH]: 2, T: 3, S: 2 }, seed: 5 };
  test("is compiled, with the right gradients on the device", async () => {
    const model = present(compiles(spec), "test", "the model");
    agreesWithItself(spec, model);
    await agreesOnDevice(spec, model, runOnDevice);
    expect(model.manifest.parameters.length).toBeGreaterThan(0);
  });
});
