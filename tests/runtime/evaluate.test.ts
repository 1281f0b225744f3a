/** @file Evaluations over many batches: the mean over examples, iterators that end or fail, aborts. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { distance, randomArray } from "./support.js";

const IN = 3;
const { manifest } = compileText(`model Line(D = ${IN}) {
  input x: [D]
  target t: f32
  param w: [D] ~ normal(0, 1)
  error = sum[d](w[d] * x[d]) - t
  loss error * error
  metric size = abs(error)
}`);

type Batch = { readonly x: Float32Array; readonly t: Float32Array };
const batchOf = (examples: number, seed: number): Batch => ({
  x: randomArray(examples * IN, seed),
  t: randomArray(examples, seed + 100),
});

/** Mean loss and metric over the examples of all batches. */
function reference(w: Float32Array, batches: readonly Batch[]): [loss: number, size: number] {
  const errors = batches.flatMap(({ x, t }) =>
    [...t].map((target, row) => w.reduce((sum, weight, i) => sum + weight * x[row * IN + i], 0) - target),
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean(errors.map((e) => e * e)), mean(errors.map(Math.abs))];
}

let model: Model;
beforeAll(async () => {
  model = await Model.create(await testDevice(), manifest, { seed: 3 });
});
afterAll(() => model.destroy());

const sizes = { batch: 4 };
const batches = [...[1, 2, 3, 4, 5, 6].map((seed) => batchOf(4, seed)), batchOf(1, 7)];

async function* later<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield value;
  }
}

describe("over batches", () => {
  test("is the mean over all examples, from whatever gives them", async () => {
    const { w } = await model.parameters();
    const expected = reference(w, batches);
    for (const source of [batches, () => batches, later(batches), async () => later(batches), batches.values()]) {
      const { loss, metrics } = await model.evaluate(source, sizes);
      expect(distance([loss, metrics.size], expected)).toBeLessThan(1e-6);
    }
    // That of a mean of means is another.
    const means = batches.map((batch) => reference(w, [batch])[0]);
    expect(Math.abs(means.reduce((sum, each) => sum + each, 0) / means.length - expected[0])).toBeGreaterThan(0.01);
  });

  test("of none, or of a generator that was used up, is refused", async () => {
    await expect(model.evaluate([], sizes)).rejects.toThrow("the batches to evaluate on: there is none");
    const generator = batches.values();
    await model.evaluate(generator, sizes);
    await expect(model.evaluate(generator, sizes)).rejects.toThrow("gone through");
  });

  test("ends with the first error, of a batch or of its source", async () => {
    const bad = batchOf(4, 8);
    bad.x[5] = Number.NaN;
    let returned = false;
    function* source(last: Batch) {
      try {
        yield* [batches[0], last, batches[1]];
        throw new Error("the file ends");
      } finally {
        returned = true;
      }
    }
    await expect(model.evaluate(source(bad), sizes)).rejects.toThrow("input `x` is NaN at [1, 2]");
    expect(returned).toBe(true);
    await expect(model.evaluate(source(batches[2]), sizes)).rejects.toThrow("the file ends");
    await expect(model.evaluate([batchOf(5, 1)], sizes)).rejects.toThrow("batch 4");
  });

  test("can be aborted, also while its source is silent", async () => {
    const controller = new AbortController();
    let returned = false;
    const source: AsyncIterable<Batch> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          setTimeout(() => controller.abort(new Error("enough")), 5);
          return new Promise(() => {});
        },
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(model.evaluate(source, { ...sizes, signal: controller.signal })).rejects.toThrow("enough");
    expect(returned).toBe(true);
    await expect(model.evaluate(batches, { ...sizes, signal: controller.signal })).rejects.toThrow("enough");
    expect((await model.evaluate(batches, sizes)).loss).toBeGreaterThan(0);
  });
});
