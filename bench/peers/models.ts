/**
 * @file The models of the benchmark over any library's operations, as a careful user of the library writes them: what
 * does not depend on the state stands before the loop over time, which the libraries unroll.
 */

import type { ModelName } from "../cases.js";
import type { Ops } from "./ops.js";

/** Arrays by name: parameters as the specs name them, or inputs and targets. */
export type Named<T> = Readonly<Record<string, T>>;

/** The loss of a model. */
export function lossOf<T>(ops: Ops<T>, model: ModelName, p: Named<T>, batch: Named<T>): T {
  const { crossEntropy } = ops;
  if (model === "char-lm") {
    const hs = lstm(ops, under(p, "rnn"), ops.lookup(p["embed.W"], batch.tokens));
    const logits = linear(ops, ops.stack(hs), p["head.W"], p["head.b"]);
    const [b, t, v] = ops.shape(logits);
    return crossEntropy(ops.reshape(logits, [b * t, v]), ops.reshape(batch.next, [b * t]));
  }
  return crossEntropy(classify(ops, model, p, batch.x), batch.label);
}

function classify<T>(ops: Ops<T>, model: Exclude<ModelName, "char-lm">, p: Named<T>, x: T): T {
  const pooled = (y: T) => linear(ops, ops.mean(y, 1), p["pool.head.W"], p["pool.head.b"]);
  const last = (hs: readonly T[]) => linear(ops, hs[hs.length - 1], p["net.head.W"], p["net.head.b"]);
  switch (model) {
    case "lstm":
      return last(lstm(ops, under(p, "net.rnn"), x));
    case "gru":
      return last(gru(ops, under(p, "net.rnn"), x));
    case "rnn":
      return last(rnn(ops, under(p, "net.rnn"), x));
    case "ssm":
      return pooled(ssm(ops, under(p, "ssm"), x));
    case "mamba":
      return pooled(mamba(ops, under(p, "block"), x));
    case "attention":
      return pooled(attention(ops, under(p, "attention"), x));
  }
}

/** The parameters of one instance, by their own names. */
function under<T>(p: Named<T>, path: string): Named<T> {
  const entries = Object.entries(p).filter(([name]) => name.startsWith(`${path}.`));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(path.length + 1), value]));
}

/** x Wᵀ + b over the last axis. */
function linear<T>(ops: Ops<T>, x: T, W: T, b?: T): T {
  const shape = ops.shape(x);
  const inputs = shape[shape.length - 1];
  const outputs = ops.shape(W)[0];
  const flat = ops.matmul(ops.reshape(x, [shape.reduce((a, e) => a * e, 1) / inputs, inputs]), W, true);
  const y = ops.reshape(flat, [...shape.slice(0, -1), outputs]);
  return b === undefined ? y : ops.add(y, b);
}

/** The states h at each step from the shares of the inputs, all steps' at once. */
function recur<T>(ops: Ops<T>, shares: T, H: number, step: (share: T, h: T) => T): readonly T[] {
  let h = ops.zeros([ops.shape(shares)[0], H]);
  return ops.unstack(shares).map((share) => {
    h = step(share, h);
    return h;
  });
}

function lstm<T>(ops: Ops<T>, p: Named<T>, x: T): readonly T[] {
  const { add, mul, sigmoid, tanh } = ops;
  const H = ops.shape(p.W_hh)[1];
  let c = ops.zeros([ops.shape(x)[0], H]);
  return recur(ops, linear(ops, x, p.W_ih, add(p.b_ih, p.b_hh)), H, (share, h) => {
    const [i, f, g, o] = ops.split(add(share, linear(ops, h, p.W_hh)), 4);
    c = add(mul(sigmoid(f), c), mul(sigmoid(i), tanh(g)));
    return mul(sigmoid(o), tanh(c));
  });
}

function gru<T>(ops: Ops<T>, p: Named<T>, x: T): readonly T[] {
  const { add, sub, mul, sigmoid, tanh } = ops;
  return recur(ops, linear(ops, x, p.W_ih, p.b_ih), ops.shape(p.W_hh)[1], (share, h) => {
    const [xr, xz, xn] = ops.split(share, 3);
    const [hr, hz, hn] = ops.split(linear(ops, h, p.W_hh, p.b_hh), 3);
    const z = sigmoid(add(xz, hz));
    const n = tanh(add(xn, mul(sigmoid(add(xr, hr)), hn)));
    return add(n, mul(z, sub(h, n)));
  });
}

function rnn<T>(ops: Ops<T>, p: Named<T>, x: T): readonly T[] {
  const { add, tanh } = ops;
  return recur(ops, linear(ops, x, p.W_ih, add(p.b_ih, p.b_hh)), ops.shape(p.W_hh)[1], (share, h) =>
    tanh(add(share, linear(ops, h, p.W_hh))),
  );
}

function ssm<T>(ops: Ops<T>, p: Named<T>, x: T): T {
  const { add, mul, expand } = ops;
  const [B, , D] = ops.shape(x);
  const N = ops.shape(p.A_log)[1];
  const dt = ops.softplus(linear(ops, linear(ops, x, p.W_r), p.W_dt, p.b_dt));
  const decay = ops.unstack(ops.exp(mul(expand(dt, -1), ops.neg(ops.exp(p.A_log)))));
  const written = ops.unstack(mul(expand(mul(dt, x), -1), expand(linear(ops, x, p.W_B), 2)));
  const C = ops.unstack(expand(linear(ops, x, p.W_C), 2));
  let h = ops.zeros([B, D, N]);
  const ys = decay.map((a, t) => {
    h = add(mul(a, h), written[t]);
    return ops.sum(mul(h, C[t]), 2);
  });
  return add(ops.stack(ys), mul(p.skip, x));
}

function mamba<T>(ops: Ops<T>, p: Named<T>, x: T): T {
  const silu = (y: T) => ops.mul(y, ops.sigmoid(y));
  const [u, gate] = ops.split(linear(ops, x, p.W_in), 2);
  const [E, K] = ops.shape(p["conv.W"]);
  const taps = ops.unstack(p["conv.W"]).map((tap, j) => ops.mul(ops.delay(u, K - 1 - j), ops.reshape(tap, [E])));
  const convolved = ops.add(taps.reduce(ops.add), p["conv.b"]);
  const y = ssm(ops, under(p, "ssm"), silu(convolved));
  return linear(ops, ops.mul(y, silu(gate)), p.W_out);
}

function attention<T>(ops: Ops<T>, p: Named<T>, x: T): T {
  const [B, T, D] = ops.shape(x);
  const [M, P] = ops.shape(p.W_q);
  const heads = (W: T, b: T) => {
    const y = linear(ops, x, ops.reshape(W, [M * P, D]), ops.reshape(b, [M * P]));
    return ops.transpose(ops.reshape(y, [B, T, M, P]), [0, 2, 1, 3]);
  };
  const past = Float32Array.from({ length: T * T }, (_, i) => (i % T <= Math.floor(i / T) ? 0 : -1e30));
  const scores = ops.scale(ops.matmul(heads(p.W_q, p.b_q), heads(p.W_k, p.b_k), true), P ** -0.5);
  const weights = ops.softmax(ops.add(scores, ops.constant(past, [T, T])));
  const mixed = ops.transpose(ops.matmul(weights, heads(p.W_v, p.b_v)), [0, 2, 1, 3]);
  return linear(ops, ops.reshape(mixed, [B, T, M * P]), ops.reshape(p.W_o, [D, M * P]), p.b_o);
}
