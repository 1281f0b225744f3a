/** @file Training that goes on from a save, bit for bit, whatever the optimizer; and saves that do not fit. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../runtime/model.js";
import type { OptimizerOptions } from "../../runtime/optimizer.js";
import { decodeSafetensors } from "../../runtime/safetensors.js";
import type { TrainingOptions } from "../../runtime/training-options.js";
import { testDevice } from "../support/device.js";
import { flatOf, gradientsOf, type LinearBatch, linearManifest, linearModel } from "./linear.js";
import { randomArray } from "./support.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const manifest = linearManifest([
  { name: "W", shape: [6, 9], kind: "decayed" },
  { name: "b", shape: [6], kind: "plain" },
  { name: "fixed", shape: [2], kind: "frozen" },
]);
const batchOf = (seed: number) => gradientsOf(randomArray(manifest.layout.trainable, seed));

async function trainerOf(options: TrainingOptions, seed = 1) {
  const model: Model<LinearBatch> = await linearModel(device, manifest, seed);
  return { model, trainer: await model.trainer({ batch: 1, ...options }) };
}

const SCHEDULE = { type: "cosine", peak: 0.1, warmup: 2, steps: 9 } as const;
const OPTIMIZERS: readonly OptimizerOptions[] = [
  { type: "sgd", learningRate: SCHEDULE },
  { type: "sgd", learningRate: SCHEDULE, momentum: 0.9 },
  { type: "rmsprop", momentum: 0.5, centered: true },
  "adam",
  { learningRate: SCHEDULE },
  "lion",
  { type: "muon", learningRate: SCHEDULE },
];

describe.each(OPTIMIZERS.map((optimizer) => ({ name: JSON.stringify(optimizer), optimizer })))(
  "$name",
  ({ optimizer }) => {
    test.each([
      { accumulate: 1, before: 4 },
      { accumulate: 3, before: 5 },
    ])(
      "goes on after $before steps, $accumulate an update, as if it had not stopped",
      async ({ accumulate, before }) => {
        const options = { optimizer, accumulate, clipNorm: 1 };
        const [whole, broken, resumed] = await Promise.all([1, 1, 2].map((seed) => trainerOf(options, seed)));
        for (let step = 1; step <= 9; step++) await whole.trainer.trainStep(batchOf(step));
        for (let step = 1; step <= before; step++) await broken.trainer.trainStep(batchOf(step));
        await resumed.trainer.load(await broken.trainer.save());
        for (let step = before + 1; step <= 9; step++) {
          expect((await resumed.trainer.trainStep(batchOf(step))).step).toBe(step);
        }
        expect(await flatOf(resumed.model)).toEqual(await flatOf(whole.model));
        expect(resumed.trainer.learningRate).toBe(whole.trainer.learningRate);
        for (const { model } of [whole, broken, resumed]) model.destroy();
      },
    );
  },
);

test.each([
  ["loss", gradientsOf(new Float32Array(manifest.layout.trainable).fill(3e38), 1e-38)],
  ["gradient", gradientsOf(new Float32Array(manifest.layout.trainable).fill(1e30), 1e30)],
])("a %s that is not finite is not forgotten while it waits for an update", async (_, bad) => {
  const options = { accumulate: 2, onNonFinite: "skip" } as const;
  const [broken, resumed] = [await trainerOf(options), await trainerOf(options, 2)];
  await broken.trainer.trainStep(bad);
  await resumed.trainer.load(await broken.trainer.save());
  const before = await flatOf(resumed.model);
  expect(await (await resumed.trainer.trainStep(batchOf(1))).skipped).toBe(true);
  expect(await flatOf(resumed.model)).toEqual(before);
  for (const { model } of [broken, resumed]) model.destroy();
});

test("a save holds what each parameter's optimizer remembers, under its name", async () => {
  const { model, trainer } = await trainerOf({});
  await trainer.trainStep(batchOf(1));
  const { tensors } = decodeSafetensors(await trainer.save());
  expect([...tensors.keys()]).toEqual(["W", "b", "fixed", "@m.W", "@m.b", "@v.W", "@v.b"]);
  expect(tensors.get("@m.W")?.shape).toEqual([6, 9]);
  model.destroy();
});

describe("what does not fit", () => {
  async function loading(from: TrainingOptions, to: TrainingOptions, steps = 1): Promise<string> {
    const { model, trainer } = await trainerOf(from);
    for (let step = 1; step <= steps; step++) await trainer.trainStep(batchOf(step));
    const other = await trainerOf(to, 2);
    const before = await flatOf(other.model);
    const message = await other.trainer.load(await trainer.save()).then(
      () => "loaded",
      (error: Error) => error.message,
    );
    if (message !== "loaded") expect(await flatOf(other.model)).toEqual(before);
    for (const each of [model, other.model]) each.destroy();
    return message;
  }

  test("another optimizer's state", async () => {
    expect(await loading({ optimizer: "lion" }, { optimizer: "sgd" })).toMatch(
      /holds the state of the optimizer "lion", and this trainer's is "sgd".*model\.load/,
    );
  });

  test("the state of other options", async () => {
    const momentum = { optimizer: { type: "sgd", momentum: 0.9 } } as const;
    expect(await loading(momentum, { optimizer: "sgd" })).toMatch(/optimizer remembers b, this trainer's nothing/);
    expect(await loading({ optimizer: "sgd" }, momentum)).toMatch(/optimizer remembers nothing, this trainer's b/);
  });

  test("more gradients waiting than an update takes", async () => {
    expect(await loading({ accumulate: 4 }, { accumulate: 3 }, 3)).toMatch(
      /gradients of 3 steps waiting.*`accumulate`/,
    );
    expect(await loading({ accumulate: 4 }, { accumulate: 5 }, 3)).toBe("loaded");
  });

  test("a model's save", async () => {
    const { model, trainer } = await trainerOf({});
    await expect(trainer.load(await model.save())).rejects.toThrow("no optimizer's state");
    await trainer.trainStep(batchOf(1));
    const { model: other } = await trainerOf({}, 2);
    other.load(await trainer.save());
    expect(await flatOf(other)).toEqual(await flatOf(model));
    for (const each of [model, other]) each.destroy();
  });
});
