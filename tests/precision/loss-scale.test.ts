/** @file The scale of the loss's derivative, and f16 as the host reads it. */

import { describe, expect, test } from "vitest";
import { halvesToFloats } from "../../runtime/half.js";
import { LossScale } from "../../runtime/loss-scale.js";
import { BATCH } from "../../runtime/manifest.js";

describe("the scale", () => {
  test("begins with the number of examples and steps, as a power of two, and has a largest value", () => {
    expect(new LossScale("f16", { [BATCH]: 3, T: 5 }).value).toBe(16 * 16);
    expect(new LossScale("f16", { [BATCH]: 2 ** 20, T: 2 ** 10 }).value).toBe(2 ** 24);
    expect(new LossScale("f16", { [BATCH]: 1 }).value).toBe(16);
  });

  test("falls where a step overflows, once for all steps that were made at it, and ends at 1", () => {
    const scale = new LossScale("f16", { [BATCH]: 4 });
    scale.settle(64, true);
    scale.settle(64, true);
    expect(scale.value).toBe(16);
    for (const _ of [1, 2, 3, 4]) scale.settle(scale.value, true);
    expect(scale.value).toBe(1);
  });

  test("rises after many good steps in a row", () => {
    const scale = new LossScale("f16", { [BATCH]: 4 });
    for (let step = 0; step < 1999; step++) scale.settle(64, false);
    scale.settle(64, true);
    expect(scale.value).toBe(16);
    for (let step = 0; step < 1999; step++) scale.settle(16, false);
    expect(scale.value).toBe(16);
    scale.settle(16, false);
    expect(scale.value).toBe(32);
  });

  test("is 1 in f32, whatever happens", () => {
    const scale = new LossScale(undefined, { [BATCH]: 4 });
    for (let step = 0; step < 4000; step++) scale.settle(1, false);
    expect(scale.value).toBe(1);
  });
});

test("f16 as numbers", () => {
  const bits = [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3555, 0x3c00, 0xc000, 0x6401, 0x7bff, 0x7c00, 0xfc00, 0x7e00];
  const numbers = [0, -0, 2 ** -24, -1023 * 2 ** -24, 2 ** -14, 0.333251953125, 1, -2, 1025, 65504];
  const floats = [...halvesToFloats(Uint16Array.from(bits))];
  expect(floats).toEqual([...numbers, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
});
