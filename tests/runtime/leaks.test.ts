/** @file What is made is freed: by `destroy`, by `using`, and by whatever fails half-way. */

import { expect, test } from "vitest";
import { liveObjects } from "../../runtime/live-objects.js";
import type { Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { testDevice } from "../support/device.js";
import { affine, decaying, IN, OUT } from "./manifests.js";
import { randomArray } from "./support.js";

const NOTHING = { buffers: 0, bytes: 0 };
const batch = { x: randomArray(2 * IN, 1), t: randomArray(2 * OUT, 2) };

test("1,000 models that train, predict and are destroyed leave nothing", async () => {
  const device = await testDevice();
  expect(liveObjects(device)).toEqual(NOTHING);
  let first: unknown;
  for (let cycle = 0; cycle < 1000; cycle++) {
    const model = await Model.create(device, affine, { seed: cycle });
    const trainer = await model.trainer({ batch: 2 });
    const { loss } = await trainer.trainStep(batch);
    expect(await loss).toBeGreaterThan(0);
    await model.predict({ x: batch.x }, { batch: 2 });
    first ??= liveObjects(device);
    expect(liveObjects(device)).toEqual(first);
    model.destroy();
    expect(liveObjects(device)).toEqual(NOTHING);
  }
});

test("a trainer and a stream free what is theirs, the model the rest", async () => {
  const device = await testDevice();
  const model = await Model.create(device, decaying);
  const alone = liveObjects(device);
  const stream = await model.stream({ batch: 2 });
  for (let step = 0; step < 5; step++) await stream.step({ x: randomArray(2 * IN, step) });
  expect(liveObjects(device).buffers).toBeGreaterThan(alone.buffers);
  stream.destroy();
  expect(liveObjects(device)).toEqual(alone);
  model.destroy();
  expect(liveObjects(device)).toEqual(NOTHING);
});

test("`using` and `await using` destroy", async () => {
  const device = await testDevice();
  {
    await using model = await Model.create(device, affine);
    using trainer = await model.trainer({ batch: 2 });
    await (await trainer.trainStep(batch)).loss;
    expect(liveObjects(device).bytes).toBeGreaterThan(0);
  }
  expect(liveObjects(device)).toEqual(NOTHING);
});

test("what fails while it is made leaves nothing", async () => {
  const device = await testDevice();
  const broken: Manifest = { ...affine, wgsl: `${affine.wgsl}\nnonsense` };
  const model = await Model.create(device, broken);
  const before = liveObjects(device);
  await expect(model.trainer({ batch: 2 })).rejects.toThrow("invalid WGSL");
  await expect(model.predict({ x: batch.x }, { batch: 2 })).rejects.toThrow("invalid WGSL");
  expect(liveObjects(device)).toEqual(before);
  model.destroy();
  expect(liveObjects(device)).toEqual(NOTHING);
});
