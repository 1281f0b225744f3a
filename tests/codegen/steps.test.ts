/** @file Loops done a dispatch a step: which may be, how many dispatches a step takes, and that they compute what the interpreter does. */

import { describe, expect, test } from "vitest";
import { variantsOf } from "../../runtime/variants.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { BATCH, LOSS_SCALE } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { agreesOnDevice, compiles, type Runner } from "../fuzz/properties.js";
import type { Spec } from "../fuzz/spec.js";
import { randomArguments } from "../lower/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** Every loop with a product is done a dispatch a step. */
const stepwise: Runner = (graph, args, sizes) =>
  runOnDevice(graph, args, sizes, Number.POSITIVE_INFINITY, undefined, 1);

/** The dispatches of a step, of each loop that may be done so. */
function dispatches(text: string, wide?: number): readonly number[] {
  const { module } = present(compiles({ text, lengths: {}, seed: 1 }), "test", "the model");
  const { program } = compileGraph(present(module.graphs.train, "test", "a training step"), "f32", wide);
  return program.dispatches
    .flatMap(variantsOf)
    .flatMap(({ steps }) => (steps === undefined ? [] : [1 + steps.others.length]));
}

const standard =
  (name: string, file: string) =>
  (H: number, I: number): string =>
    `
    import { ${name} } from "std/${file}"
    model M(I = ${I}, H = ${H}) {
      input x: [T, I]
      target goal: [T, H]
      use rnn = ${name}(I, H)
      v = scan rnn(x)
      output v
      loss mse(v, goal)
    }`;

const lstm = standard("LSTM", "lstm");
const gru = standard("GRU", "gru");

/** A cell whose states, outputs and initial states are of every kind there is: learned, given, shared, kept, swapped. */
const states = (H: number, I: number) => `
  cell Cell(I, H) {
    input x: [I]
    param W: [H, I] ~ normal(0, 0.5), U: [H, H] ~ normal(0, 0.3), V: [H, H + 1] ~ normal(0, 0.3)
    param start: [H] ~ normal(0, 1), p: [H] ~ normal(0, 1)
    state h: [H] = start, g: [H], old: [H] = start, count: [1]
    m = V @ concat(g, count)
    h' = tanh(W @ x + U @ h + m)
    g' = h * p
    old' = h
    count' = 0.5 * count + mean(h * old)
    y = h' + old
    output y, count'
  }
  model M(I = ${I}, H = ${H}) {
    input x: [T, I], given: [H]
    use loop = Cell(I, H)
    y, count, end = scan loop(x) from { g: given }
    output y
    output last = end.h
    loss mean(sin(y)) + mean(count) + mean(end.g * end.old)
  }`;

/** Gates that are kept whole and in parts, a sum of which only parts are needed, and a concat of unlike parts. */
const pieces = (H: number, I: number) => `
  cell Cell(I, H) {
    input x: [I]
    param U: [3 * H, H] ~ normal(0, 0.3), V: [2, H] ~ normal(0, 0.3), p: [3 * H] ~ normal(0, 1), W: [H, 3 * H + 2 + I] ~ normal(0, 0.3)
    state h: [H], all: [3 * H]
    gates = sigmoid(U @ h + p * all)
    a, b, c = split(gates, 3)
    top[k] = max[i: H](V[k, i] * h[i])
    q, r = split(top, 2)
    all' = gates * concat(b, c, h)
    h' = tanh(W @ concat(gates, top, x)) * a + q[0] * b + r[0] * c
    output h'
  }
  model M(I = ${I}, H = ${H}) {
    input x: [T, I]
    use loop = Cell(I, H)
    h = scan loop(x)
    output h
    loss mean(sin(h))
  }`;

/** The states of a step look at each other and at all of themselves by a softmax. */
const attention = (H: number, I: number) => `
  cell Cell(I, H) {
    input x: [I]
    param K: [H, H] ~ normal(0, 0.3), Q: [H, H] ~ normal(0, 0.3), W: [H, I] ~ normal(0, 0.5)
    state h: [H], s: [H]
    weight = softmax((K @ h) * (Q @ s))
    s' = s + weight * mean(h)
    h' = tanh(W @ x + h) * max[i](weight[i]) + 0.1 * s'
    output h'
  }
  model M(I = ${I}, H = ${H}) {
    input x: [T, I]
    use loop = Cell(I, H)
    h = scan loop(x)
    output h
    loss mean(sin(h))
  }`;

const backwards = (H: number, I: number) => lstm(H, I).replace("scan rnn", "scan reverse rnn");
const ragged = (H: number, I: number) => gru(H, I).replace("input x", "length T ragged\n input x");

const decoder = (H: number, I: number) => `
  import { BahdanauDecoder } from "std/bahdanau-decoder"
  model M(I = ${I}, H = ${H}, E = ${I + 2}) {
    input y: [T, I], enc: [S, E]
    use decoder = BahdanauDecoder(I, E, H)
    s, c = scan decoder(y, enc)
    output s
    loss mean(sin(s)) + mean(c)
  }`;

const cells = {
  LSTM: lstm,
  GRU: gru,
  "GRU with the gate before the product": standard("GRUConcat", "gru-concat"),
  "LSTM with peepholes": standard("LSTMPeephole", "lstm-peephole"),
  "states of every kind": states,
  "pieces and wholes": pieces,
  "sums within a step": attention,
  "the reversed scan": backwards,
  "ragged lengths": ragged,
  "a decoder that attends": decoder,
};

const shapes = [
  { H: 1, I: 1, batch: 1, T: 1 },
  { H: 37, I: 2, batch: 1, T: 3 },
  { H: 33, I: 3, batch: 5, T: 2 },
  { H: 129, I: 1, batch: 6, T: 2 },
] as const;

describe.each(Object.entries(cells))("%s", (_, text) => {
  test.each(shapes)("H $H, I $I, batch $batch, T $T", async ({ H, I, batch, T }) => {
    const spec: Spec = { text: text(H, I), lengths: { [BATCH]: batch, T, S: T + 1 }, seed: H };
    expect(dispatches(spec.text, 1).length).toBeGreaterThan(0);
    await agreesOnDevice(spec, present(compiles(spec), "test", "the model"), stepwise);
  });
});

test("stored as f16, a step reads of itself what is not rounded", async () => {
  const sizes = { [BATCH]: 3, T: 4, [LOSS_SCALE]: 1024 };
  const { module } = compileText(lstm(37, 2), {}, "f16");
  const train = present(module.graphs.train, "test", "a training step");
  const args = randomArguments(module, sizes, 1);
  const want = evaluateGraph(train, args, sizes);
  const whole = await runOnDevice(train, args, sizes, 0, "rounded to f16");
  const stepped = await runOnDevice(train, args, sizes, Number.POSITIVE_INFINITY, "rounded to f16", 1);
  for (const [name, { data }] of Object.entries(want)) {
    expect(relativeError(stepped[name].data, whole[name].data)).toBeLessThan(1e-4);
    expect(relativeError(stepped[name].data, data)).toBeLessThan(4 * 2 ** -11);
  }
});

describe("which loops", () => {
  test("have products over a wide axis", () => {
    expect(dispatches(lstm(128, 3))).toHaveLength(2);
    expect(dispatches(lstm(31, 3))).toEqual([]);
  });
  test("not those whose states do not meet", () => {
    expect(dispatches(standard("IndRNN", "indrnn")(256, 3))).toEqual([]);
  });
});

test.each([
  ["LSTM", lstm, [1, 2]],
  ["GRU", gru, [1, 2]],
  ["GRU with the gate before the product", cells["GRU with the gate before the product"], [2, 3]],
] as const)("dispatches of a step of %s, forward and back", (_, text, expected) => {
  expect(dispatches(text(128, 3))).toEqual(expected);
});
