/** @file As `device.ts`, of the browser. */

import { afterAll } from "vitest";
import { requestDevice } from "../../runtime/device.js";

let requested: Promise<GPUDevice> | undefined;

export function testDevice(): Promise<GPUDevice> {
  requested ??= requestDevice().then(({ device }) => device);
  return requested;
}

afterAll(async () => {
  (await requested)?.destroy();
});

export async function anotherDevice(): Promise<GPUDevice> {
  return (await requestDevice()).device;
}
