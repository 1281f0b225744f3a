/** @file Devices: a lost one stops training with a clear error, and a process with a live one ends well. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { requestDevice } from "../../runtime/device.js";
import { DeviceError } from "../../runtime/errors.js";
import { DeviceGuard } from "../../runtime/guard.js";
import { liveObjects } from "../../runtime/live-objects.js";
import { Model } from "../../runtime/model.js";
import { requestNodeDevice } from "../../runtime/node.js";
import { affine, IN, OUT } from "./manifests.js";
import { randomArray } from "./support.js";

test("the adapter is named, and its own limits are the device's", async () => {
  const { device, adapter } = await requestNodeDevice({ features: ["timestamp-query"] });
  expect(adapter.name).not.toBe("");
  expect(device.limits.maxBufferSize).toBeGreaterThanOrEqual(256 * 2 ** 20);
  device.destroy();
});

test("a lost device rejects later steps instead of training on", async () => {
  const { device } = await requestNodeDevice();
  const model = await Model.create(device, affine);
  const trainer = await model.trainer({ batch: 2 });
  const batch = { x: randomArray(2 * IN, 1), t: randomArray(2 * OUT, 2) };
  expect(await (await trainer.trainStep(batch)).loss).toBeGreaterThan(0);
  device.destroy();
  await device.lost;
  await expect(trainer.trainStep(batch)).rejects.toThrow("the GPU device was destroyed: request a new one");
  await expect(model.parameters()).rejects.toThrow("the GPU device was destroyed");
  await expect(Model.create(device, affine)).rejects.toThrow("the GPU device was destroyed");
  model.destroy();
});

test("errors of commands reach who gave them, and do not condemn the device", async () => {
  const { device } = await requestNodeDevice();
  const guard = DeviceGuard.of(device);
  const wrong = guard.creating("a buffer", () => device.createBuffer({ size: 6, usage: 0 }));
  await expect(wrong).rejects.toThrow("a buffer: WebGPU reports:");
  guard.check();
  device.destroy();
});

test("a device without memory says which buffers found none, and keeps none of them", async () => {
  const { device } = await requestNodeDevice();
  const model = await Model.create(device, affine);
  const before = liveObjects(device);
  // What a driver does that has run out: it makes the buffer, and tells of the error behind it.
  const pop = device.popErrorScope.bind(device);
  let asked = 0;
  device.popErrorScope = async () => {
    const error = await pop();
    return liveObjects(device).buffers > before.buffers && asked++ === 0 ? new GPUOutOfMemoryError("no room") : error;
  };
  const made = model.trainer({ batch: 2 });
  await expect(made).rejects.toThrow(
    /the train program of \w+ for batch 2: the GPU has no memory for arena of .*; lower the batch/,
  );
  await expect(made).rejects.toThrow(DeviceError);
  expect(liveObjects(device)).toEqual(before);
  expect(
    await (
      await (await model.trainer({ batch: 2 })).trainStep({ x: randomArray(2 * IN, 1), t: randomArray(2 * OUT, 2) })
    ).loss,
  ).toBeGreaterThan(0);
  device.destroy();
});

test("without WebGPU the browser's way says what to do", async () => {
  await expect(requestDevice()).rejects.toThrow("navigator.gpu is missing");
});

test("a script that leaves a model and steps behind ends with exit code 0", async () => {
  const script = `
    import { Model } from "./runtime/index.js";
    import { requestNodeDevice } from "./runtime/node.js";
    import { affine } from "./tests/runtime/manifests.js";
    const { device } = await requestNodeDevice();
    const model = await Model.create(device, affine);
    const trainer = await model.trainer({ batch: 1 });
    const batch = { x: Float32Array.of(1, 2, 3), t: Float32Array.of(1, 2) };
    for (let step = 0; step < 9; step++) await trainer.trainStep(batch);
    console.log("done");`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...["--import", "tsx", "--input-type=module", "--eval", script],
  ]);
  expect(stdout).toBe("done\n");
});
