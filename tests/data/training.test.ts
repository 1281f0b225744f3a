/** @file A trainer on the device takes what loaders give: a task is learned, and a run goes on to the same bits from a position. */

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { contiguousWindows, createTask, type DataLoader, randomWindows, Vocabulary } from "../../runtime/data/index.js";
import { Model } from "../../runtime/model.js";
import type { Trainer } from "../../runtime/trainer.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const manifestOf = (file: string, set: Readonly<Record<string, number>>) =>
  compileText(readFileSync(new URL(`../../specs/models/${file}`, import.meta.url), "utf8"), set).manifest;

async function train<Batch extends object>(trainer: Trainer<Batch>, batches: DataLoader<Batch>, steps: number) {
  const losses: Promise<number>[] = [];
  for (let step = 0; step < steps; step++) losses.push((await trainer.trainStep(batches.next())).loss);
  return Promise.all(losses);
}

test("an LSTM learns to add, and is judged by other examples", async () => {
  const task = createTask({ type: "adding", length: 4 });
  const model = await Model.create(device, manifestOf(task.spec.file, { ...task.spec.set, H: 12 }), { seed: 1 });
  const sizes = { batch: 32, length: task.length };
  const trainer = await model.trainer({ ...sizes, optimizer: { type: "adamw", learningRate: 0.03 } });
  const losses = await train(trainer, task.batches({ batch: 32, seed: 2 }), 300);
  expect(losses[0]).toBeGreaterThan(task.baseline);
  for (const batch of task.validation({ batch: 32, batches: 3, seed: 2 })) {
    const { loss, metrics } = await model.evaluate(batch, sizes);
    expect(loss).toBeLessThan(task.baseline / 4);
    expect(metrics[task.metric]).toBeGreaterThan(0.25);
  }
  model.destroy();
});

test("a run that goes on from a saved position has the losses of one that never stopped", async () => {
  const vocabulary = Vocabulary.of("the rain in spain stays mainly in the plain. ");
  const ids = vocabulary.encode("the rain in spain stays mainly in the plain. ".repeat(5));
  const sizes = { batch: 4, length: 8 };
  const manifest = manifestOf("char-lm.seq", { V: vocabulary.size, E: 5, H: 6 });
  const begin = async () => {
    const model = await Model.create(device, manifest, { seed: 3 });
    return { model, trainer: await model.trainer({ ...sizes, seed: 3 }), batches: randomWindows(ids, sizes) };
  };
  const whole = await begin();
  const losses = await train(whole.trainer, whole.batches, 6);
  const first = await begin();
  await train(first.trainer, first.batches, 3);
  const saved = { trainer: await first.trainer.save(), data: JSON.stringify(first.batches.state()) };
  const second = await begin();
  await second.trainer.load(saved.trainer);
  second.batches.restore(JSON.parse(saved.data));
  expect(await train(second.trainer, second.batches, 3)).toEqual(losses.slice(3));
  const streamed = contiguousWindows(ids, sizes).map(({ tokens, next }) => ({ tokens, next }));
  expect((await train(whole.trainer, streamed, 2)).every(Number.isFinite)).toBe(true);
  for (const { model } of [whole, first, second]) model.destroy();
});
