/** @file A device that is lost: whatever waits for it is told so, once and clearly, and nothing hangs. */

import { expect, test } from "vitest";
import { DeviceLostError } from "../../runtime/errors.js";
import { Model } from "../../runtime/model.js";
import { anotherDevice } from "../support/device.js";
import { affine, decaying, IN, OUT } from "./manifests.js";
import { randomArray } from "./support.js";

const batch = { x: randomArray(2 * IN, 1), t: randomArray(2 * OUT, 2) };
const sizes = { batch: 2 };

type Work = (device: GPUDevice) => Promise<() => Promise<unknown>>;

/** Each begins something on a device and gives what to wait for. */
const works: Readonly<Record<string, Work>> = {
  "the numbers of a step": async (device) => {
    const trainer = await (await Model.create(device, affine)).trainer(sizes);
    const step = await trainer.trainStep(batch);
    return () =>
      Promise.any([step.loss, step.metrics, step.gradNorm, step.skipped]).catch(({ errors }) =>
        Promise.reject(errors[0]),
      );
  },
  "steps in a row": async (device) => {
    const trainer = await (await Model.create(device, affine)).trainer(sizes);
    const steps = Array.from({ length: 20 }, () => trainer.trainStep(batch));
    for (const step of steps) step.catch(() => {});
    return () => steps[19];
  },
  "a fit": async (device) => {
    const trainer = await (await Model.create(device, affine)).trainer(sizes);
    const fit = trainer.fit(() => Array.from({ length: 1000 }, () => batch));
    return () => Promise.resolve(fit);
  },
  "a save": async (device) => {
    const trainer = await (await Model.create(device, affine)).trainer(sizes);
    await trainer.trainStep(batch);
    const saved = trainer.save();
    return () => saved;
  },
  "an evaluation": async (device) => {
    const model = await Model.create(device, affine);
    const evaluation = model.evaluate(batch, sizes);
    return () => evaluation;
  },
  "a prediction": async (device) => {
    const model = await Model.create(device, affine);
    const prediction = model.predict({ x: batch.x }, sizes);
    return () => prediction;
  },
  "a step of a stream": async (device) => {
    const stream = await (await Model.create(device, decaying)).stream(sizes);
    const step = stream.step({ x: batch.x });
    return () => step;
  },
  "a trainer being made": async (device) => {
    const model = await Model.create(device, affine);
    const trainer = model.trainer(sizes);
    return () => trainer;
  },
};

test.each(Object.entries(works))("%s is refused with the one error", async (_, work) => {
  const device = await anotherDevice();
  const waiting = await work(device);
  const outcome = waiting();
  outcome.catch(() => {});
  device.destroy();
  await expect(outcome).rejects.toThrow(DeviceLostError);
  await expect(outcome).rejects.toThrow("the GPU device was destroyed: request a new one");
});
