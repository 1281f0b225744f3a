import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { parseModule } from "../../src/ir/parse.js";
import { printModule } from "../../src/ir/print.js";
import { BATCH, type Module, SEED, STEP } from "../../src/ir/types.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { moduleOf, randomArguments } from "../lower/support.js";
import { cut, runBatch, runBatches } from "./carrying.js";
import { type Arrays, distance, random } from "./support.js";

const SIZE = 4;
const sizes = { [BATCH]: 3, T: 3 * SIZE, S: 5, [SEED]: 1, [STEP]: 1 };
const chunk = { ...sizes, T: SIZE };

const recurrent = (cell: string, file: string) => `
  import { ${cell} } from "std/${file}"
  model M(I = 2, H = 3) {
    input x: [T, I]
    target y: [T, H]
    use rnn = ${cell}(I, H)
    ys = scan rnn(x)
    output ys
    loss mse(ys, y)
    metric size = ys[T - 1, 0]
  }`;

const ELMAN = `
  cell Elman(D) {
    input x: [D]
    param first: [D] ~ normal
    state h: [D] = first
    param W: [D, D] ~ orthogonal
    h' = tanh(W @ h + x)
    output h'
  }`;

const models: Readonly<Record<string, string>> = {
  "an LSTM": recurrent("LSTM", "lstm"),
  "a GRU": recurrent("GRU", "gru"),
  "two layers, a learned start": `${ELMAN}
    model M(D = 3) {
      input x: [T, D]
      target y: [T, D]
      use a = Elman(D), b = Elman(D)
      ys = scan b(scan a(x))
      output ys
      loss mse(ys, y)
    }`,
  "a selective state space": `
    import { SelectiveSSM } from "std/selective-ssm"
    model M(D = 3) {
      input x: [T, D]
      target y: [T, D]
      use ssm = SelectiveSSM(D, 4)
      ys = scan ssm(x)
      output ys
      loss mse(ys, y)
    }`,
  "a Mamba block": `
    import { MambaBlock } from "std/mamba-block"
    model M(D = 3) {
      input x: [T, D]
      target y: [T, D]
      use block = MambaBlock(D)
      ys = block(x)
      output ys
      loss mse(ys, y)
    }`,
  "a long look back, a filling that is not zero": `
    model M(D = 2) {
      input x: [T, D]
      target y: [T, D]
      param w: [D] ~ ones
      near[t, d] = w[d] * x[t, d]
      ys[t, d] = w[d] * (near[t - 7, d] else 2) + (near[t - 1, d] else 2) * (x[t - 2, d] else x[t, d])
      output ys
      loss mse(ys, y)
    }`,
  "positions that count on": `${ELMAN}
    model M(D = 3) {
      input x: [T, D]
      target y: [T, D]
      use rnn = Elman(D)
      position[t: T] = t
      ys = scan rnn(x)
      zs[t, d] = ys[t, d] * sin(position[t]) + where(t < 5, x[t, d], 0)
      output zs
      loss mse(zs, y)
    }`,
  "a start that an encoder gives, and a context": `
    import { GRU } from "std/gru"
    model M(D = 3) {
      input source: [S, D], x: [T, D], code: [D]
      target y: [T, D]
      use encoder = GRU(D, D), decoder = GRU(D, D)
      es, end = scan encoder(source)
      ys = scan decoder(x) from { h: end.h * code }
      zs[t, d] = ys[t, d] + end.h[d]
      output zs
      loss mse(zs, y)
    }`,
  "the first step as a start": `
    import { GRU } from "std/gru"
    model M(D = 3) {
      input x: [T, D]
      target y: [T, D]
      param v: [D] ~ ones
      use rnn = GRU(D, D)
      z[t, d] = v[d] * x[t, d]
      ys = scan rnn(x) from { h: z[0] }
      output ys
      loss mse(ys, y)
    }`,
  "states of two axes": `
    import { MLSTM } from "std/mlstm"
    model M(D = 2) {
      input x: [T, D]
      target y: [T, 1, D]
      use rnn = MLSTM(D, D)
      ys = scan rnn(x)
      output ys
      loss mse(ys, y)
    }`,
};

const carrying = (text: string): Module => {
  const module = runPipeline(moduleOf(text, { stateful: true }), { verify: true });
  expect(module.carryRefusal).toBeUndefined();
  return module;
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

describe.each(Object.entries(models))("%s", (_, text) => {
  const before = moduleOf(text);
  const plain = runPipeline(before);
  const module = carrying(text);
  const { train, evaluate } = module.graphs;
  const args = randomArguments(before, sizes, 5);

  it("is batch after batch what it is as a whole", () => {
    const whole = evaluateGraph(plain.graphs.evaluate!, args, sizes);
    for (const graph of [train!, evaluate!]) {
      for (const size of [SIZE, 2, 1]) {
        const losses = runBatches(module, graph, args, sizes, size).map((results) => results["loss:loss"].data[0]);
        expect(distance([mean(losses)], whole["loss:loss"].data), `batches of ${size}`).toBeLessThan(1e-12);
      }
    }
  });

  it("has the derivative of a batch whose first states are constants, also where examples begin anew", () => {
    const [first] = runBatches(module, evaluate!, args, sizes, SIZE);
    const given = cut(module, args, SIZE, 2 * SIZE);
    const reset = [1, 0, 0];
    const results = runBatch(train!, given, chunk, first, reset);
    const next = random(3);
    for (const { name } of module.parameters) {
      const value = given[name];
      const direction = Array.from(value.data, () => 2 * next() - 1);
      const loss = (step: number) => {
        const moved = ndarray(
          value.shape,
          value.data.map((x, i) => x + step * direction[i]),
        );
        return runBatch(evaluate!, { ...given, [name]: moved }, chunk, first, reset)["loss:loss"].data[0];
      };
      const [near, far] = [1e-4, 2e-4].map((step) => (loss(step) - loss(-step)) / (2 * step));
      const along = results[`grad:${name}`].data.reduce((sum, g, i) => sum + g * direction[i], 0);
      const scale = Math.hypot(...results[`grad:${name}`].data) * Math.hypot(...direction);
      expect(scale, name).toBeGreaterThan(0);
      expect(Math.abs(along - (4 * near - far) / 3) / scale, name).toBeLessThan(1e-8);
    }
  });

  it("begins an example anew where told, and only there", () => {
    const [first] = runBatches(module, evaluate!, args, sizes, SIZE);
    const given = cut(module, args, SIZE, 2 * SIZE);
    const mixed = runBatch(train!, given, chunk, first, [0, 1, 0]);
    const anew = runBatch(train!, given, chunk);
    const on = runBatch(train!, given, chunk, first);
    for (const { name, shape } of module.carriedStates!) {
      const axis = shape.indexOf(BATCH);
      const of = (results: Arrays, example: number) => {
        const { data } = results[`state:${name}`];
        const inner = shape.slice(axis + 1).reduce((n: number, dim) => n * Number(dim), 1);
        return data.filter((_, i) => Math.floor(i / inner) % sizes[BATCH] === example);
      };
      for (const [example, like] of [on, anew, on].entries())
        expect(of(mixed, example), name).toEqual(of(like, example));
    }
    const fresh = (results: Arrays) => results["loss:loss"].data[0];
    expect(new Set([fresh(mixed), fresh(anew), fresh(on)]).size).toBe(3);
  });

  it("has the same predictions and streams, and is the same when printed and read back", () => {
    const { predict, stream, start } = plain.graphs;
    expect(module.graphs).toMatchObject({ predict, stream, ...(start && { start }) });
    expect(module.states).toEqual(plain.states);
    expect(parseModule(printModule(module))).toEqual(module);
  });
});

/** A model of steps x with the given statements. */
const model = (body: string, inputs = "") => `
  cell Sum(D) {
    input x: [D]
    state s: [D]
    s' = s + x
    output s'
  }
  model M(D = 2) {
    input x: [T, D]${inputs}
    param w: [D] ~ ones
    use total = Sum(D)
    z[t, d] = w[d] * x[t, d]
    sums = scan total(z)
    ${body}
  }`;

describe("what cannot carry", () => {
  it.each([
    ["back = scan reverse total(z) output back loss sum(back)", "a scan reverse over T, in `total.s`"],
    ["y[t, d] = z[t + 1, d] else 0 output y loss sum(y)", "a look ahead along T, in `y`"],
    [
      `score[t, s] = sum[d](z[t, d] * z[s, d])
       weight[t, s] = softmax[s](where(s <= t, score[t, s], -inf))
       y[t, d] = sum[s](weight[t, s] * z[s, d]) output y loss sum(y)`,
      "a softmax or logsumexp over steps of T at every step, more of them with every batch, in `weight`",
    ],
    ["y[t, d] = z[t, d] - max[s](z[s, d]) output y loss sum(y)", "a maximum over all of T, read at every step, in `y`"],
    ["y[t, d] = z[t, d] / T output y loss sum(y)", "the number of steps T, read at every step, in `y`"],
    ["y[t, d] = z[t, d] * sums[T - 1, d] output y loss sum(y)", "the last step of T, read at every step, in `y`"],
    ["y[t, d] = z[t, d] * (z[3, d] else 0) output y loss sum(y)", "a look-up among steps of T by number, in `y`"],
    ["output z loss sum(z)", "no step of T reads anything of the steps before"],
    ["output sums", "it states no loss"],
  ])("%s", (body, reason) => {
    const module = runPipeline(moduleOf(model(body), { stateful: true }), { verify: true });
    expect(module.carryRefusal).toBe(reason);
    expect(module.graphs).toEqual(runPipeline(moduleOf(model(body))).graphs);
    expect(parseModule(printModule(module))).toEqual(module);
  });

  it("an input of every pair of steps", () => {
    const text = model("y[t, d] = sums[t, d] * pair[t, t] output y loss sum(y)", ", pair: [T, T]");
    const { carryRefusal } = runPipeline(moduleOf(text, { stateful: true }), { verify: true });
    expect(carryRefusal).toBe("every pair of steps of T, in `pair`");
  });

  it("a length that is not there, an input that has the name of the flags, a look back along a ragged length", () => {
    const refusal = (text: string) => runPipeline(moduleOf(text, { stateful: true }), { verify: true }).carryRefusal;
    expect(refusal("model M(D = 2) { input x: [D] param w: [D] ~ ones y = w * x output y loss sum(y) }")).toBe(
      "no length",
    );
    expect(refusal(model("y[t, d] = sums[t, d] * reset[d] output y loss sum(y)", ", reset: [D]"))).toBe(
      "`reset` names the examples that begin anew, so no input may have that name",
    );
    expect(refusal(model("y[t, d] = sums[t, d] + (z[t - 1, d] else 0) output y loss sum(y) length T ragged"))).toBe(
      "a look back along T, along which examples end, in `y`",
    );
  });
});

describe("what else may stand in a model that carries", () => {
  it("outputs that look ahead, as long as the loss does not", () => {
    carrying(model("y[t, d] = z[t + 1, d] else 0 output y loss sum(sums)"));
  });

  it("dropout: its draws are those of the batch's own step of training", () => {
    const dropped = (rate: number) =>
      carrying(model(`y = dropout(sums, ${rate}) output y loss sum[t](sum[d](y[t, d]) + t)`)).graphs;
    const { train, evaluate } = dropped(0.5);
    const args = randomArguments(moduleOf(model("output sums loss sum(sums)")), chunk, 4);
    const after = runBatch(dropped(0).evaluate!, args, chunk);
    expect(runBatch(evaluate!, args, chunk, after)).toEqual(runBatch(dropped(0).evaluate!, args, chunk, after));
    const losses = [1, 2].map((step) => runBatch(train!, args, { ...chunk, [STEP]: step }, after)["loss:loss"].data[0]);
    expect(losses[0]).not.toBe(losses[1]);
  });

  it("ragged lengths: the state is that at the example's own end", () => {
    const module = carrying(model("y[t, d] = sums[t, d] * t output y loss sum(y) length T ragged"));
    const args = randomArguments(module, chunk, 4);
    const ends = [SIZE, 2, 3];
    const first = runBatch(module.graphs.evaluate!, args, chunk);
    const ragged = runBatch(module.graphs.train!, { ...args, T: ndarray([3], ends) }, chunk, first);
    expect(ragged["state:steps"].data).toEqual(first["state:steps"].data.map((n, i) => n + ends[i]));
    for (const [example, end] of ends.entries()) {
      const short = { ...cut(module, args, 0, end), T: ndarray([3], [end, end, end]) };
      const alone = runBatch(module.graphs.train!, short, { ...chunk, T: end }, first);
      const of = ({ "state:total.s": { data } }: Arrays) => Array.from(data.subarray(2 * example, 2 * example + 2));
      expect(of(ragged)).toEqual(of(alone));
    }
  });
});
