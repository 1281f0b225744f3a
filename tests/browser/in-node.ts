/** @file Trains in Node.js, before the tests in the browser begin, and tells them the losses. */

import type { TestProject } from "vitest/node";
import { requestNodeDevice } from "../../runtime/node.js";
import { lossesOn } from "./training.js";

declare module "vitest" {
  interface ProvidedContext {
    readonly lossesInNode: readonly number[];
  }
}

export default async function setup({ provide }: TestProject): Promise<void> {
  const { device } = await requestNodeDevice();
  provide("lossesInNode", await lossesOn(device));
  device.destroy();
}
