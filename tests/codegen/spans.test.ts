/** @file Loops that are cut along time into spans: which they are, and that any number of spans computes what the interpreter does. */

import { describe, expect, test } from "vitest";
import { BATCH, SPANS } from "../../runtime/manifest.js";
import { schedule } from "../../src/codegen/schedule.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { type Graph, PAST, ROOM } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { agreesOnDevice, compiles, type Runner } from "../fuzz/properties.js";
import { randomSource } from "../lower/support.js";
import { relativeError } from "../support/compiled.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** All loops in that many spans, those that can be cut. */
const cut =
  (spans: number): Runner =>
  (graph, args, sizes) =>
    runOnDevice(graph, args, { ...sizes, [SPANS]: spans }, 1);

interface Sizes {
  readonly D: number;
  readonly N: number;
}

/** Every output of the cell counts at every step, and its last states. */
function model(cell: string, sizes: string, { last = "", scan = "scan", length = "" } = {}) {
  return ({ D, N }: Sizes) => `${cell}
    model M(D = ${D}, N = ${N}) {
      ${length}
      input x: [T, D]
      use loop = Cell(${sizes})
      v, end = ${scan} loop(x)
      output v
      ${last === "" ? "" : `output last = ${last}`}
      loss mean(sin(v))${last === "" ? "" : ` + mean(cos(${last}))`}
    }`;
}

/** A cell of the standard library. */
const standard = (name: string, file: string, sizes: string) => (own: Sizes) =>
  model(`import { ${name} } from "std/${file}"`, sizes)(own).replace("Cell(", `${name}(`);

/** A mean with a learned rate and a learned start. */
const mean = `
  cell Cell(D, N) {
    input x: [D]
    param rate: [D] ~ uniform(0, 1), start: [D] ~ normal(0, 1)
    state m: [D] = start
    m' = sigmoid(rate) * m + (1 - sigmoid(rate)) * x
    output y = m * m'
  }`;

/** A filter with two poles, which are two states that read each other. */
const poles = `
  cell Cell(D, N) {
    input x: [D]
    param p: [D] ~ uniform(0, 1), q: [D] ~ uniform(0, 1)
    state a: [D], b: [D] = 0.5
    a' = 0.9 * sin(p) * a - 0.4 * sigmoid(q * x) * b + x
    b' = a
    output y = a' + 0.3 * b'
  }`;

/** A rotation of pairs that lie along an axis, by an angle that depends on the input. */
const rotation = `
  cell Cell(D, N) {
    input x: [D]
    param w: [D, N] ~ uniform(0, 1)
    state s: [D, N, 2]
    angle[d, n] = w[d, n] + x[d]
    s'[d, n, k] = 0.9 * where(
      k == 0,
      cos(angle[d, n]) * s[d, n, 0] - sin(angle[d, n]) * s[d, n, 1] + x[d],
      sin(angle[d, n]) * s[d, n, 0] + cos(angle[d, n]) * s[d, n, 1]
    )
    output y[d] = sum[n](s'[d, n, 0] * s'[d, n, 1])
  }`;

/** A filter behind a filter: the second state needs the first. */
const cascade = `
  cell Cell(D, N) {
    input x: [D]
    param p: [D] ~ uniform(0, 1), q: [D] ~ uniform(0, 1)
    state a: [D], b: [D]
    a' = sigmoid(p) * a + x
    b' = sigmoid(q) * b + tanh(x) * a'
    output b'
  }`;

/** A state of each kind of channel, one that only adds up, and one that is gone after a step. */
const several = `
  cell Cell(D, N) {
    input x: [D]
    param p: [D] ~ uniform(0, 1), q: [D, N] ~ uniform(0, 1), first: [D] ~ normal(0, 1)
    state a: [D] = 1, b: [D, N], total: [D] = 2, before: [D] = first
    a' = sigmoid(p) * a + x
    b'[d, n] = sigmoid(q[d, n]) * b[d, n] + x[d]
    total' = total + a' * a
    before' = x * x
    output y[d] = a'[d] * sum[n](b'[d, n]) + before[d]
  }`;

/** Large states, which the reverse loop computes again, and sums over channels in it. */
const selective = `
  cell Cell(D, N) {
    input x: [D]
    state h: [D, N]
    param A: [D, N] ~ uniform(0.1, 1), W: [N, D] ~ uniform(-0.5, 0.5), V: [N, D] ~ uniform(-0.5, 0.5)
    b = W @ x
    c = V @ x
    h'[d, n] = exp(-softplus(x[d]) * abs(A[d, n])) * h[d, n] + x[d] * b[n]
    output y[d] = sum[n](h'[d, n] * c[n])
  }`;

/** Large states that are read in a way that is not linear: what a span does to their adjoints depends on them. */
const squared = `
  cell Cell(D, N) {
    input x: [D]
    param q: [D, N] ~ uniform(0, 1), w: [D, N] ~ uniform(0, 1)
    state re: [D, N], im: [D, N], c: [D, N]
    re'[d, n] = 0.8 * (cos(q[d, n]) * re[d, n] - sin(q[d, n]) * im[d, n]) + x[d]
    im'[d, n] = 0.8 * (sin(q[d, n]) * re[d, n] + cos(q[d, n]) * im[d, n])
    c'[d, n] = sigmoid(w[d, n] * x[d]) * c[d, n] + x[d]
    output y[d] = sum[n](re'[d, n] * im'[d, n] + c'[d, n] ** 2)
  }`;

/** The same of one state, which another sum over its places divides. */
const divided = `
  cell Cell(D, N) {
    input x: [D]
    param q: [D, N] ~ uniform(0, 1), k: [N, D] ~ uniform(-1, 1)
    state b: [D, N]
    key = k @ x
    b'[d, n] = sigmoid(q[d, n]) * b[d, n] + x[d] * key[n]
    s[d] = sum[n](b'[d, n] * key[n])
    output y[d] = s[d] / (1 + sum[n](b'[d, n] ** 2))
  }`;

const cases: Readonly<Record<string, (sizes: Sizes) => string>> = {
  mean: model(mean, "D, N", { last: "end.m" }),
  "reversed mean": model(mean, "D, N", { last: "end.m", scan: "scan reverse" }),
  "mean of sequences that end": model(mean, "D, N", { last: "end.m", length: "length T ragged" }),
  "two poles": model(poles, "D, N", { last: "end.a * end.b" }),
  "two poles, reversed, of sequences that end": model(poles, "D, N", {
    last: "end.a * end.b",
    scan: "scan reverse",
    length: "length T ragged",
  }),
  rotation: model(rotation, "D, N"),
  cascade: model(cascade, "D, N", { last: "end.a * end.b" }),
  several: model(several, "D, N", { last: "end.total * end.a" }),
  selective: model(selective, "D, N"),
  squared: model(squared, "D, N"),
  divided: model(divided, "D, N"),
  LRU: standard("LRU", "lru", "D, D, N"),
  S4D: standard("S4D", "s4d", "D, N"),
  MinGRU: standard("MinGRU", "min-gru", "D, D"),
  MinLSTM: standard("MinLSTM", "min-lstm", "D, D"),
  SelectiveSSM: standard("SelectiveSSM", "selective-ssm", "D, N"),
};

const shapes = [
  { D: 3, N: 11, batch: 2, T: 71, spans: [1, 2, 3, 7] },
  { D: 67, N: 2, batch: 1, T: 37, spans: [2, 64] },
  { D: 1, N: 1, batch: 1, T: 1, spans: [1, 3] },
] as const;

const trainingStep = (text: string) => {
  const compiled = present(compiles({ text, lengths: { [BATCH]: 1, T: 1 }, seed: 1 }), "test", "the model");
  return present(compiled.module.graphs.train, "test", "a training step");
};

/** Of each loop the number of states that are linear together, or why it goes step by step. */
function formsOf(graph: Graph): readonly (readonly number[] | string)[] {
  return schedule(graph).groups.flatMap((group): readonly (readonly number[] | string)[] => {
    if (group.kind !== "scan") return [];
    const { spans } = group;
    if (spans === undefined) return ["no channel a thread"];
    return ["serial" in spans ? spans.serial : spans.groups.map(({ width }) => width)];
  });
}

describe.each(Object.entries(cases))("%s", (_, textOf) => {
  describe.each(shapes)("D $D, N $N, batch $batch, T $T", ({ D, N, batch, T, spans }) => {
    const spec = { text: textOf({ D, N }), lengths: { [BATCH]: batch, T }, seed: D + T };
    const compiled = present(compiles(spec), "test", "the model");
    test("forward and reverse loop can be cut", () => {
      const { program } = compileGraph(present(compiled.module.graphs.train, "test", "a training step"));
      const loops = program.dispatches.filter(({ kernel }) => kernel.startsWith("scan"));
      expect(loops.map(({ variants = [] }) => variants.map((variant) => variant.spans?.length))).toEqual([
        ["T"],
        ["T"],
      ]);
    });
    test.each(spans)("in %i spans", async (number) => {
      await agreesOnDevice(spec, compiled, cut(number));
    });
  });
});

describe("a stream goes on from its states", () => {
  test.each([
    ["two poles", 37, 3],
    ["selective", 70, 2],
    ["selective", 1, 4],
  ])("%s, a chunk of %i steps in %i spans", async (name, T, spans) => {
    const text = cases[name]({ D: 5, N: 8 });
    const lengths = { [BATCH]: 2, T };
    const { module } = present(compiles({ text, lengths, seed: 3 }), "test", "the model");
    const graph = present(module.graphs.stream, "test", "the stream");
    const sizes = { ...lengths, [PAST]: 5, [ROOM]: 128 };
    const random = randomSource(7);
    const args = Object.fromEntries(
      graph.args.map(({ name: port, value }) => {
        const shape = extents(value.type.shape, sizes);
        return [
          port,
          ndarray(
            shape,
            Array.from({ length: numel(shape) }, () => 2 * random() - 1),
          ),
        ];
      }),
    );
    const want = evaluateGraph(graph, args, sizes);
    const got = await cut(spans)(graph, args, sizes);
    for (const [key, { data }] of Object.entries(want)) {
      expect(relativeError(got[key].data, data), key).toBeLessThan(1e-4);
    }
  });
});

test("what spans do is found by a loop that replays, where it depends on large states", () => {
  const { program, kernels } = compileGraph(trainingStep(cases.squared({ D: 4, N: 12 })));
  const [, { variants = [] }] = program.dispatches.filter(({ kernel }) => kernel.startsWith("scan"));
  const summaries = variants[0].before?.slice(0, -1).map(({ kernel }) => kernels.kernels[kernel]) ?? [];
  expect(summaries).toHaveLength(2);
  for (const text of summaries) expect(text).toMatch(/what each span .*; replays the forward loop/);
});

test("states that need each other are linear together, those that only add up need no start", () => {
  const forms = (name: string) => formsOf(trainingStep(cases[name]({ D: 2, N: 3 })));
  expect(forms("mean")).toEqual([[1], [1]]);
  expect(forms("cascade")).toEqual([[2], [2]]);
  expect(forms("rotation")).toEqual([[2], [2]]);
  expect(forms("LRU")).toEqual([[2], [2]]);
  expect(forms("several")).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
});

test("loops with a state that is not linear go step by step, and say why", () => {
  const cell = `
    cell Cell(D, N) {
      input x: [D]
      param p: [D] ~ uniform(0, 1)
      state a: [D], b: [D]
      a' = sigmoid(p) * a + x
      b' = tanh(p * b + a')
      output b'
    }`;
  const [forward, reverse] = formsOf(trainingStep(model(cell, "D, N")({ D: 2, N: 3 })));
  expect(forward).toMatch(/is not linear$/);
  // What the derivative does to its states is linear whatever the loop is.
  expect(reverse).toEqual([2]);
});
