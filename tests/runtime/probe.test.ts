/** @file Looking into a model on the device: named values and profiles of gradients, against loops in f64 written out here. */

import { describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import { BATCH } from "../../src/ir/types.js";
import { type Arrays, at, randomArguments } from "../lower/support.js";
import { checkpointOf, compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

const TOLERANCE = 1e-5;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (n: number, of: (i: number) => number) => range(n).reduce((total, i) => total + of(i), 0);

type Options = { readonly probe?: boolean | readonly string[]; readonly precision?: "f16" };

/** A model with random parameters, and a random batch for it. */
async function looked(text: string, sizes: Readonly<Record<string, number>>, { precision, ...options }: Options = {}) {
  const { manifest, module } = compileText(text, {}, precision, { probe: true, ...options });
  const args = randomArguments(module, sizes, 17);
  const model = await Model.create(await testDevice(), manifest);
  const parameters = Object.fromEntries(module.parameters.map(({ name }) => [name, args[name].data]));
  model.load(checkpointOf(manifest, parameters));
  const given = (ports: typeof module.inputs) =>
    Object.fromEntries(
      ports.map(({ name, elem }) => {
        return [name, elem === "f32" ? Float32Array.from(args[name].data) : Int32Array.from(args[name].data)];
      }),
    );
  const ends = Object.fromEntries((module.ragged ?? []).map((name) => [name, Int32Array.from(args[name].data)]));
  const { [BATCH]: batch, ...length } = sizes;
  return {
    args,
    model,
    inputs: { ...given(module.inputs), ...ends },
    targets: given(module.targets),
    sizes: { batch, length },
  };
}

/** The value of every element of an array. */
function filled(shape: readonly number[], value: (...index: number[]) => number): NdArray {
  const result = ndarray(shape);
  for (const position of result.data.keys()) {
    let rest = position;
    const index = shape.toReversed().map((extent) => {
      const i = rest % extent;
      rest = Math.floor(rest / extent);
      return i;
    });
    result.data[position] = value(...index.reverse());
  }
  return result;
}

const LSTM = `
import { LSTM } from "std/lstm"
import { Linear } from "std/linear"
model M(I = 3, H = 4, K = 2) {
  input x: [T, I]
  target y: [T, K]
  use rnn = LSTM(I, H), head = Linear(H, K)
  hs = scan rnn(x)
  guess = head(hs)
  output guess
  loss mse(guess, y)
}`;

/** What an LSTM computes, over [batch, T, H], and its loss; `nudge` is added to states after their steps. */
function lstm(args: Arrays, nudge: (state: "h" | "c", b: number, t: number, k: number) => number = () => 0) {
  const [B, T, I] = args.x.shape;
  const [H, K] = [args["rnn.W_hh"].shape[1], args["head.W"].shape[0]];
  const values = Object.fromEntries(["i", "f", "g", "o", "c", "h"].map((name) => [name, ndarray([B, T, H])]));
  let loss = 0;
  for (const b of range(B)) {
    let [h, c] = [range(H).map(() => 0), range(H).map(() => 0)];
    for (const t of range(T)) {
      const z = range(4 * H).map((r) => {
        const fromInput = sum(I, (i) => at(args["rnn.W_ih"], r, i) * at(args.x, b, t, i));
        const fromState = sum(H, (k) => at(args["rnn.W_hh"], r, k) * h[k]);
        return fromInput + fromState + at(args["rnn.b_ih"], r) + at(args["rnn.b_hh"], r);
      });
      const [i, f, g, o] = range(4).map((gate) => z.slice(gate * H, (gate + 1) * H));
      c = c.map((was, k) => sigmoid(f[k]) * was + sigmoid(i[k]) * Math.tanh(g[k]) + nudge("c", b, t, k));
      h = c.map((now, k) => sigmoid(o[k]) * Math.tanh(now) + nudge("h", b, t, k));
      for (const [name, row] of Object.entries({ i, f, g, o, c, h })) values[name].data.set(row, (b * T + t) * H);
      for (const q of range(K)) {
        const guess = sum(H, (k) => at(args["head.W"], q, k) * h[k]) + at(args["head.b"], q);
        loss += (guess - at(args.y, b, t, q)) ** 2 / (B * T * K);
      }
    }
  }
  return { values, loss };
}

describe("probe", () => {
  test("gates and states of an LSTM", async () => {
    const { args, model, inputs, sizes } = await looked(LSTM, { [BATCH]: 3, T: 5 });
    const { values } = lstm(args);
    const names = ["rnn.f", "rnn.o", "rnn.c", "rnn.h"];
    const got = await model.probe(names, inputs, sizes);
    expect(Object.keys(got)).toEqual(names);
    for (const name of names) {
      expect([got[name].axes, got[name].shape]).toEqual([
        ["batch", "T", 4],
        [3, 5, 4],
      ]);
      expect(relativeError(got[name].data, values[name.slice(4)].data), name).toBeLessThan(TOLERANCE);
    }
    // Other names of the same model, and what it predicts, are not disturbed.
    const again = await model.probe(["hs"], inputs, sizes);
    expect(again.hs.data).toEqual(got["rnn.h"].data);
    expect((await model.predict(inputs, sizes)).guess).toHaveLength(3 * 5 * 2);
  });

  test("of the parameters as training leaves them", async () => {
    const sizes = { [BATCH]: 2, T: 4 };
    const { args, model, inputs, targets, sizes: options } = await looked(LSTM, sizes);
    const trainer = await model.trainer({ ...options, optimizer: { type: "sgd", learningRate: 1 } });
    await (await trainer.trainStep({ ...inputs, ...targets })).loss;
    const now = Object.entries(await model.parameters()).map(([name, values]) => [
      name,
      ndarray(args[name].shape, values),
    ]);
    const trained: Arrays = { ...args, ...Object.fromEntries(now) };
    const { "rnn.c": c } = await model.probe(["rnn.c"], inputs, options);
    expect(relativeError(c.data, lstm(trained).values.c.data)).toBeLessThan(TOLERANCE);
    expect(relativeError(c.data, lstm(args).values.c.data)).toBeGreaterThan(100 * TOLERANCE);
    const { "rnn.h": norms } = await model.gradientProfile({ ...inputs, ...targets }, options);
    expect(relativeError(norms, lstmProfile(trained).h)).toBeLessThan(TOLERANCE);
  });

  test("what a state space model makes of its parameters, once and at each step", async () => {
    const text = `
cell SSM(D, N = 3) {
  input x: [D]
  state h: [D, N]
  param A_log: [D, N] ~ normal, W: [D, D] ~ normal
  A = -exp(A_log)
  dt = softplus(W @ x)
  Abar[d, n] = exp(dt[d] * A[d, n])
  Bbar[d, n] = (Abar[d, n] - 1) / A[d, n]
  h'[d, n] = Abar[d, n] * h[d, n] + Bbar[d, n] * x[d]
  output y[d] = sum[n](h'[d, n])
}
model M(D = 2) { input x: [T, D] use ssm = SSM(D) output y = scan ssm(x) }`;
    const [B, T, D, N] = [2, 6, 2, 3];
    const { args, model, inputs, sizes } = await looked(text, { [BATCH]: B, T });
    const A = filled([D, N], (d, n) => -Math.exp(at(args["ssm.A_log"], d, n)));
    const dt = filled([B, T, D], (b, t, d) => {
      return Math.log1p(Math.exp(sum(D, (e) => at(args["ssm.W"], d, e) * at(args.x, b, t, e))));
    });
    const Abar = filled([B, T, D, N], (b, t, d, n) => Math.exp(at(dt, b, t, d) * at(A, d, n)));
    const Bbar = filled([B, T, D, N], (b, t, d, n) => (at(Abar, b, t, d, n) - 1) / at(A, d, n));
    const h = ndarray([B, T, D, N]);
    for (const [b, d, n] of range(B * D * N).map((i) => [Math.floor(i / (D * N)), Math.floor(i / N) % D, i % N])) {
      let state = 0;
      for (const t of range(T)) {
        state = at(Abar, b, t, d, n) * state + at(Bbar, b, t, d, n) * at(args.x, b, t, d);
        h.data[((b * T + t) * D + d) * N + n] = state;
      }
    }
    const want = { A, dt, Abar, Bbar, h };
    const got = await model.probe(
      Object.keys(want).map((name) => `ssm.${name}`),
      inputs,
      sizes,
    );
    for (const [name, { shape, data }] of Object.entries(want)) {
      expect(got[`ssm.${name}`].shape, name).toEqual(shape);
      expect(relativeError(got[`ssm.${name}`].data, data), name).toBeLessThan(TOLERANCE);
    }
    expect(got["ssm.A"].axes).toEqual([2, 3]);
  });

  test("chained instances, a scan within a step of a scan, a layer mapped over steps", async () => {
    const text = `
cell Inner(H) {
  input a: [H]
  context g: [H]
  state r: [H]
  pre = a * g
  r' = 0.5 * r + tanh(pre)
  output r'
}
layer Line(H) {
  input a: [W, H], g: [H]
  use inner = Inner(H)
  output y = scan inner(a, g)
}
cell Outer(N, H) {
  input x: [N, H]
  state s: [N, H]
  use line[2] = Line(H)
  param g: [H] ~ normal
  z = chain line(x + s, g)
  s' = tanh(z)
  output s'
}
layer Scale(H) { input s: [H] param k: [H] ~ normal output scaled = k * s }
model M(N = 3, H = 2) {
  input x: [T, N, H]
  target y: [T, N, H]
  use o = Outer(N, H), scale = Scale(H)
  s = scan o(x)
  output out = scale(s)
  loss mse(out, y)
}`;
    const [B, T, N, H] = [2, 4, 3, 2];
    const { args, model, inputs, sizes } = await looked(text, { [BATCH]: B, T }, { probe: ["*"] });
    const names = ["o.line.0.inner.pre", "o.line.0.inner.r", "o.line.1.inner.pre", "o.line.1.inner.r"];
    const want = Object.fromEntries([...names, "o.s"].map((name) => [name, ndarray([B, T, N, H])]));
    for (const b of range(B)) {
      for (const h of range(H)) {
        let s = range(N).map(() => 0);
        for (const t of range(T)) {
          let row = s.map((was, n) => at(args.x, b, t, n, h) + was);
          for (const l of range(2)) {
            let r = 0;
            row = row.map((a, n) => {
              const place = ((b * T + t) * N + n) * H + h;
              const pre = a * at(args["o.g"], h);
              r = 0.5 * r + Math.tanh(pre);
              want[`o.line.${l}.inner.pre`].data[place] = pre;
              want[`o.line.${l}.inner.r`].data[place] = r;
              return r;
            });
          }
          s = row.map(Math.tanh);
          for (const [n, value] of s.entries()) want["o.s"].data[((b * T + t) * N + n) * H + h] = value;
        }
      }
    }
    const scaled = filled([B, T, N, H], (b, t, n, h) => at(args["scale.k"], h) * at(want["o.s"], b, t, n, h));
    const got = await model.probe([...names, "o.s", "scale.scaled"], inputs, sizes);
    for (const [name, { shape, data }] of Object.entries({ ...want, "scale.scaled": scaled })) {
      expect(got[name].shape, name).toEqual(shape);
      expect(relativeError(got[name].data, data), name).toBeLessThan(TOLERANCE);
    }
    expect(got["scale.scaled"].axes).toEqual(["batch", "T", 3, 2]);
  });

  test("examples of their own length, both ways: zero past the end", async () => {
    const text = `
cell Sum(D) { input x: [D] state m: [D] twice = 2 * x m' = 0.7 * m + twice output m' }
model M(D = 2) {
  length T ragged
  input x: [T, D]
  use ahead = Sum(D), back = Sum(D)
  a = scan ahead(x)
  b = scan reverse back(x)
  output y = a + b
}`;
    const [B, T, D] = [3, 5, 2];
    const { args, model, inputs, sizes } = await looked(text, { [BATCH]: B, T });
    const ends = args.T.data;
    expect(Math.min(...ends)).toBeLessThan(T);
    const m = (b: number, d: number, steps: readonly number[]): number =>
      steps.reduce((state, t) => 0.7 * state + 2 * at(args.x, b, t, d), 0);
    const want = {
      "ahead.twice": filled([B, T, D], (b, t, d) => (t < ends[b] ? 2 * at(args.x, b, t, d) : 0)),
      "ahead.m": filled([B, T, D], (b, t, d) => (t < ends[b] ? m(b, d, range(t + 1)) : 0)),
      "back.m": filled([B, T, D], (b, t, d) => (t < ends[b] ? m(b, d, range(ends[b]).slice(t).reverse()) : 0)),
    };
    const got = await model.probe(Object.keys(want), inputs, sizes);
    for (const [name, { data }] of Object.entries(want)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(TOLERANCE);
    }
  });

  test("an instance scanned twice; values that depend on targets", async () => {
    const text = `
cell Mean(D) { input x: [D] state m: [D] m' = 0.5 * m + x output m' }
model M(D = 2) {
  input x: [T, D]
  target y: [T, D]
  use mean = Mean(D)
  once = scan mean(x)
  twice = scan mean(once)
  error[t] = sum[d]((twice[t, d] - y[t, d]) ** 2)
  output twice
  loss error
}`;
    const { args, model, inputs, targets, sizes } = await looked(text, { [BATCH]: 2, T: 4 });
    const got = await model.probe(["mean.m", "mean.m#2", "once", "twice", "error"], { ...inputs, ...targets }, sizes);
    expect(got["mean.m"].data).toEqual(got.once.data);
    expect(got["mean.m#2"].data).toEqual(got.twice.data);
    const error = filled([2, 4], (b, t) =>
      sum(2, (d) => (got.twice.data[(b * 4 + t) * 2 + d] - at(args.y, b, t, d)) ** 2),
    );
    expect(relativeError(got.error.data, error.data)).toBeLessThan(TOLERANCE);
    await expect(model.probe(["once"], inputs, sizes)).rejects.toThrow("input `y` is missing");
  });

  test("says what is missing", async () => {
    const { model, inputs, targets, sizes } = await looked(LSTM, { [BATCH]: 2, T: 3 }, { probe: ["rnn.f"] });
    await expect(model.probe(["rnn.F"], inputs, sizes)).rejects.toThrow(/gives? no value `rnn.F`: it gives `rnn.f`/);
    // What nothing reads of a batch for training is left out.
    const { "rnn.f": f } = await model.probe(["rnn.f"], { ...inputs, ...targets }, sizes);
    expect(f.shape).toEqual([2, 3, 4]);
    const plain = await looked(LSTM, { [BATCH]: 2, T: 3 }, { probe: false });
    const how = /was not compiled for `\w+`: compile it with `seqc compile --probe`/;
    await expect(plain.model.probe(["rnn.f"], inputs, sizes)).rejects.toThrow(how);
    await expect(plain.model.gradientProfile({ ...inputs, ...targets }, sizes)).rejects.toThrow(how);
    const lossless = await looked("model M(D = 2) { input x: [T, D] output y = 2 * x }", { [BATCH]: 2, T: 3 });
    await expect(lossless.model.gradientProfile(lossless.inputs, lossless.sizes)).rejects.toThrow("states no loss");
  });

  test("a model that stores f16 is looked into as it runs, its gradients in f32", async () => {
    const { args, model, inputs, targets, sizes } = await looked(LSTM, { [BATCH]: 3, T: 5 }, { precision: "f16" });
    const { "rnn.c": c } = await model.probe(["rnn.c"], inputs, sizes);
    expect(relativeError(c.data, lstm(args).values.c.data)).toBeLessThan(1e-2);
    const { "rnn.c": norms } = await model.gradientProfile({ ...inputs, ...targets }, sizes);
    expect(relativeError(norms, lstmProfile(args).c)).toBeLessThan(TOLERANCE);
  });
});

/** ‖∂L/∂c_t‖ and ‖∂L/∂h_t‖ of the LSTM by central differences of its loop in f64; those of one example, or of all. */
function lstmProfile(args: Arrays, example?: number) {
  const [B, T] = args.x.shape;
  const H = args["rnn.W_hh"].shape[1];
  const step = 1e-4;
  const norms = (state: "h" | "c") =>
    range(T).map((t) => {
      const all = range(B * H).map((i) => [Math.floor(i / H), i % H]);
      const places = all.filter(([b]) => example === undefined || b === example);
      const slopes = places.map(([b, k]) => {
        const loss = (by: number) => {
          return lstm(args, (s, ...place) => (s === state && place.join() === [b, t, k].join() ? by : 0)).loss;
        };
        return (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step);
      });
      return Math.hypot(...slopes);
    });
  return { h: norms("h"), c: norms("c") };
}

describe("gradientProfile", () => {
  test("of an LSTM is that of central differences, and changes nothing", async () => {
    const { args, model, inputs, targets, sizes } = await looked(LSTM, { [BATCH]: 2, T: 5 });
    const before = await model.parameters();
    const got = await model.gradientProfile({ ...inputs, ...targets }, sizes);
    const want = lstmProfile(args);
    expect(Object.keys(got).sort()).toEqual(["rnn.c", "rnn.h"]);
    expect(relativeError(got["rnn.h"], want.h)).toBeLessThan(TOLERANCE);
    expect(relativeError(got["rnn.c"], want.c)).toBeLessThan(TOLERANCE);
    const each = await model.gradientProfile({ ...inputs, ...targets }, { ...sizes, perExample: true });
    const wanted = [0, 1].flatMap((example) => lstmProfile(args, example).h);
    expect(relativeError(each["rnn.h"], wanted)).toBeLessThan(TOLERANCE);
    expect(await model.parameters()).toEqual(before);
  });

  test("of an RNN that is read at its end, and of a chain of state space models, is backpropagation through time", async () => {
    const text = `
import { RNN } from "std/rnn"
cell Leak(D) { input x: [D] state s: [D], unread: [D] param a: [D] ~ normal s' = a * s + x unread' = unread + x output s' }
model M(D = 3) {
  input x: [T, D]
  target y: [D]
  use leak[2] = Leak(D), rnn = RNN(D, D)
  filtered = chain scan leak(x)
  hs, end = scan rnn(filtered)
  output hs
  loss mse(end.h, y)
}`;
    const [B, T, D] = [2, 5, 3];
    const { args, model, inputs, targets, sizes } = await looked(text, { [BATCH]: B, T });
    const forward = (b: number) => {
      const through = (xs: readonly (readonly number[])[], a: NdArray) => {
        let s = range(D).map(() => 0);
        return xs.map((x) => {
          s = s.map((was, d) => at(a, d) * was + x[d]);
          return s;
        });
      };
      const first = through(
        range(T).map((t) => range(D).map((d) => at(args.x, b, t, d))),
        args["leak.0.a"],
      );
      let h = range(D).map(() => 0);
      return through(first, args["leak.1.a"]).map((x) => {
        h = range(D).map((k) => {
          const bias = at(args["rnn.b_ih"], k) + at(args["rnn.b_hh"], k);
          const z = sum(D, (d) => at(args["rnn.W_ih"], k, d) * x[d] + at(args["rnn.W_hh"], k, d) * h[d]);
          return Math.tanh(z + bias);
        });
        return h;
      });
    };
    const squares = { "leak.0.s": range(T).fill(0), "leak.1.s": range(T).fill(0), "rnn.h": range(T).fill(0) };
    for (const b of range(B)) {
      const hs = forward(b);
      let dh = range(D).map((k) => (2 * (hs[T - 1][k] - at(args.y, b, k))) / (B * D));
      let [ds0, ds1] = [range(D).fill(0), range(D).fill(0)];
      for (const t of range(T).reverse()) {
        const dz = dh.map((d, k) => d * (1 - hs[t][k] ** 2));
        ds1 = ds1.map((d, k) => at(args["leak.1.a"], k) * d + sum(D, (j) => at(args["rnn.W_ih"], j, k) * dz[j]));
        ds0 = ds0.map((d, k) => at(args["leak.0.a"], k) * d + ds1[k]);
        for (const [name, values] of Object.entries({ "leak.0.s": ds0, "leak.1.s": ds1, "rnn.h": dh })) {
          squares[name as keyof typeof squares][t] += sum(D, (k) => values[k] ** 2);
        }
        dh = dh.map((_, k) => sum(D, (j) => at(args["rnn.W_hh"], j, k) * dz[j]));
      }
    }
    const got = await model.gradientProfile({ ...inputs, ...targets }, sizes);
    for (const [name, totals] of Object.entries(squares)) {
      expect(relativeError(got[name], totals.map(Math.sqrt)), name).toBeLessThan(TOLERANCE);
    }
    expect(got["leak.0.unread"]).toEqual(new Float32Array(T));
  });
});
