/** @file Layers, scans, starts of states, contexts and tied weights, against loops written out by hand. */

import { describe, expect, test } from "vitest";
import { type Arrays, at, moduleOf, relativeError, run } from "./support.js";

const lengths = { _B: 2, T: 4, S: 3 };
const { exp, log, tanh } = Math;
const sum = (n: number, f: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => f(i)).reduce((p, q) => p + q, 0);

/** Compares an output with `element` at every place, the batch first. */
function check(text: string, element: (args: Arrays, ...index: number[]) => number, output = "z"): void {
  const { args, results } = run(text, lengths, 41);
  const { shape, data } = results[`output:${output}`];
  const expected: number[] = [];
  const visit = (index: readonly number[]): void => {
    if (index.length === shape.length) expected.push(element(args, ...index));
    else for (let i = 0; i < shape[index.length]; i++) visit([...index, i]);
  };
  visit([]);
  expect(expected.length).toBeGreaterThan(0);
  expect(relativeError(data, expected)).toBeLessThan(1e-12);
}

/** Decays to what it is given: h' = g ⊙ h + x. */
const leaky = "cell Leaky(D) { input x: [D] state h: [D] param g: [D] ~ ones h' = g * h + x output h' }";

/** The h of Leaky after step t. */
function decayed(args: Arrays, g: string, start: (d: number) => number, x: (t: number, d: number) => number) {
  return (t: number, d: number): number => {
    let h = start(d);
    for (let step = 0; step <= t; step++) h = at(args[g], d) * h + x(step, d);
    return h;
  };
}

describe("layers", () => {
  const linear = 'import { Linear } from "std/linear"';
  const row = (a: Arrays, path: string, o: number, x: (i: number) => number) =>
    at(a[`${path}.b`], o) + sum(3, (i) => at(a[`${path}.W`], o, i) * x(i));

  test("mapped over no, one and two leading axes", () => {
    const model = (shape: string) =>
      `${linear} model M(D = 3) { input x: ${shape} use f = Linear(D, 2) output z = f(x) }`;
    check(model("[D]"), (a, b, o) => row(a, "f", o, (i) => at(a.x, b, i)));
    check(model("[T, D]"), (a, b, t, o) => row(a, "f", o, (i) => at(a.x, b, t, i)));
    check(model("[S, T, D]"), (a, b, s, t, o) => row(a, "f", o, (i) => at(a.x, b, s, t, i)));
  });
  test("an input without the mapped axes is the same at every place", () => {
    const text = `layer Add(D) { input x: [D], y: [D] output v = x + 2 * y }
      model M(D = 3) { input xs: [T, D], y: [D] use f = Add(D) output z = f(xs, y) }`;
    check(text, (a, b, t, d) => at(a.xs, b, t, d) + 2 * at(a.y, b, d));
  });
  test("called in index notation, and twice", () => {
    const text = `${linear} model M(D = 3) { input xs: [T, D], y: [D]
      use f = Linear(D, D)
      output z[t, d] = u[t, d] * v[d]
      u[t, d] = where(t > 0, w[t, d], 1)
      w = f(f(xs))
      v = f(y) }`;
    check(text, (a, b, t, d) => {
      const f = (x: (i: number) => number) => (o: number) => row(a, "f", o, x);
      return (t > 0 ? f(f((i) => at(a.xs, b, t, i)))(d) : 1) * f((i) => at(a.y, b, i))(d);
    });
  });
  test("several outputs, nested instances, a function and a cell as parameters", () => {
    const text = `${leaky}
      layer Inner(D, act = tanh) { input x: [D] param p: [D] ~ ones output u = act(p * x) output v = p + x }
      layer Outer(D, cell) { input xs: [T, D] use inner = Inner(D, act = exp), c = cell(D) u, v = inner(xs) output z = u + scan c(v) }
      model M(D = 3) { input xs: [T, D] use o = Outer(D, Leaky) output z = o(xs) }`;
    const { args } = run(text, lengths, 41);
    expect(Object.keys(args)).toEqual(["o.inner.p", "o.c.g", "xs"]);
    check(text, (a, b, t, d) => {
      const x = (s: number) => at(a.xs, b, s, d);
      const p = at(a["o.inner.p"], d);
      return (
        exp(p * x(t)) +
        decayed(
          a,
          "o.c.g",
          () => 0,
          (s) => p + x(s),
        )(t, d)
      );
    });
  });
  test("a layer that scans, mapped over one more axis", () => {
    const text = `${leaky}
      layer Over(D) { input xs: [T, D] use c = Leaky(D) output ys = scan reverse c(xs) }
      model M(D = 3) { input x: [S, T, D] use o = Over(D) output z = o(x) }`;
    check(text, (a, b, s, t, d) => {
      let h = 0;
      for (let u = 3; u >= t; u--) h = at(a["o.c.g"], d) * h + at(a.x, b, s, u, d);
      return h;
    });
  });
  test("tied weights", () => {
    const text = `import { Embedding } from "std/embedding"
      model M(V = 5, D = 3) { input id: [T] id(V) use e = Embedding(V, D)
        xs = e(id)
        output z[t, v] = sum[d](xs[t, d] * e.W[v, d]) }`;
    check(text, (a, b, t, v) => sum(3, (d) => at(a["e.W"], at(a.id, b, t), d) * at(a["e.W"], v, d)));
  });
});

describe("scans", () => {
  const model = (body: string) => `${leaky} model M(D = 3) { input xs: [T, D], ys: [S, D], w: [D] param p: [D] ~ zeros
    use c = Leaky(D), e = Leaky(D) ${body} }`;
  const run3 = (a: Arrays, b: number, start: (d: number) => number) =>
    decayed(a, "c.g", start, (t, d) => at(a.xs, b, t, d));

  test("from values, a scalar, and the last states of another scan", () => {
    check(model("output z = scan c(xs) from { h: w }"), (a, b, t, d) => run3(a, b, (i) => at(a.w, b, i))(t, d));
    check(model("output z = scan c(xs) from { h: p }"), (a, b, t, d) => run3(a, b, (i) => at(a.p, i))(t, d));
    check(model("output z = scan c(xs) from { h: 2 }"), (a, b, t, d) => run3(a, b, () => 2)(t, d));
    check(model("us, end = scan e(ys) output z = scan c(xs) from end"), (a, b, t, d) => {
      const before = decayed(
        a,
        "e.g",
        () => 0,
        (s, i) => at(a.ys, b, s, i),
      );
      return run3(a, b, (i) => before(2, i))(t, d);
    });
  });
  test("a parameter as the start, and values that no step changes", () => {
    const text = `cell Started(D) {
        input x: [D]
        param g: [D] ~ ones, start: [D] ~ zeros
        rate = exp(-exp(g))
        const two: [D] = double
        double[d] = 2 + 0 * g2[d]
        const g2[d]: [D] = d
        state h: [D] = tanh(start) * rate
        h' = rate * h + two * x
        output y = h + h'
      }
      model M(D = 3) { input xs: [T, D] use c = Started(D) output z = scan c(xs) }`;
    check(text, (a, b, t, d) => {
      const rate = exp(-exp(at(a["c.g"], d)));
      let [h, y] = [tanh(at(a["c.start"], d)) * rate, 0];
      for (let s = 0; s <= t; s++) {
        const next = rate * h + 2 * at(a.xs, b, s, d);
        [h, y] = [next, h + next];
      }
      return y;
    });
  });
  test("a context of another length: attention over what was given", () => {
    const text = `cell Attend(D) {
        input x: [D]
        context memory: [S, D]
        state h: [D]
        weight = softmax(score)
        score[s] = sum[d](memory[s, d] * (h[d] + x[d]))
        h'[d] = sum[s](weight[s] * memory[s, d])
        output h'
      }
      model M(D = 3) { input xs: [T, D], m: [S, D] use c = Attend(D) output z = scan c(xs, m) }`;
    check(text, (a, b, t, d) => {
      let h = [0, 0, 0];
      for (let u = 0; u <= t; u++) {
        const before = h;
        const score = [0, 1, 2].map((s) => exp(sum(3, (i) => at(a.m, b, s, i) * (before[i] + at(a.xs, b, u, i)))));
        const total = sum(3, (s) => score[s]);
        h = [0, 1, 2].map((i) => sum(3, (s) => (score[s] / total) * at(a.m, b, s, i)));
      }
      return h[d];
    });
  });
  test("several inputs and outputs, and an axis of known size", () => {
    const text = (axis: string) => `cell Two(D) { input x: [D], y: [D] state n: f32, h: [D]
        n' = n + 1  h' = h * n' + x * y  output h', n }
      model M(D = 3) { input p: [${axis}, D], q: [${axis}, D] use c = Two(D) z, n, end = scan c(p, q) last = end.h output z, n, last }`;
    for (const axis of ["T", "4"]) {
      const h = (a: Arrays, b: number, t: number, d: number) => {
        let value = 0;
        for (let s = 0; s <= t; s++) value = value * (s + 1) + at(a.p, b, s, d) * at(a.q, b, s, d);
        return value;
      };
      check(text(axis), h);
      check(text(axis), (_, __, t) => t, "n");
      check(text(axis), (a, b, d) => h(a, b, 3, d), "last");
    }
  });
  test("a selective state space", () => {
    const text = `cell SelectiveSSM(D, N = 16, R = ceil(D / 16)) {
        input x: [D]
        state h: [D, N]
        param A_log[d, n]: [D, N] ~ log(n + 1) no_decay
        param W_B: [N, D] ~ kaiming_uniform, W_C: [N, D] ~ kaiming_uniform
        param W_r: [R, D] ~ kaiming_uniform, W_dt: [D, R] ~ kaiming_uniform, b_dt: [D] ~ inv_softplus(exp(uniform(log(0.001), log(0.1))))
        param skip: [D] ~ ones no_decay
        B = W_B @ x
        C = W_C @ x
        dt = softplus(W_dt @ (W_r @ x) + b_dt)
        h'[d, n] = exp(-dt[d] * exp(A_log[d, n])) * h[d, n] + dt[d] * x[d] * B[n]
        output y[d] = sum[n](h'[d, n] * C[n]) + skip[d] * x[d]
      }
      model M(D = 3, N = 2) { input xs: [T, D] use c = SelectiveSSM(D, N) output z = scan c(xs) }`;
    check(text, (a, b, t, d) => {
      let y = 0;
      const h = [0, 0];
      for (let s = 0; s <= t; s++) {
        const x = (i: number) => at(a.xs, b, s, i);
        const product = (name: string, row: number) => sum(3, (i) => at(a[`c.${name}`], row, i) * x(i));
        const dt = log(1 + exp(at(a["c.W_dt"], d, 0) * product("W_r", 0) + at(a["c.b_dt"], d)));
        for (const n of [0, 1]) h[n] = exp(-dt * exp(at(a["c.A_log"], d, n))) * h[n] + dt * x(d) * product("W_B", n);
        y = sum(2, (n) => h[n] * product("W_C", n)) + at(a["c.skip"], d) * x(d);
      }
      return y;
    });
  });
});

describe("chains", () => {
  test("layers one after another, others given to each, a parameter of one read", () => {
    const text = `layer Block(D) { input x: [D], bias: [D] param g: [D] ~ ones output y = g * x + bias }
      model M(D = 3, L = 3) { input xs: [T, D], w: [D] use f[L] = Block(D) output z = chain f(xs, w) + f.1.g[0] }`;
    check(text, (a, b, t, d) => {
      const through = (x: number, i: number) => at(a[`f.${i}.g`], d) * x + at(a.w, b, d);
      return [0, 1, 2].reduce(through, at(a.xs, b, t, d)) + at(a["f.1.g"], 0);
    });
  });
  test("stacked scans, started from the last states of a stack", () => {
    const text = `${leaky} model M(D = 3) { input xs: [T, D], ys: [S, D] use c[2] = Leaky(D), e[2] = Leaky(D)
      us, end = chain scan e(ys)
      vs, last = chain scan c(xs) from end
      output z = vs
      output low = last.0.h }`;
    const one = (a: Arrays, b: number, t: number, d: number) => {
      const first = decayed(
        a,
        "e.0.g",
        () => 0,
        (s, i) => at(a.ys, b, s, i),
      );
      const second = decayed(a, "e.1.g", () => 0, first);
      const below = decayed(
        a,
        "c.0.g",
        (i) => first(2, i),
        (s, i) => at(a.xs, b, s, i),
      );
      return [below(t, d), decayed(a, "c.1.g", (i) => second(2, i), below)(t, d)];
    };
    check(text, (a, b, t, d) => one(a, b, t, d)[1]);
    check(text, (a, b, d) => one(a, b, 3, d)[0], "low");
  });
});

test("parameters: how they start, what the optimiser leaves alone", () => {
  const { parameters } = moduleOf(`
    fn grow(q) = q * 2 + 1
    model M(D = 4, N = 6) {
      input x: [D]
      /// The first one.
      param a[d, n]: [D, N] ~ grow(log(n + 1)) - d no_decay
      param b: [D, N] ~ kaiming_uniform frozen, c: [D, N] ~ xavier_uniform, o: [D, D] ~ orthogonal(2)
      param s: [D] ~ inv_softplus(exp(uniform(log(0.001), log(0.1)))), u: [D] ~ normal(0, 0.02)
      output y = x + s + u
    }`);
  const [a, b, c, o, s, u] = parameters;
  const number = (value: number) => ({ op: "number", value });
  const n = { op: "log", args: [{ op: "add", args: [{ op: "index", axis: 1 }, number(1)] }] };
  const grown = { op: "add", args: [{ op: "mul", args: [n, number(2)] }, number(1)] };
  expect(a.init).toEqual({ kind: "expression", expr: { op: "sub", args: [grown, { op: "index", axis: 0 }] } });
  expect([a.noDecay, a.frozen, a.doc]).toEqual([true, false, "The first one."]);
  expect([b.noDecay, b.frozen]).toEqual([false, true]);
  const within = (bound: number) => ({
    kind: "expression",
    expr: { op: "uniform", args: [number(-bound), number(bound)] },
  });
  expect(b.init).toEqual(within(1 / Math.sqrt(6)));
  expect(c.init).toEqual(within(Math.sqrt(6 / 10)));
  expect(o.init).toEqual({ kind: "orthogonal", gain: 2 });
  const draw = { op: "uniform", args: [number(log(0.001)), number(log(0.1))] };
  expect(s.init).toEqual({ kind: "expression", expr: { op: "inv_softplus", args: [{ op: "exp", args: [draw] }] } });
  expect(u.init).toEqual({ kind: "expression", expr: { op: "normal", args: [number(0), number(0.02)] } });
});
