/** @file Long programs in several submits: a clock that makes every dispatch long, or none; the same bits either way. */

import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ModelCore } from "../../runtime/core.js";
import { BATCH, SPANS } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { cutsOf, looksLong, Portions } from "../../runtime/portions.js";
import { Execution } from "../../runtime/program.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { randomArray } from "./support.js";

const { manifest } = compileText(`import { LSTM } from "std/lstm"
import { Linear } from "std/linear"
model Last(H = 4) {
  input x: [T, 2]
  target y: [1]
  use rnn = LSTM(2, H), head = Linear(H, 1)
  hs = scan rnn(x)
  guess = head(hs[T - 1])
  output guess
  loss mse(guess, y)
}`);
type Batch = { readonly x: Float32Array; readonly y: Float32Array };
const SIZES = { batch: 3, length: 5 };
const batchOf = (seed: number): Batch => ({ x: randomArray(3 * 5 * 2, seed), y: randomArray(3, seed + 100) });
const STEPS = 6;

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** By the clock every wait takes so many milliseconds. */
function pretend(milliseconds: number): void {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += milliseconds;
    return now;
  });
}

async function run(milliseconds: number) {
  const model = await Model.create<Batch, object, { guess: Float32Array }, number>(device, manifest, { seed: 5 });
  const trainer = await model.trainer({ ...SIZES, stepsInFlight: 1 });
  pretend(milliseconds);
  const submit = vi.spyOn(device.queue, "submit");
  /** How many submits each call makes. */
  const counted = async <T>(body: () => Promise<T>): Promise<[submits: number, value: T]> => {
    submit.mockClear();
    const value = await body();
    return [submit.mock.calls.length, value];
  };
  const steps: [number, number][] = [];
  const evaluations: [number, number][] = [];
  for (let step = 0; step < STEPS; step++) {
    steps.push(await counted(async () => (await trainer.trainStep(batchOf(step))).loss));
    // What watches the submit hears of its end in its own time.
    await device.queue.onSubmittedWorkDone();
  }
  for (let at = 0; at < 5; at++) {
    evaluations.push(await counted(async () => (await model.evaluate(batchOf(at), SIZES)).loss));
    await device.queue.onSubmittedWorkDone();
  }
  const parameters = await model.parameters();
  vi.restoreAllMocks();
  return { model, trainer, steps, evaluations, parameters };
}

const submitsOf = (calls: readonly (readonly [number, number])[]) => calls.map(([submits]) => submits);
const valuesOf = (calls: readonly (readonly [number, number])[]) => calls.map(([, value]) => value);

test("what is short stays whole, what is long is cut, and both compute the same bits", async () => {
  const [short, long] = [await run(0), await run(1000)];
  expect(submitsOf(short.steps)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(submitsOf(short.evaluations)).toEqual([1, 1, 1, 1, 1]);
  // What stands behind the program, the update, is not cut.
  const own = manifest.programs.train?.dispatches.length ?? 0;
  expect(own).toBeGreaterThan(2);
  // Twice whole, twice timed with the update alone at the end, then a dispatch a submit.
  expect(submitsOf(long.steps)).toEqual([1, 1, own + 1, own + 1, own, own]);
  const evaluated = manifest.programs.evaluate?.dispatches.length ?? 0;
  expect(submitsOf(long.evaluations)).toEqual([1, 1, evaluated + 1, evaluated + 1, evaluated]);
  expect(valuesOf(long.steps)).toEqual(valuesOf(short.steps));
  expect(new Set(valuesOf(short.steps)).size).toBe(STEPS);
  expect(valuesOf(long.evaluations)).toEqual(valuesOf(short.evaluations));
  expect(long.parameters).toEqual(short.parameters);
  for (const { model } of [short, long]) model.destroy();
});

test("a trainer destroyed between portions says so and leaves the device in order", async () => {
  const { model, trainer } = await run(1000);
  const step = trainer.trainStep(batchOf(7));
  await Promise.resolve();
  const submit = vi.spyOn(device.queue, "submit").mockImplementationOnce(function (this: GPUQueue, buffers) {
    submit.mockRestore();
    this.submit(buffers);
    trainer.destroy();
  });
  await expect(step).rejects.toThrow("the trainer was destroyed");
  expect((await model.evaluate(batchOf(1), SIZES)).loss).toBeGreaterThan(0);
  model.destroy();
});

test("what looks long is timed from the first time on, and stays whole where it is short", async () => {
  const core = await ModelCore.create(device, manifest, 5);
  const execution = await Execution.create(core.compile("predict"), { [BATCH]: 3, T: 5 }, core.params);
  pretend(0);
  const submit = vi.spyOn(device.queue, "submit");
  const portions = new Portions(execution, device, true);
  const counts: number[] = [];
  for (let at = 0; at < 3; at++) {
    submit.mockClear();
    await portions.submit("a prediction", { before: () => {}, behind: () => {}, check: () => {} });
    counts.push(submit.mock.calls.length);
  }
  expect(counts[0]).toBeGreaterThan(2);
  expect(counts).toEqual([counts[0], counts[0], 1]);
  execution.destroy();
  core.destroy();
});

test("a model looks long by its batch, lengths and parameters", () => {
  expect(looksLong({ [BATCH]: 64, T: 512, [SPANS]: 64 }, 1e6)).toBe(true);
  expect(looksLong({ [BATCH]: 64, T: 64, [SPANS]: 64 }, 1e6)).toBe(false);
  expect(looksLong({ [BATCH]: 64, T: 512, [SPANS]: 1 }, 1e5)).toBe(false);
  expect(looksLong({ [BATCH]: 1e4 }, 1e6)).toBe(true);
  expect(looksLong({ [BATCH]: 1e4 }, 1e5)).toBe(false);
});

describe("cuts", () => {
  test.each<[times: number[], cuts: number[]]>([
    [[], []],
    [[10, 20, 400], []],
    [
      [200, 200, 200],
      [1, 2],
    ],
    [
      [100, 100, 100, 100, 100, 100],
      [2, 4],
    ],
    [
      [5, 9000, 5, 5],
      [1, 2],
    ],
    [[9000], []],
  ])("of %j are %j", (times, cuts) => {
    expect(cutsOf(times)).toEqual(cuts);
  });
});
