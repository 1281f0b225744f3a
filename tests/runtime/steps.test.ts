/** @file Loops that a model does a dispatch a step: when the cost model takes them, that the tuner may, and what they make of training. */

import { describe, expect, test } from "vitest";
import { ModelCore } from "../../runtime/core.js";
import { BATCH, type Variant } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { MOST_STEPS, prefersSteps, steppedVariant } from "../../runtime/steps.js";
import { tune } from "../../runtime/tuner.js";
import { chooseVariants, variantsOf } from "../../runtime/variants.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { distance, randomArray } from "./support.js";

const [B, T, I, H] = [3, 5, 2, 128];
const { manifest } = compileText(
  `import { LSTM } from "std/lstm"
  model M(I = ${I}, H = ${H}) {
    input x: [T, I]
    target goal: [T, H]
    use rnn = LSTM(I, H)
    v = scan rnn(x)
    output v
    loss mse(v, goal)
  }`,
);
const { dispatches } = present(manifest.programs.train, "test", "a training program");
const stepped = dispatches.map((dispatch) => steppedVariant(dispatch) ?? 0);

test("train as the loop in one dispatch does, with dispatches that grow in number with the steps", async () => {
  const device = await testDevice();
  const train = async (choice: readonly number[]) => {
    const tuningCache = { get: async () => choice, set: () => Promise.reject(new Error("it is known")) };
    const model = await Model.create(device, manifest, { seed: 1, tune: true, tuningCache });
    const trainer = await model.trainer({ batch: B, length: T, optimizer: { learningRate: 0.02 } });
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const batch = { x: randomArray(B * T * I, step % 2), goal: randomArray(B * T * H, 10 + (step % 2)) };
      losses.push(await (await trainer.trainStep(batch)).loss);
    }
    const count = trainer.dispatchesPerStep;
    model.destroy();
    return { losses, count };
  };
  const [one, many] = [await train(dispatches.map(() => 0)), await train(stepped)];
  expect(one.losses[4]).toBeLessThan(one.losses[0]);
  expect(distance(many.losses, one.losses)).toBeLessThan(1e-5);
  // Forward one dispatch a step, back two; before each loop one for its first states.
  expect(many.count).toBe(one.count - 2 + (T + 1) + (2 * T + 1));
});

test("the tuner times them", async () => {
  const core = await ModelCore.create(await testDevice(), manifest, 1);
  const { dispatches: tuned } = await tune(core, "train", { [BATCH]: B, T });
  const candidates = tuned.flatMap((each) => each.candidates.filter(({ variant }) => variant.steps !== undefined));
  expect(candidates).toHaveLength(2);
  for (const candidate of candidates) expect(candidate).toHaveProperty("ms", expect.any(Number));
  core.destroy();
});

describe("on a GPU, by the model of cost", () => {
  const lstm = (width: number) => 4 * width * width;
  const loop = (rows: number): Variant => ({
    kernel: "loop",
    groups: [[{ factor: 1, lengths: [BATCH], divisor: rows }]],
    rows,
  });
  const steps = (products: number): Variant => ({ ...loop(1), steps: { length: "T", products, others: [] } });
  test.each([
    { H: 128, batch: 8, taken: false },
    { H: 256, batch: 32, taken: true },
    { H: 512, batch: 32, taken: true },
    { H: 512, batch: 1, taken: true },
  ])("H $H, batch $batch", ({ H, batch, taken }) => {
    for (const rows of [1, 8]) {
      expect(prefersSteps(loop(rows), steps(lstm(H)), { [BATCH]: batch, T: 100 }, 64)).toBe(taken);
    }
  });
});

test("not of more steps than a buffer of plans should hold", () => {
  const one: Variant = { kernel: "loop", groups: [[{ factor: 1, lengths: [BATCH], divisor: 1 }]] };
  const stepped: Variant = { ...one, steps: { length: "T", products: 1 << 20, others: [] } };
  expect(prefersSteps(one, stepped, { [BATCH]: 1, T: MOST_STEPS }, 64)).toBe(true);
  expect(prefersSteps(one, stepped, { [BATCH]: 1, T: MOST_STEPS + 1 }, 64)).toBe(false);
});

test("never in software, unless asked for", async () => {
  const program = present(manifest.programs.train, "test", "a training program");
  const chosen = chooseVariants(program, { [BATCH]: 256, T }, await testDevice());
  const variants = dispatches.map((dispatch, at) => variantsOf(dispatch)[chosen[at]]);
  expect(variants.every((variant) => variant.steps === undefined)).toBe(true);
});
