/** @file Into how many spans the runtime cuts loops: from sizes and cores, or as the tuner found, and that they train alike. */

import { beforeAll, describe, expect, test } from "vitest";
import { BATCH, type Count, type Dispatch, SPANS } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { chooseSpans, loopCost } from "../../runtime/spans.js";
import type { TuningCache } from "../../runtime/tuner-cache.js";
import { variantsOf } from "../../runtime/variants.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { distance, randomArray } from "./support.js";

const counted = (lengths: readonly string[], factor: number): Count => ({ factor, lengths, divisor: 64 });

/** A loop over T of so many channels. */
function loop(channels: number): Dispatch {
  const pass = (kernel: string, ...lengths: readonly string[]) => ({
    kernel,
    groups: [[counted([BATCH, ...lengths], channels)]],
  });
  return {
    label: "",
    words: [],
    ...pass("scan"),
    variants: [
      {
        ...pass("scan_spans", SPANS),
        spans: { length: "T", unit: 32 },
        before: [pass("scan_summary", SPANS), pass("scan_carry")],
      },
    ],
  };
}

const plain: Dispatch = { label: "", words: [], kernel: "map", groups: [[counted(["T"], 1)]] };

/** So many workgroups run side by side. */
const device = (atOnce: number, elements = 1e9) => ({ software: false, atOnce, elements });

/** For each span the loops keep a number a channel of one example. */
const program = (...dispatches: readonly Dispatch[]) => ({
  dispatches,
  slots: [{ name: "spans", size: { factor: 4096, lengths: [SPANS], divisor: 1 }, first: 0, last: 0 }],
});

const spans = (channels: number, batch: number, T: number, atOnce: number) =>
  chooseSpans(program(plain, loop(channels), loop(channels)), { [BATCH]: batch, T }, device(atOnce));

test("loops that fill the device stay whole, as do those of few steps, and programs without any", () => {
  expect(spans(128, 16, 4096, 2)).toBe(1);
  expect(spans(4096, 4, 4096, 256)).toBe(1);
  expect(spans(64, 1, 40, 256)).toBe(1);
  expect(chooseSpans(program(plain), { [BATCH]: 1, T: 1e6 }, device(256))).toBe(1);
});

test("the fewer channels and the more steps there are, the more spans", () => {
  const few = spans(64, 1, 16384, 256);
  expect(few).toBeGreaterThan(16);
  expect(spans(64, 1, 1024, 256)).toBeLessThan(few);
  expect(spans(4096, 1, 16384, 256)).toBeLessThan(few);
  expect(spans(4096, 1, 16384, 256)).toBeGreaterThan(1);
  // No more than whole blocks of steps are of use.
  expect(spans(1, 1, 16384, 1e9)).toBeLessThanOrEqual(16384 / 32);
});

test("the number of spans chosen is the cheapest of its neighbours", () => {
  const sizes = { [BATCH]: 2, T: 8192 };
  const { variants = [] } = loop(96);
  const best = chooseSpans(program(loop(96)), sizes, device(256));
  const cost = (number: number) => loopCost(variants[0], "T", { ...sizes, [SPANS]: number }, device(256));
  expect(cost(best)).toBeLessThanOrEqual(cost(2 * best));
  expect(cost(best)).toBeLessThanOrEqual(cost(best / 2));
});

test("no more spans are chosen than there is memory for", () => {
  const sizes = { [BATCH]: 1, T: 16384 };
  const chosen = (elements: number) => chooseSpans(program(loop(64)), sizes, device(256, elements));
  expect(chosen(1e9)).toBeGreaterThan(16);
  expect(chosen(16 * 4096)).toBe(16);
  expect(chosen(0)).toBe(1);
});

test("several channels a thread are for software", () => {
  const once = loop(64);
  const several = { ...once, own: 4 };
  const cost = (variant: typeof several | typeof once, software: boolean) =>
    loopCost(variant, "T", { [BATCH]: 4, T: 4096, [SPANS]: 1 }, { software, atOnce: 2 });
  expect(cost(several, true)).toBeLessThan(cost(once, true));
  expect(cost(several, false)).toBeGreaterThan(cost(once, false));
});

describe("a compiled model", () => {
  const [B, T, D] = [2, 100, 3];
  const { manifest } = compileText(`
    cell Mean(D) {
      input x: [D]
      param rate: [D] ~ uniform(0, 1), gain: [D] ~ ones
      state m: [D]
      m' = sigmoid(rate) * m + gain * x
      output m'
    }
    model M(D = ${D}) {
      input x: [T, D]
      target y: [T, D]
      use loop = Mean(D)
      v = scan loop(x)
      output v
      loss mse(v, y)
    }`);
  const { dispatches } = present(manifest.programs.train, "test", "a training program");
  let device: GPUDevice;
  beforeAll(async () => {
    device = await testDevice();
  });

  /** Losses of a few steps, and what was measured because the cache had nothing, or nothing of use. */
  async function losses(found: readonly number[] | undefined) {
    let measured: readonly number[] | undefined;
    const tuningCache: TuningCache = {
      get: async () => found,
      set: async (_, chosen) => {
        measured = chosen;
      },
    };
    const model = await Model.create(device, manifest, { seed: 1, tune: true, tuningCache });
    const trainer = await model.trainer({ batch: B, length: T, optimizer: { learningRate: 0.1 } });
    const values: number[] = [];
    for (let step = 0; step < 5; step++) {
      const batch = { x: randomArray(B * T * D, step), y: randomArray(B * T * D, 100 + step) };
      values.push(await (await trainer.trainStep(batch)).loss);
    }
    model.destroy();
    return { values, measured };
  }

  const inSpans = (spans: number) => [...dispatches.map((dispatch) => variantsOf(dispatch).length - 1), spans];
  const whole = [...dispatches.map(() => 0), 1];

  test("trains alike in any number of spans", async () => {
    const expected = await losses(whole);
    expect(expected.measured).toBeUndefined();
    expect(expected.values[4]).toBeLessThan(expected.values[0]);
    for (const spans of [2, 7, 64]) {
      const { values, measured } = await losses(inSpans(spans));
      expect(measured).toBeUndefined();
      expect(distance(values, expected.values)).toBeLessThan(1e-5);
    }
  });

  test("is measured where nothing is known, or no number of spans", async () => {
    const expected = await losses(whole);
    for (const found of [undefined, whole.slice(0, -1), inSpans(0), inSpans(2.5), inSpans(1e9)]) {
      const { values, measured } = await losses(found);
      expect(measured).toHaveLength(dispatches.length + 1);
      expect(measured?.at(-1)).toBeGreaterThanOrEqual(1);
      expect(distance(values, expected.values)).toBeLessThan(1e-5);
    }
  });
});
