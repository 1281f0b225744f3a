/** @file Ragged batches on the device: kernels against the interpreter, and what a model does with lengths given to it. */

import { describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import type { InputArray } from "../../runtime/validate.js";
import { BATCH, type Dim, type Port } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import type { Arrays } from "../lower/support.js";
import { checkpointOf, compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { runOnDevice } from "../support/ladder.js";
import { evaluate, mapPlaces, raggedArguments } from "./examples.js";
import { models } from "./models.js";

const TOLERANCE = 1e-5;

/** One for each kind of kernel that meets an end: loops both ways, sums, products, look-ups ahead. */
const CHOSEN = [
  "both ends of a bidirectional net",
  "attention over the future",
  "reductions over everything",
  "convolutions over past, future and both",
];

test.each(CHOSEN)("%s", async (name) => {
  const { module } = compileText(models[name].text);
  const sizes = { T: 5, [BATCH]: 3 };
  const args = raggedArguments(module, sizes, 7);
  const want = evaluate(module, "train", args, sizes);
  const got = await runOnDevice(present(module.graphs.train, "test", "train"), args, sizes);
  for (const [key, { data }] of Object.entries(want)) {
    expect(relativeError(got[key].data, data), key).toBeLessThan(TOLERANCE);
  }
});

describe("a model", () => {
  const compiled = compileText(`model M(D = 3) {
    length S ragged, T ragged
    input source: [S, D], x: [T, D]
    target want: [T, D]
    param a: [D] ~ ones
    guess[t, d] = (a[d] * x[t, d] + max[s](a[d] * source[s, d])) / norm[i](x[t, i])
    output guess
    loss mse(guess, want)
  }`);
  const tagger = compileText(`model Tagger(V = 5, K = 4) {
    length T ragged
    input token: [T] id(V)
    target tag: [T] id(K)
    param E: [V, K] ~ normal
    logits[t, k] = E[token[t], k] + mean[s](E[token[s], k])
    output logits
    loss cross_entropy(logits, tag)
    metric accuracy(logits, tag)
  }`);
  const sizes = { S: 4, T: 5, [BATCH]: 3 };
  const options = { batch: 3, length: { S: 4, T: 5 } };

  /** What a user hands over, `past` where an example has no step. */
  function arrays(
    { inputs, targets }: { inputs: readonly Port[]; targets: readonly Port[] },
    args: Arrays,
    past: number,
  ) {
    const entries = [...inputs, ...targets].map(({ name, elem, shape }): [string, InputArray] => {
      const dims: readonly Dim[] = [BATCH, ...shape];
      const { data } = mapPlaces(args[name], dims, args, (value, real) => (real ? value : past));
      return [name, elem === "f32" ? Float32Array.from(data) : Int32Array.from(data)];
    });
    return Object.fromEntries(entries);
  }

  async function modelOf({ manifest, module }: typeof compiled, args: Arrays) {
    const model = await Model.create(await testDevice(), manifest);
    model.load(
      checkpointOf(manifest, Object.fromEntries(module.parameters.map(({ name }) => [name, args[name].data]))),
    );
    return model;
  }

  test("looks at nothing past the end of an example", async () => {
    const { module } = compiled;
    const args = raggedArguments(module, sizes, 3);
    const want = evaluate(module, "train", args, sizes);
    const model = await modelOf(compiled, args);
    const ends = { S: Int32Array.from(args.S.data), T: Uint8Array.from(args.T.data) };
    const batch = { ...arrays(module, args, Number.NaN), ...ends };
    const trainer = await model.trainer({ ...options, optimizer: { learningRate: 0 } });
    const { loss } = await trainer.trainStep(batch);
    expect(relativeError([await loss], want["loss:loss"].data)).toBeLessThan(TOLERANCE);
    for (const [name, gradient] of Object.entries(await trainer.gradients())) {
      expect(relativeError(gradient, want[`grad:${name}`].data), name).toBeLessThan(TOLERANCE);
    }
    expect((await model.evaluate(batch, options)).loss).toBeCloseTo(await loss, 5);
    const inputs = arrays({ inputs: module.inputs, targets: [] }, args, Number.NaN);
    const { guess } = await model.predict({ ...inputs, ...ends }, options);
    expect(relativeError(guess, evaluate(module, "predict", args, sizes)["output:guess"].data)).toBeLessThan(TOLERANCE);
    model.destroy();
  });

  test("takes every example as long as the batch where no lengths are given", async () => {
    const { module } = tagger;
    const args = raggedArguments(module, sizes, 4);
    args.T.data.fill(5);
    const model = await modelOf(tagger, args);
    const batch = arrays(module, args, 0);
    const { loss, metrics } = await model.evaluate(batch, { batch: 3, length: 5 });
    const want = evaluate(module, "evaluate", args, sizes);
    expect(
      relativeError([loss, metrics.accuracy], [want["loss:loss"].data[0], want["metric:accuracy"].data[0]]),
    ).toBeLessThan(TOLERANCE);
    model.destroy();
  });

  test("takes ids past the end for what they are, nothing, and refuses lengths that are none", async () => {
    const { module } = tagger;
    const args = raggedArguments(module, sizes, 4);
    const model = await modelOf(tagger, args);
    const batch = arrays(module, args, -100);
    const run = (T: InputArray) => model.evaluate({ ...batch, T }, { batch: 3, length: 5 });
    const { loss } = await run(Int32Array.from(args.T.data));
    expect(relativeError([loss], evaluate(module, "evaluate", args, sizes)["loss:loss"].data)).toBeLessThan(TOLERANCE);
    await expect(run(Int32Array.of(5, 0, 2))).rejects.toThrow("`T` is 0 at [1]: an example has from 1 to 5 steps");
    await expect(run(Int32Array.of(5, 1, 6))).rejects.toThrow("`T` is 6 at [2]: an example has from 1 to 5 steps");
    await expect(run(Int32Array.of(5, 1))).rejects.toThrow("`T` has 2 elements and needs 3: batch 3");
    await expect(run(Float32Array.of(5, 1, 2))).rejects.toThrow("`T` must be a Int32Array or");
    model.destroy();
  });

  test("streams along one length what ends along another", async () => {
    const text = `model M(D = 3) {
      length S ragged, T ragged
      input source: [S, D], x: [T, D]
      guess[t, d] = x[t, d] * max[s](source[s, d]) + (x[t - 1, d] else 0)
      output guess
    }`;
    const translator = compileText(text);
    const args = raggedArguments(translator.module, sizes, 5);
    args.T.data.fill(5);
    const { x, source } = arrays(translator.module, args, -100);
    const model = await modelOf(translator, args);
    const S = Int32Array.from(args.S.data);
    const { guess } = await model.predict({ x, source, S }, options);
    const stream = await model.stream({ batch: 3, length: { S: 4 }, inputs: { source, S } });
    for (let t = 0; t < 5; t++) {
      const at = (array: InputArray) =>
        Float32Array.from([0, 1, 2].flatMap((b) => [...array.subarray(15 * b + 3 * t)].slice(0, 3)));
      expect(relativeError((await stream.step({ x: at(x) })).guess, at(guess))).toBeLessThan(TOLERANCE);
    }
    model.destroy();
  });
});
