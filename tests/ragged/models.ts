/** @file Small models with ragged lengths, one a way in which places of an axis come together. */

import { type Arrays, at } from "../lower/support.js";

export interface RaggedModel {
  readonly text: string;
  /** How much one example counts in the loss; by default its own length T. */
  readonly weight?: (example: Arrays, own: Readonly<Record<string, number>>) => number;
}

const imports = `
import { LSTM } from "std/lstm"
import { GRU } from "std/gru"
import { Linear } from "std/linear"
import { Embedding } from "std/embedding"
`;

/** A model on x: [T, D] whose body gives \`guess\`, fitted at every step. */
const steps = (body: string, more = ""): RaggedModel => ({
  text: `${imports} ${more} model M(D = 3) {
    length T ragged
    input x: [T, D]
    target want: [T, D]
    param a: [D] ~ ones, A: [D, D] ~ kaiming_uniform
    y[t, i] = a[i] * sum[j](A[i, j] * x[t, j])
    ${body}
    output guess
    loss mse(guess, want)
  }`,
});

/** As \`steps\`, with one guess for the whole example. */
const whole = (body: string, more = ""): RaggedModel => ({
  text: steps(body, more).text.replace("target want: [T, D]", "target want: [D]"),
  weight: () => 1,
});

const once = () => 1;

export const models: Readonly<Record<string, RaggedModel>> = {
  "a scan": steps("use rnn = LSTM(D, D) guess = scan rnn(y)"),
  "a scan backwards": steps("use rnn = LSTM(D, D) guess = scan reverse rnn(y)"),
  "a scan backwards from a learned start, several outputs": steps(
    "use c = Started(D) g, f = scan reverse c(y) guess = g * f",
    `cell Started(D) {
      input x: [D]
      param start: [D] ~ ones, w: [D] ~ ones
      state h: [D] = tanh(start)
      h' = tanh(w * h + x)
      output both = h + h'
      output turned = x / norm(h')
    }`,
  ),
  "a delay and a counter as states": steps(
    "use c = Shifted(D) guess = scan c(y)",
    `cell Shifted(D) { input x: [D] state last: [D], n: f32 last' = x n' = n + 1 output r = last * x / n' }`,
  ),
  "last states": whole("use rnn = LSTM(D, D) ys, end = scan rnn(y) guess = end.h + 2 * end.c"),
  "last states backwards": whole("use rnn = GRU(D, D) ys, end = scan reverse rnn(y) guess = end.h"),
  "the last output": whole("use rnn = GRU(D, D) ys = scan rnn(y) guess = ys[T - 1] + ys[0]"),
  "both ends of a bidirectional net": whole(
    "use f = GRU(D, D), g = GRU(D, D) a_ = scan f(y) b = scan reverse g(y) guess = a_[T - 1] * b[0] + b[T - 1]",
  ),
  "stacked scans, a scan from the last states of another": steps(
    "use rnn[2] = GRU(D, D), again = GRU(D, D) ys, end = chain scan rnn(y) guess = scan again(ys) from { h: end.1.h }",
  ),
  "a bidirectional tagger": {
    text: `${imports} model M(V = 5, D = 3, K = 4) {
      length T ragged
      input tokens: [T] id(V)
      target tag: [T] id(K)
      use embed = Embedding(V, D), f = GRU(D, D), g = GRU(D, D), p = Linear(D, K), q = Linear(D, K)
      x = embed(tokens)
      logits = p(scan f(x)) + q(scan reverse g(x))
      output logits
      loss cross_entropy(logits, tag)
      metric accuracy(logits, tag)
    }`,
  },
  "attention over everything": steps(
    "s[t, u] = sum[d](y[t, d] * x[u, d]) w[t, u] = softmax[u](s[t, u]) guess[t, d] = sum[u](w[t, u] * y[u, d])",
  ),
  "attention over the past, along the last axis, by a matrix product": steps(
    "s[t, u] = where(u <= t, sum[d](y[t, d] * x[u, d]), -inf) guess = softmax(s) @ y",
  ),
  "attention over the future": steps(
    "s[t, u] = where(u >= t, sum[d](y[t, d] * x[u, d]), -inf) w[t, u] = softmax[u](s[t, u]) guess[t, d] = sum[u](w[t, u] * y[u, d])",
  ),
  "entropy of attention": whole(
    "s[t, u] = sum[d](y[t, d] * y[u, d]) w[t, u] = softmax[u](s[t, u]) l[t, u] = log_softmax[u](s[t, u]) guess = a * (sum(w * l) + sum[t, u](w[t, u] * log(w[t, u])))",
  ),
  "convolutions over past, future and both": steps(
    "guess[t, d] = sum[k: 3](A[d, k] * (y[t - k, d] else 0) + A[k, d] * y[t + k - 1, d] else 0) + (y[t + 1, d] else 0.5) + (x[t - 1, d] else a[d])",
  ),
  "the example turned round": steps("guess[t, d] = y[T - 1 - t, d] * y[t, d]"),
  "ids at other steps": {
    text: `${imports} model M(V = 5, D = 3) {
      length T ragged
      input token: [T] id(V), b: [T] bool
      target want: [T, D]
      param E: [V, D] ~ normal, P: [4, D] ~ normal
      other[t] = token[T - 1 - t]
      before[t, d] = E[token[t], d] * (P[t - 1, d] else 2)
      guess[t, d] = before[t, d] * E[other[t], d] + (P[t + 0, d] else 0) + (P[T - 1 - t, d] else 1)
      output guess, other, b
      loss mse(guess, want)
    }`,
  },
  "numbers from indices and the length": steps(
    "p[t: T] = t / T q[t: T] = 1 / (T - t) guess[t, d] = y[t, d] * p[t] + (y[t, d] + 3) ** 2 * q[t] + log((y[t, d] + 0.1) ** 2) * T",
  ),
  "reductions over steps": whole(
    "guess[d] = sum[t](y[t, d]) + mean[t](y[t, d]) + max[t](y[t, d]) * min[t](y[t, d]) + logsumexp[t](y[t, d]) * norm[t](y[t, d]) + mean[t](t * x[t, d]) + sum[t: T](T) + sum[t: T](a[d])",
  ),
  "reductions over everything": whole(
    "guess = a * (sum(y) + mean(y) + max(y) * min(y) + logsumexp(y) * norm(y) + sum(x * y) + mean[t, d](y[t, d]))",
  ),
  "positives only at the example's own steps": steps(
    "z[t] = sum[d](exp(y[t, d])) guess[t, d] = y[t, d] / sqrt(z[t]) + log(z[t]) / norm[i](y[t, i])",
  ),
  "a layer that scans and reduces inside": steps(
    "use l = Over(D) guess = l(y)",
    `layer Over(D) {
      length L
      input v: [L, D]
      use rnn = GRU(D, D)
      h = scan reverse rnn(v)
      centre[d] = mean[l](h[l, d])
      output z[l, d] = h[l, d] - centre[d] + (v[l + 1, d] else 0) * L
    }`,
  ),
  "a layer over every step, mapped over pairs": steps(
    "p[t, u, d] = y[t, d] * x[u, d] use l = Linear(D, D) q = l(p) use o = Over(D) guess = o(q)",
    `layer Inner(D) { input v: [L, D] use c = GRU(D, D) us, end = scan c(v) output z = end.h }
     layer Over(D) { input v: [K, L, D] use i = Inner(D) output z = i(v) }`,
  ),
  "a loss where a condition holds, and none at all in one example": {
    text: `${imports} model M(D = 3) {
      length T ragged
      input x: [T, D], known: [T] bool
      target want: [T, D]
      param a: [D] ~ ones
      guess[t, d] = a[d] * x[t, d]
      output guess
      loss mse(guess, want) where known
    }`,
    weight: ({ known }, { T }) => Array.from({ length: T }, (_, t) => at(known, 0, t)).reduce((m, n) => m + n),
  },
  "an encoder and a decoder of two lengths": {
    text: `${imports}
    cell Attend(I, C, H) {
      input x: [I]
      context memory: [S, C]
      state h: [H]
      param W: [H, I] ~ kaiming_uniform, Q: [C, H] ~ kaiming_uniform, V: [H, C] ~ kaiming_uniform
      q = Q @ h
      score[s] = sum[c](memory[s, c] * q[c])
      w = softmax(score)
      read[c] = sum[s](w[s] * memory[s, c])
      h' = tanh(W @ x + V @ read + h)
      output h'
    }
    model M(D = 3) {
      length S ragged, T ragged
      input source: [S, D], x: [T, D]
      target want: [T, D]
      use f = GRU(D, D), g = GRU(D, D), decoder = Attend(D, D, D)
      memory, end = scan f(source)
      back = scan reverse g(source)
      both[s, d] = memory[s, d] + back[s, d]
      hs = scan decoder(x, both) from end
      align[t, s] = softmax[s](sum[d](hs[t, d] * both[s, d]))
      guess[t, d] = hs[t, d] + sum[s](align[t, s] * (source[s, d] + (x[s, d] else 0.5)))
      output guess, align
      loss mse(guess, want)
    }`,
  },
  "one ragged length and one that is not": {
    text: `${imports} model M(D = 3) {
      length T ragged
      input x: [T, D], y: [S, D]
      target want: [S, D]
      use c = GRU(D, D), e = GRU(D, D)
      h, end = scan c(x)
      guess = scan e(y) from end
      output guess
      output pairs[t, s] = sum[d](x[t, d] * y[s, d])
      loss mse(guess, want)
    }`,
    weight: once,
  },
};
