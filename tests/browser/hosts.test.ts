/** @file A page, a worker of it and Node.js train alike. */

import { expect, inject, test } from "vitest";
import { distance } from "../runtime/support.js";
import { testDevice } from "../support/device.js";
import { lossesOn } from "./training.js";

/** Node.js may have another adapter; on the same one the losses are the same bits. */
const TOLERANCE = 1e-5;

test("a short run has the same losses in a page as in Node.js", async () => {
  expect(distance(await lossesOn(await testDevice()), inject("lossesInNode"))).toBeLessThan(TOLERANCE);
});

test("a short run has the same losses in a worker as in Node.js", async () => {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const losses = await new Promise<number[]>((resolve, reject) => {
    worker.onmessage = ({ data }) => (Array.isArray(data) ? resolve(data) : reject(new Error(data)));
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.terminate();
  expect(distance(losses, inject("lossesInNode"))).toBeLessThan(TOLERANCE);
});
