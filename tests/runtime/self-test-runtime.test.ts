/** @file The self-test of the runtime's own kernels finds faults in them: their texts are changed on the way to the device. */

import { expect, test, vi } from "vitest";
import { testRuntime } from "../../runtime/self-test-runtime.js";
import { testDevice } from "../support/device.js";

const CHANGES: readonly (readonly [text: string, instead: string])[] = [
  // The update decays nothing; the sampler takes the next id.
  ["p -= rate * decay * p;", ""],
  ["= f32(id);", "= f32(id + 1u);"],
];

// Pipelines are kept by their texts before the change, so nothing else may be tested on this device.
test("an update and a sampler that are wrong are named", async () => {
  const device = await testDevice();
  const create = device.createShaderModule.bind(device);
  const changed: string[] = [];
  vi.spyOn(device, "createShaderModule").mockImplementation((descriptor) => {
    const code = CHANGES.reduce((before, [text, instead]) => {
      if (before.includes(text)) changed.push(text);
      return before.replace(text, instead);
    }, descriptor.code);
    return create({ ...descriptor, code });
  });
  const { checked, faults } = await testRuntime(device);
  expect(changed).toHaveLength(CHANGES.length);
  expect(checked).toBe(2);
  expect(faults.map(({ program, message }) => [program, message])).toEqual([
    ["runtime", expect.stringMatching(/^the norm of the gradients \+ the update: two updates differ from AdamW/)],
    ["runtime", expect.stringMatching(/^the sampler: it draws/)],
  ]);
});
