/** @file Losses and gradients that are not finite, by causing them: nothing is learned, and what happens then is as asked for. */

import { beforeAll, describe, expect, test } from "vitest";
import { NonFiniteError } from "../../runtime/errors.js";
import { Model } from "../../runtime/model.js";
import type { TrainingOptions } from "../../runtime/training-options.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { checkpointOf, flatOf, gradientsOf, type LinearBatch, linearManifest, linearModel } from "./linear.js";
import { randomArray } from "./support.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const manifest = linearManifest([
  { name: "W", shape: [20, 30], kind: "decayed" },
  { name: "V", shape: [4, 5], kind: "decayed" },
  { name: "b", shape: [7], kind: "plain" },
]);
const { trainable } = manifest.layout;
const [W, V, b] = manifest.parameters.map(({ offset }) => offset);

const good = (seed: number): LinearBatch => gradientsOf(randomArray(trainable, seed));

/** Gradients of 10⁶⁰, which is infinity, at some places. The loss is finite. */
function badAt(...places: readonly number[]): LinearBatch {
  const x = new Float32Array(trainable).fill(1e-35);
  for (const place of places) x[place] = 1e30;
  return gradientsOf(x, 1e30);
}

/** Gradients of 3, and a loss of infinity. */
const badLoss = gradientsOf(new Float32Array(trainable).fill(3e38), 1e-38);

const OPTIONS = { batch: 1, stepsInFlight: 2, optimizer: { learningRate: 0.05 } } as const;

async function trainerOf(options: TrainingOptions) {
  const model = await linearModel(device, manifest);
  model.load(
    checkpointOf(
      manifest,
      [...randomArray(trainable, 9)].map((p) => 1 + Math.abs(p)),
    ),
  );
  return { model, trainer: await model.trainer({ ...OPTIONS, ...options }) };
}

/** Parameters after these steps. */
async function trained(batches: readonly LinearBatch[], options: TrainingOptions = {}): Promise<number[]> {
  const { model, trainer } = await trainerOf(options);
  for (const batch of batches) await trainer.trainStep(batch);
  return flatOf(model).finally(() => model.destroy());
}

describe("the first that is wrong is named", () => {
  test.each<[string, LinearBatch, string]>([
    ["an infinite gradient", badAt(V + 3), "the gradient of V is not finite"],
    ["several, by the first parameter", badAt(b + 6, W + 599, V), "the gradient of W is not finite"],
    ["a gradient whose square is infinite", gradientsOf(badAt(b).x), "the gradient of b is not finite"],
    ["the loss", badLoss, "the loss is not finite"],
  ])("%s", async (_, batch, message) => {
    const { model, trainer } = await trainerOf({});
    const before = await flatOf(model);
    const step = await trainer.trainStep(batch);
    for (const promise of [step.loss, step.metrics, step.gradNorm, step.skipped]) {
      await expect(promise).rejects.toThrow(`step 1: ${message}, and nothing was updated`);
      await expect(promise).rejects.toBeInstanceOf(NonFiniteError);
    }
    expect(await flatOf(model)).toEqual(before);
    model.destroy();
  });

  test("what is frozen at run time is none of it", async () => {
    const { model, trainer } = await trainerOf({ parameters: { V: { frozen: true } } });
    expect(await (await trainer.trainStep(badAt(V))).skipped).toBe(false);
    expect(await (await trainer.trainStep(good(1))).gradNorm).toBeGreaterThan(1);
    model.destroy();
  });

  test("in a compiled model: the root of a parameter below zero", async () => {
    const compiled = compileText(`model Scaled(D = 6) {
  input x: [D]
  target y: [D]
  param s: [D] ~ ones
  loss mse(sqrt(s) * x, y)
}`);
    const model = await Model.create(device, compiled.manifest);
    model.load(checkpointOf(compiled.manifest, [1, 2, -1, 1, 1, 1]));
    const trainer = await model.trainer({ batch: 3 });
    const step = await trainer.trainStep({ x: randomArray(18, 1), y: randomArray(18, 2) });
    await expect(step.loss).rejects.toThrow(/the loss is not finite/);
    expect([...(await model.parameters()).s]).toEqual([1, 2, -1, 1, 1, 1]);
    model.destroy();
  });
});

describe("error", () => {
  test("a later step throws before it is submitted, at a fixed lag; then training may go on", async () => {
    const { model, trainer } = await trainerOf({});
    await trainer.trainStep(good(1));
    await (await trainer.trainStep(badAt(V))).loss.catch(() => {});
    // Known, but not acted on yet.
    expect((await trainer.trainStep(good(2))).step).toBe(3);
    const before = await flatOf(model);
    await expect(trainer.trainStep(good(3))).rejects.toThrow("step 2: the gradient of V is not finite");
    expect(await flatOf(model)).toEqual(before);
    expect(trainer.skippedSteps).toBe(1);
    expect((await trainer.trainStep(good(3))).step).toBe(4);
    model.destroy();
  });
});

describe("skip", () => {
  test("such a step is as if it had not been: the optimizer does not count it", async () => {
    const { model, trainer } = await trainerOf({ onNonFinite: "skip" });
    const steps = [];
    for (const batch of [good(1), badAt(V), good(2), badLoss, good(3)]) steps.push(await trainer.trainStep(batch));
    expect(await Promise.all(steps.map(({ skipped }) => skipped))).toEqual([false, true, false, true, false]);
    expect(Number.isFinite(await steps[3].loss)).toBe(false);
    expect(await flatOf(model)).toEqual(await trained([good(1), good(2), good(3)]));
    // Counted so many steps later as may be on their way.
    expect(trainer.skippedSteps).toBe(1);
    await trainer.trainStep(good(4));
    expect(trainer.skippedSteps).toBe(2);
    model.destroy();
  });

  test.each([0, 1, 2])("with gradients added up, step %i of three makes the update one", async (at) => {
    const { model, trainer } = await trainerOf({ onNonFinite: "skip", accumulate: 3 });
    const batches = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(good);
    batches[3 + at] = at === 1 ? badLoss : badAt(b);
    const steps = [];
    for (const batch of batches) steps.push(await trainer.trainStep(batch));
    expect(await Promise.all(steps.map(({ skipped }) => skipped))).toEqual(batches.map((_, i) => i === 5));
    const rest = batches.filter((_, i) => i < 3 || i > 5);
    expect(await flatOf(model)).toEqual(await trained(rest, { accumulate: 3 }));
    model.destroy();
  });
});

describe("rollback", () => {
  const onNonFinite = { policy: "rollback", every: 2 } as const;
  const batches = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(good);
  batches[6] = badAt(W);

  test("goes back to the last good snapshot, which is older than the steps on their way", async () => {
    // Step 5 is the last before which a snapshot is made and that is known to be good when step 9 learns of step 7.
    const known = await trained([...batches.slice(0, 4), ...batches.slice(8)]);
    expect(await trained(batches, { onNonFinite })).toEqual(known);
    expect(known).not.toEqual(await trained(batches.toSpliced(6, 1)));
  });

  test("twice the same, whenever the host looks", async () => {
    const { model, trainer } = await trainerOf({ onNonFinite });
    const skipped = [];
    for (const batch of batches) skipped.push(await (await trainer.trainStep(batch)).skipped);
    expect(skipped).toEqual(batches.map((_, i) => i === 6));
    expect(await flatOf(model)).toEqual(await trained(batches, { onNonFinite }));
    model.destroy();
  });

  test("steps that were on their way are not gone back for again", async () => {
    const both = batches.with(7, badAt(V));
    expect(await trained(both, { onNonFinite })).toEqual(await trained([...both.slice(0, 4), ...both.slice(8)]));
  });

  test("without a good snapshot it is an error", async () => {
    const { model, trainer } = await trainerOf({ onNonFinite: "rollback" });
    const { skipped } = await trainer.trainStep(badAt(b));
    expect(await skipped).toBe(true);
    await trainer.trainStep(good(1));
    await expect(trainer.trainStep(good(2))).rejects.toThrow("step 1: the gradient of b is not finite");
    model.destroy();
  });
});

test("options out of range are refused", async () => {
  const model = await linearModel(device, manifest);
  const refused = (options: object) => expect(model.trainer({ batch: 1, ...options })).rejects;
  await refused({ onNonFinite: "ignore" }).toThrow('`onNonFinite` must be "error", "skip" or "rollback"');
  await refused({ onNonFinite: { policy: "rollback", every: 0 } }).toThrow("`onNonFinite.every`");
  await refused({ onNonFinite: { policy: "skip", every: 5 } }).toThrow("unknown option `onNonFinite.every`");
  await refused({ clipValue: -1 }).toThrow("`clipValue`");
  await refused({ accumulate: 1.5 }).toThrow("`accumulate`");
  await refused({ parameters: { "head.*": {} } }).toThrow('`parameters["head.*"]`: Linear has no parameter');
  await refused({ parameters: { W: { learningRate: -1 } } }).toThrow('`parameters["W"].learningRate`');
  await refused({ parameters: { W: { lr: 1 } } }).toThrow('unknown option `parameters["W"].lr`');
  await refused({ optimizer: "adagrad" }).toThrow("`optimizer.type`");
  await refused({ optimizer: { type: "sgd", beta1: 0.9 } }).toThrow("unknown option `optimizer.beta1`");
  await refused({ optimizer: { type: "sgd", nesterov: true } }).toThrow("`optimizer.momentum` above 0");
  await refused({ optimizer: { type: "rmsprop", centered: 1 } }).toThrow("`optimizer.centered` must be true or false");
  await refused({ optimizer: { type: "muon", adamw: { beta2: 1 } } }).toThrow("`optimizer.adamw.beta2`");
  await refused({ optimizer: { type: "muon", adamw: { parameters: ["x"] } } }).toThrow("no parameter x");
  model.destroy();
});
