/** @file `dropout` from text to device: masks by counters, drawn again in the derivative, off outside of training. */

import { describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { schedule } from "../../src/codegen/schedule.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { forEachInstr } from "../../src/ir/traverse.js";
import { BATCH, type Graph, type GraphName, type Module, SEED, STEP } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { type Arrays, randomArguments } from "../lower/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { runOnDevice } from "../support/ladder.js";

/** Dropout of inputs, on the recurrent way, in a layer, of a parameter and before the output. */
const text = (p: number) => `
layer Noisy(D) {
  input x: [D]
  param W: [D, D] ~ normal(0, 0.5)
  output y = dropout(tanh(W @ x), ${p})
}
cell Recurrent(I, H) {
  input x: [I]
  state h: [H]
  param W: [H, I] ~ xavier_uniform, U: [H, H] ~ orthogonal, b: [H] ~ normal(0, 0.3)
  h' = tanh(dropout(W @ x, ${p / 2}) + U @ dropout(h, ${p}) + dropout(b, ${p}))
  output h'
}
model Fit(I = 5, H = 6) {
  input xs: [T, I]
  target want: [T, H]
  use rnn = Recurrent(I, H), noisy = Noisy(H)
  ys = scan rnn(dropout(xs, ${p / 3}))
  zs = noisy(ys)
  output zs
  loss mse(zs, want)
}`;

const P = 0.3;
const lengths = { [BATCH]: 4, T: 5, [SEED]: 11, [STEP]: 3 };
const graphOf = (module: Module, name: GraphName): Graph => present(module.graphs[name], "test", name);

function draws(graph: Graph): boolean {
  let found = false;
  forEachInstr(graph.instrs, ({ op }) => {
    found ||= op === "random" || op === "training";
  });
  return found;
}

test("loss and gradients on the device are the interpreter's", async () => {
  const { module } = compileText(text(P));
  const train = graphOf(module, "train");
  const args = randomArguments(module, lengths, 1);
  const want = evaluateGraph(train, args, lengths);
  const got = await runOnDevice(train, args, lengths);
  for (const [name, { data }] of Object.entries(want)) {
    expect(relativeError(got[name].data, data), name).toBeLessThan(1e-4);
  }
});

test("gradients are central differences of the loss at one seed and step", () => {
  const { module } = compileText(text(P));
  const train = graphOf(module, "train");
  const args = randomArguments(module, lengths, 2);
  const results = evaluateGraph(train, args, lengths);
  const lossAt = (name: string, i: number, change: number) => {
    const moved = ndarray(args[name].shape, args[name].data);
    moved.data[i] += change;
    return evaluateGraph(train, { ...args, [name]: moved }, lengths)["loss:loss"].data[0];
  };
  for (const { name } of module.parameters) {
    const differences = Array.from(args[name].data, (_, i) => (lossAt(name, i, 1e-5) - lossAt(name, i, -1e-5)) / 2e-5);
    expect(relativeError(results[`grad:${name}`].data, differences), name).toBeLessThan(1e-5);
  }
});

describe("masks", () => {
  /** The loss of a step is a sum that shows nothing, so the masked ones stand in outputs of the forward graph. */
  const masks = `
cell Hold(H) {
  input x: [H]
  state s: [H]
  param v: [H] ~ ones
  s' = dropout(x, ${P})
  output y = s' + 0 * s
  output weight = dropout(v, ${P}) + 0 * s
}
model Show(H = 40) {
  input xs: [T, H]
  param w: [H] ~ ones
  use a = Hold(H), b = Hold(H)
  first, weight = scan a(xs)
  again, rest = scan b(xs)
  outside = dropout(xs, ${P})
  output first, again, outside, weight
  loss sum[i](w[i])
}`;
  const { module } = compileText(masks);
  /** The forward graph as a step of training. */
  const training = {
    ...graphOf(module, "forward"),
    instrs: graphOf(module, "forward").instrs.map((instr) =>
      instr.op === "training" ? ({ ...instr, op: "const", attrs: { value: 1, elem: "bool" } } as const) : instr,
    ),
  };
  const sizes = { [BATCH]: 16, T: 200, [SEED]: 5, [STEP]: 1 };
  const xs = ndarray([sizes[BATCH], sizes.T, 40], new Float64Array(sizes[BATCH] * sizes.T * 40).fill(1));
  const ones = ndarray([40], new Float64Array(40).fill(1));
  const args: Arrays = { xs, w: ones, "a.v": ones, "b.v": ones };
  const at = (change: Partial<typeof sizes>) => evaluateGraph(training, args, { ...sizes, ...change });
  const now = at({});
  const drawn = (results: Arrays, name: string) => results[`output:${name}`].data;
  const agreement = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a, (x, i) => Number((x === 0) === (b[i] === 0))).reduce((n, x) => n + x) / a.length;
  /** How often two independent masks agree. */
  const chance = P ** 2 + (1 - P) ** 2;

  test("are bit-equal on the device", async () => {
    const got = await runOnDevice(training, args, sizes);
    for (const name of ["first", "again", "outside"]) {
      expect(Array.from(got[`output:${name}`].data)).toEqual(Array.from(drawn(now, name), Math.fround));
    }
  });

  test.each(["first", "again", "outside"])("zero as many as asked for and scale the others: %s", (name) => {
    const values = drawn(now, name);
    const zeros = values.filter((x) => x === 0).length / values.length;
    // 128 000 draws: five standard deviations.
    expect(Math.abs(zeros - P)).toBeLessThan(5 * Math.sqrt((P * (1 - P)) / values.length));
    expect(new Set(values)).toEqual(new Set([0, 1 / (1 - P)]));
  });

  test("differ between calls, seeds, steps of training, steps of a loop, and examples", () => {
    const first = drawn(now, "first");
    const others = {
      instance: drawn(now, "again"),
      call: drawn(now, "outside"),
      seed: drawn(at({ [SEED]: 6 }), "first"),
      step: drawn(at({ [STEP]: 2 }), "first"),
      time: first.map((_, i) => first[(i + 40) % first.length]),
      example: first.map((_, i) => first[(i + 40 * sizes.T) % first.length]),
    };
    for (const [what, other] of Object.entries(others)) {
      expect(Math.abs(agreement(first, other) - chance), what).toBeLessThan(0.01);
    }
    expect(agreement(first, drawn(at({}), "first"))).toBe(1);
  });

  test("are the same at every step of what is the same at every step", () => {
    const weight = drawn(now, "weight");
    expect(weight).toEqual(weight.map((_, i) => weight[i % 40]));
    expect(new Set(weight)).toEqual(new Set([0, 1 / (1 - P)]));
  });
});

test("evaluation, prediction and streams know nothing of it", () => {
  const [noisy, plain] = [compileText(text(P)).module, compileText(text(0)).module];
  const args = randomArguments(noisy, lengths, 4);
  for (const name of ["evaluate", "predict", "stream"] as const) expect(draws(graphOf(noisy, name)), name).toBe(false);
  for (const name of ["evaluate", "predict"] as const) {
    const [a, b] = [noisy, plain].map((module) => evaluateGraph(graphOf(module, name), args, lengths));
    for (const [key, { data }] of Object.entries(b)) expect(a[key].data).toEqual(data);
  }
  expect(draws(graphOf(noisy, "train"))).toBe(true);
  expect(draws(graphOf(plain, "train"))).toBe(false);
});

test("no mask, draw or counter is stored, outside of loops or by them", () => {
  const train = graphOf(compileText(text(P)).module, "train");
  const { groups, definitions } = schedule(train);
  const stored = groups.flatMap(({ roots }) => roots);
  expect(stored.length).toBeGreaterThan(10);
  for (const value of stored) {
    expect(value.type.elem).toBe("f32");
    expect(definitions.get(value.id)?.op).not.toBe("random");
  }
});

test("no product's kernel draws, which would be written out for each result of a thread", () => {
  const { kernels } = compileText(text(P)).manifest;
  const drawing = Object.values(kernels).filter((kernel) => kernel.includes("seq_random"));
  expect(drawing.length).toBeGreaterThan(2);
  expect(drawing.filter((kernel) => kernel.includes(": product ["))).toEqual([]);
});

test("training: a seed is a run, evaluation has no noise, a checkpoint goes on with the same masks", async () => {
  const { manifest, module } = compileText(`
    model Fit(D = 5, p = 0.2) {
      input x: [D]
      target want: [D]
      param W: [D, D] ~ normal(0, 0.5), c: f32 ~ normal
      y = dropout(tanh(W @ dropout(x, p)) + dropout(c, 2 * p), 0.5)
      output y
      loss mse(y, want)
    }`);
  const model = await Model.create(await testDevice(), manifest, { seed: 1 });
  const random = randomArguments(module, lengths, 5);
  const batch = { x: Float32Array.from(random.x.data), want: Float32Array.from(random.want.data) };
  const sizes = { batch: lengths[BATCH] };
  const evaluated = await model.evaluate(batch, sizes);
  expect(await model.evaluate(batch, sizes)).toEqual(evaluated);

  const initial = await model.save();
  type Run = Awaited<ReturnType<typeof model.trainer>>;
  const steps = async (trainer: Run, count: number) => {
    const losses: number[] = [];
    for (let i = 0; i < count; i++) losses.push(await (await trainer.trainStep(batch)).loss);
    return losses;
  };
  const start = (seed: number): Promise<Run> => {
    model.load(initial);
    return model.trainer({ ...sizes, seed });
  };
  const first = await start(3);
  const losses = await steps(first, 3);
  const saved = await first.save();
  const next = await steps(first, 2);
  expect(losses[0]).not.toBeCloseTo(evaluated.loss, 5);
  expect(await steps(await start(3), 3)).toEqual(losses);
  expect(await steps(await start(4), 3)).not.toEqual(losses);

  const resumed = await start(3);
  await resumed.load(saved);
  expect(await steps(resumed, 2)).toEqual(next);
  await expect(start(-1)).rejects.toThrow("`seed`");
  model.destroy();
});
