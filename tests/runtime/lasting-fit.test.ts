/** @file A fit whose device is lost goes on on another, to the same bits. */

import { afterEach, expect, test } from "vitest";
import type { CheckpointStore } from "../../runtime/checkpoint-store.js";
import { DeviceLostError } from "../../runtime/errors.js";
import type { StepRecord } from "../../runtime/fit-options.js";
import { fitThroughLosses } from "../../runtime/lasting-fit.js";
import { Model } from "../../runtime/model.js";
import { anotherDevice } from "../support/device.js";
import { affine, IN, OUT } from "./manifests.js";
import { randomArray } from "./support.js";

const STEPS = 23;
const devices: GPUDevice[] = [];
afterEach(() => {
  for (const device of devices.splice(0)) device.destroy();
});

async function make() {
  const device = await anotherDevice();
  devices.push(device);
  const model = await Model.create(device, affine, { seed: 4 });
  return model.trainer({ batch: 2, clipNorm: 1, optimizer: { learningRate: 0.1 } });
}

/** Seven a pass. */
function* batchesFrom(step: number) {
  for (let at = step; at < step + 7; at++) yield { x: randomArray(2 * IN, at), t: randomArray(2 * OUT, 1000 + at) };
}

function memory(): CheckpointStore & { readonly saved: Uint8Array[] } {
  const saved: Uint8Array[] = [];
  return {
    saved,
    save: async (bytes) => {
      saved.push(bytes);
    },
    load: async () => saved.at(-1),
  };
}

/** Destroys the newest device after each of these steps, once. */
function losing(...steps: number[]) {
  const told: number[] = [];
  const left = new Set(steps);
  const onStepEnd = ({ step }: StepRecord) => {
    told.push(step);
    if (left.delete(step)) devices.at(-1)?.destroy();
  };
  return { told, onStepEnd };
}

test("ends as a run without losses does, whenever they come", async () => {
  const whole = await (await fitThroughLosses(make, batchesFrom, { steps: STEPS, store: memory(), every: 5 })).save();
  for (const steps of [[3], [11], [5, 12, 22]]) {
    const { told, ...callbacks } = losing(...steps);
    const store = memory();
    const trainer = await fitThroughLosses(make, batchesFrom, { steps: STEPS, store, every: 5, callbacks });
    expect(await trainer.save()).toEqual(whole);
    expect(store.saved.at(-1)).toEqual(whole);
    expect(told.at(-1)).toBe(STEPS);
    // Of those that are in a checkpoint and were on their way at the loss: three at most.
    expect(new Set(told).size).toBeGreaterThanOrEqual(STEPS - 3 * steps.length);
  }
});

test("goes on from the checkpoint that is there", async () => {
  const whole = await (await fitThroughLosses(make, batchesFrom, { steps: STEPS, store: memory() })).save();
  const store = memory();
  await fitThroughLosses(make, batchesFrom, { steps: 9, store });
  const told: number[] = [];
  const callbacks = { onStepEnd: ({ step }: StepRecord) => void told.push(step) };
  const trainer = await fitThroughLosses(make, batchesFrom, { steps: STEPS, store, callbacks });
  expect(await trainer.save()).toEqual(whole);
  expect(told[0]).toBe(10);
  const made = devices.length;
  await fitThroughLosses(make, batchesFrom, { steps: STEPS, store });
  expect(devices.length).toBe(made + 1);
});

test("gives up where no checkpoint is reached any more", async () => {
  const callbacks = { onStepEnd: () => devices.at(-1)?.destroy() };
  const lost = fitThroughLosses(make, batchesFrom, { steps: STEPS, store: memory(), every: 5, callbacks });
  await expect(lost).rejects.toThrow(DeviceLostError);
  expect(devices.length).toBe(3);
});

test("other errors end it at once", async () => {
  const callbacks = {
    onStepEnd() {
      throw new Error("mine");
    },
  };
  const failed = fitThroughLosses(make, batchesFrom, { steps: STEPS, store: memory(), callbacks });
  await expect(failed).rejects.toThrow("mine");
  expect(devices.length).toBe(1);
  await expect(fitThroughLosses(make, batchesFrom, { steps: 0, store: memory() })).rejects.toThrow("`steps`");
});
