/** @file Index notation and operators, each against loops written out by hand. */

import { describe, expect, test } from "vitest";
import type { NdArray } from "../../src/ir/ndarray.js";
import { type Arrays, at, moduleOf, relativeError, run } from "./support.js";

const lengths = { _B: 2, T: 5 };
const inModel = (body: string) => `
  model M(D = 4, N = 3, K = 3, V = 6) {
    input x: [T, D], y: [T, D], w: [D], s: [N], a: [D, N], id: [T] id(V), one: id(D)
    param P: [D, N] ~ normal, Q: [N, D] ~ normal, E: [V, D] ~ normal, k: [K, D] ~ normal, v: [D] ~ normal
    ${body}
  }`;

/** What an element of the output `z` should be, given the example and the index. */
type Element = (args: Arrays, b: number, ...index: number[]) => number;
const { exp, log, sqrt, abs, tanh, sign, sin, cos, max, min } = Math;
const sum = (n: number, f: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => f(i)).reduce((p, q) => p + q, 0);
const sigmoid = (q: number) => 1 / (1 + exp(-q));

function expected(shape: readonly number[], args: Arrays, element: Element): number[] {
  const result: number[] = [];
  const visit = (index: readonly number[]): void => {
    if (index.length === shape.length) result.push(element(args, index[0], ...index.slice(1)));
    else for (let i = 0; i < shape[index.length]; i++) visit([...index, i]);
  };
  visit([]);
  return result;
}

function check(body: string, shape: readonly number[], element: Element): void {
  const { args, results } = run(inModel(body), lengths, 23);
  const z: NdArray = results["output:z"];
  expect(z.shape).toEqual([lengths._B, ...shape]);
  expect(relativeError(z.data, expected(z.shape, args, element))).toBeLessThan(1e-12);
}

const pointwise: Record<string, (q: number) => number> = {
  exp,
  abs,
  sign,
  sin,
  cos,
  tanh,
  sigmoid,
  relu: (q) => max(q, 0),
  silu: (q) => q * sigmoid(q),
  elu: (q) => (q > 0 ? q : exp(q) - 1),
  softplus: (q) => log(1 + exp(q)),
};

describe("functions of numbers", () => {
  test.each(Object.keys(pointwise))("%s", (name) => {
    check(`output z = ${name}(w)`, [4], (a, b, d) => pointwise[name](at(a.w, b, d)));
  });
  test("gelu is the exact form", () => {
    const { results } = run("model M(D = 3) { input x: [D] output z = gelu(0 * x + 1) }", { _B: 1 });
    expect(results["output:z"].data[0]).toBeCloseTo(0.841344746068543, 12);
  });
  test("operators, sqrt, log, clamp, where and comparisons", () => {
    check("output z = where(w <= 0.1, sqrt(abs(w)) / 2, log(w + 1) - clamp(w, 0.2, 0.6))", [4], (a, b, d) => {
      const q = at(a.w, b, d);
      return q <= 0.1 ? sqrt(abs(q)) / 2 : log(q + 1) - min(max(q, 0.2), 0.6);
    });
  });
  test("powers: whole ones of any sign, real ones of positive numbers", () => {
    check("output z = w ** 3 - w ** 2 + w ** (-1) + (w + 2) ** 1.5 + 2 ** w - w ** 0", [4], (a, b, d) => {
      const q = at(a.w, b, d);
      return q ** 3 - q ** 2 + 1 / q + (q + 2) ** 1.5 + 2 ** q - 1;
    });
    check("output z = -w ** 2", [4], (a, b, d) => -(at(a.w, b, d) ** 2));
  });
  test("an inlined function, and one passed to a function", () => {
    const body = "output z = twice(swish, w)";
    const text = `fn swish(q) = q * sigmoid(q) fn twice(f, q) = f(f(q)) ${inModel(body)}`;
    const { args, results } = run(text, lengths, 3);
    const swish = (q: number) => q * sigmoid(q);
    expect(
      relativeError(
        results["output:z"].data,
        [...args.w.data].map((q) => swish(swish(q))),
      ),
    ).toBeLessThan(1e-12);
  });
});

describe("products", () => {
  test("matrix by vector, with a mapped axis by index", () => {
    check("output z = Q @ w", [3], (a, b, n) => sum(4, (d) => at(a.Q, n, d) * at(a.w, b, d)));
  });
  test("matrix by matrix, both varying", () => {
    check("m[i, j: N] = a[i, j] output z = x @ m", [5, 3], (a, b, t, n) =>
      sum(4, (d) => at(a.x, b, t, d) * at(a.a, b, d, n)),
    );
  });
  test("a transposed product over steps", () => {
    check("output z[t, n] = sum[d](x[t, d] * P[d, n])", [5, 3], (a, b, t, n) =>
      sum(4, (d) => at(a.x, b, t, d) * at(a.P, d, n)),
    );
  });
  test("three factors, one of them outside the sum, one without the index", () => {
    check("output z[t, d] = sum[n](s[n] * P[d, n] * x[t, d] * 2)", [5, 4], (a, b, t, d) =>
      sum(3, (n) => at(a.s, b, n) * at(a.P, d, n) * at(a.x, b, t, d) * 2),
    );
  });
  test("factors that do not share the summed indices", () => {
    check(
      "output z = sum[d, n](w[d] * s[n])",
      [],
      (a, b) => sum(4, (d) => at(a.w, b, d)) * sum(3, (n) => at(a.s, b, n)),
    );
  });
  test("a sum over an index that nothing depends on", () => {
    check("output z[d] = sum[n: N](w[d])", [4], (a, b, d) => 3 * at(a.w, b, d));
  });
  test("an outer product, and scores over two step axes", () => {
    check("output z[t, u] = sum[d](x[t, d] * y[u, d])", [5, 5], (a, b, t, u) =>
      sum(4, (d) => at(a.x, b, t, d) * at(a.y, b, u, d)),
    );
  });
});

describe("reductions", () => {
  const row = (a: Arrays, b: number) => [0, 1, 2, 3].map((d) => at(a.w, b, d));
  const whole: Record<string, (q: number[]) => number> = {
    sum: (q) => sum(4, (i) => q[i]),
    mean: (q) => sum(4, (i) => q[i]) / 4,
    max: (q) => max(...q),
    min: (q) => min(...q),
    logsumexp: (q) => log(sum(4, (i) => exp(q[i]))),
    norm: (q) => sqrt(sum(4, (i) => q[i] ** 2)),
  };
  test.each(Object.keys(whole))("%s over all axes and over an index", (name) => {
    check(`output z = ${name}(w)`, [], (a, b) => whole[name](row(a, b)));
    check(`output z[t] = ${name}[d](x[t, d])`, [5], (a, b, t) =>
      whole[name]([0, 1, 2, 3].map((d) => at(a.x, b, t, d))),
    );
  });
  test("softmax and log_softmax along the last axis and over an index", () => {
    const total = (a: Arrays, b: number, t: number) => sum(4, (d) => exp(at(a.x, b, t, d)));
    check("output z = softmax(x)", [5, 4], (a, b, t, d) => exp(at(a.x, b, t, d)) / total(a, b, t));
    check("output z = log_softmax(x)", [5, 4], (a, b, t, d) => at(a.x, b, t, d) - log(total(a, b, t)));
    check(
      "output z[t, d] = softmax[t](x[t, d])",
      [5, 4],
      (a, b, t, d) => exp(at(a.x, b, t, d)) / sum(5, (u) => exp(at(a.x, b, u, d))),
    );
  });
  test("causal attention", () => {
    const text = `score[t, u] = sum[d](x[t, d] * y[u, d]) / sqrt(D)
      weight[t, u] = softmax[u](where(u <= t, score[t, u], -inf))
      output z[t, d] = sum[u](weight[t, u] * x[u, d])`;
    check(text, [5, 4], (a, b, t, d) => {
      const score = (u: number) => exp(sum(4, (e) => at(a.x, b, t, e) * at(a.y, b, u, e)) / 2);
      const total = sum(t + 1, score);
      return sum(t + 1, (u) => (score(u) / total) * at(a.x, b, u, d));
    });
  });
  test("an extreme softmax stays finite", () => {
    const { results } = run("model M(D = 2) { input x: [D] output z = logsumexp(1000 * x + 5000) }", { _B: 2 });
    expect([...results["output:z"].data].every(Number.isFinite)).toBe(true);
  });
});

describe("elements", () => {
  test("look-up of a token, of a sequence, of an element", () => {
    check("output z = E[id]", [5, 4], (a, b, t, d) => at(a.E, at(a.id, b, t), d));
    check("output z[t] = E[id[t], 2]", [5], (a, b, t) => at(a.E, at(a.id, b, t), 2));
    check("output z = P[one]", [3], (a, b, n) => at(a.P, at(a.one, b), n));
  });
  test("look-up in what varies with the example", () => {
    check("output z = a[one]", [3], (a, b, n) => at(a.a, b, at(a.one, b), n));
  });
  test("the last step, a given step, a constant element", () => {
    check("output z = x[T - 1]", [4], (a, b, d) => at(a.x, b, 4, d));
    check("output z = x[0]", [4], (a, b, d) => at(a.x, b, 0, d));
    check("output z[t] = x[t, 3]", [5], (a, b, t) => at(a.x, b, t, 3));
  });
  test("a shift with a constant, an array and an expression beyond the start", () => {
    const previous = (a: Arrays, b: number, t: number, d: number) => at(a.x, b, t - 1, d);
    check("output z[t, d] = x[t - 1, d] else 0.5", [5, 4], (a, b, t, d) => (t < 1 ? 0.5 : previous(a, b, t, d)));
    check("output z[t, d] = x[t - 1, d] else v[d]", [5, 4], (a, b, t, d) =>
      t < 1 ? at(a.v, d) : previous(a, b, t, d),
    );
    check("output z[t] = x[t - 1] else v", [5, 4], (a, b, t, d) => (t < 1 ? at(a.v, d) : previous(a, b, t, d)));
    check("output z[t, d] = x[t + 2, d] else 0", [5, 4], (a, b, t, d) => (t > 2 ? 0 : at(a.x, b, t + 2, d)));
  });
  test("a causal convolution", () => {
    check("output z[t, d] = sum[j](k[j, d] * (x[t - j, d] else 0))", [5, 4], (a, b, t, d) =>
      sum(3, (j) => (t - j < 0 ? 0 : at(a.k, j, d) * at(a.x, b, t - j, d))),
    );
    check("output z[t, d] = sum[j](k[j, d] * (x[t - 2*j + 1, d] else v[d]))", [5, 4], (a, b, t, d) =>
      sum(3, (j) => {
        const u = t - 2 * j + 1;
        return at(a.k, j, d) * (u < 0 || u > 4 ? at(a.v, d) : at(a.x, b, u, d));
      }),
    );
  });
  test("a reversal, a diagonal, a reshape", () => {
    check("output z[t, d] = x[T - 1 - t, d]", [5, 4], (a, b, t, d) => at(a.x, b, 4 - t, d));
    check("m[d, e] = w[d] * v[e] output z[d] = m[d, d]", [4], (a, b, d) => at(a.w, b, d) * at(a.v, d));
    check("output z[t, i: 2, j: 2] = x[t, i*2 + j]", [5, 2, 2], (a, b, t, i, j) => at(a.x, b, t, i * 2 + j));
    check("output z[t, i: 2, j: 2] = x[t, 3 - i*2 - j]", [5, 2, 2], (a, b, t, i, j) => at(a.x, b, t, 3 - i * 2 - j));
    check("output z[t, i: 2] = x[t, i + 1]", [5, 2], (a, b, t, i) => at(a.x, b, t, i + 1));
  });
  test("indices and lengths as numbers", () => {
    check("output z[t, d] = x[t, d] * (t + 1) / T + d", [5, 4], (a, b, t, d) => (at(a.x, b, t, d) * (t + 1)) / 5 + d);
  });
  test("split, concat and one_hot", () => {
    check("p, q = split(x, 2) output z = concat(q, p)", [5, 4], (a, b, t, d) => at(a.x, b, t, (d + 2) % 4));
    check("p, q = split(w, [1, 3]) output z = concat(q, p)", [4], (a, b, d) => at(a.w, b, (d + 1) % 4));
    check("output z = one_hot(id)", [5, 6], (a, b, t, c) => Number(at(a.id, b, t) === c));
  });
  test("constants of indices", () => {
    check("const M[i, j]: [D, D] = where(i <= j, i + 2*j, 0) output z = M @ w", [4], (a, b, i) =>
      sum(4, (j) => (i <= j ? i + 2 * j : 0) * at(a.w, b, j)),
    );
  });
});

test("shifts, windows and slices need no look-up", () => {
  const texts = [
    "output z[t, d] = x[t - 1, d] else 0",
    "output z[t, d] = sum[j](k[j, d] * (x[t - j, d] else 0))",
    "output z[t, i: 2, j: 2] = x[t, i*2 + j]",
    "output z[t, i: 2] = x[t, i + 1]",
    "output z[t] = x[t, 3]",
  ];
  for (const text of texts) {
    const { graphs } = moduleOf(inModel(text));
    expect(graphs.forward?.instrs.map(({ op }) => op)).not.toContain("gather");
  }
});

test("a product under a sum is one contraction", () => {
  const module = moduleOf(inModel("output z[t, n] = sum[d](x[t, d] * P[d, n])"));
  const ops = module.graphs.forward?.instrs.map(({ op }) => op);
  expect(ops).toEqual(["contract"]);
});

describe("losses", () => {
  const body = (loss: string) => inModel(`output z = w loss ${loss}`);
  const value = (loss: string) => {
    const { args, results } = run(body(loss), lengths, 31);
    return { args, loss: results["loss:loss"].data[0] };
  };
  const steps = <R>(f: (b: number, t: number) => R) => [0, 1].flatMap((b) => [0, 1, 2, 3, 4].map((t) => f(b, t)));
  const mean = (q: readonly number[]) => sum(q.length, (i) => q[i]) / q.length;
  const inner = (f: (d: number) => number) => sum(4, f) / 4;

  test.each<[string, (difference: number) => number]>([
    ["mse", (q) => q * q],
    ["mae", abs],
    ["huber", (q) => (abs(q) <= 1 ? (q * q) / 2 : abs(q) - 0.5)],
  ])("%s averages over sizes, then over steps and examples", (name, f) => {
    const { args, loss } = value(`${name}(2 * x, y)`);
    const each = steps((b, t) => inner((d) => f(2 * at(args.x, b, t, d) - at(args.y, b, t, d))));
    expect(relativeError([loss], [mean(each)])).toBeLessThan(1e-12);
  });
  test("a mask counts the steps where it holds; several losses are added", () => {
    const { args, loss } = value("mse(x, y) where id > 2 loss sum(w)");
    const held = steps((b, t) => ({ b, t })).filter(({ b, t }) => at(args.id, b, t) > 2);
    const each = held.map(({ b, t }) => inner((d) => (at(args.x, b, t, d) - at(args.y, b, t, d)) ** 2));
    const sums = [0, 1].map((b) => sum(4, (d) => at(args.w, b, d)));
    expect(relativeError([loss], [mean(each) + mean(sums)])).toBeLessThan(1e-12);
  });
  test("a penalty on parameters is no mean over the batch", () => {
    const { args, loss } = value("0.5 * sum(P ** 2)");
    expect(relativeError([loss], [0.5 * sum(12, (i) => args.P.data[i] ** 2)])).toBeLessThan(1e-12);
  });
  test("binary cross-entropy", () => {
    const { args, loss } = value("mean[d](binary_cross_entropy(x[0, d], w[d] > 0))");
    const each = [0, 1].map((b) =>
      inner((d) => {
        const p = sigmoid(at(args.x, b, 0, d));
        return at(args.w, b, d) > 0 ? -log(p) : -log(1 - p);
      }),
    );
    expect(relativeError([loss], [mean(each)])).toBeLessThan(1e-12);
  });
});
