/** @file One device a test file, on whatever adapter the machine has; destroyed after the file's last test. */

import { afterAll } from "vitest";
import { requestNodeDevice } from "../../runtime/node.js";

let requested: Promise<GPUDevice> | undefined;

/** The test file's device. Call it within `beforeAll`, `test`, or at the top level of the file. */
export function testDevice(): Promise<GPUDevice> {
  requested ??= requestNodeDevice().then(({ device }) => device);
  return requested;
}

afterAll(async () => {
  (await requested)?.destroy();
});

/** A device of the test's own, to do as it likes with. */
export async function anotherDevice(): Promise<GPUDevice> {
  return (await requestNodeDevice()).device;
}
