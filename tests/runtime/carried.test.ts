/** @file States carried from batch to batch by a trainer, against truncated backpropagation through time written out in f64. */

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { contiguousWindows } from "../../runtime/data/index.js";
import { Model } from "../../runtime/model.js";
import type { TrainingOptions } from "../../runtime/training-options.js";
import { compile } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { distance, randomArray } from "./support.js";

const [BATCH, T, D] = [3, 4, 2];

const TEXT = `
  cell Leaky(D) {
    input x: [D]
    param a: [D] ~ uniform(0.5, 1), first: [D] ~ normal
    state h: [D] = first
    h' = tanh(a * h + x)
    output h'
  }
  model Leak(D = ${D}) {
    input x: [T, D]
    target y: [T, D]
    use rnn = Leaky(D)
    ys = scan rnn(x)
    output ys
    loss mse(ys, y)
  }`;
const carried = compileText(TEXT, {}, "f32", { stateful: true }).manifest;
const plain = compileText(TEXT).manifest;

type Batch = {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly reset?: Uint8Array;
};

const batch = (seed: number, reset?: readonly number[]): Batch => ({
  x: randomArray(BATCH * T * D, seed),
  y: randomArray(BATCH * T * D, seed + 100),
  ...(reset && { reset: Uint8Array.from(reset) }),
});

const RATE = 0.5;
const options = { batch: BATCH, length: T, optimizer: { type: "sgd", learningRate: RATE } } as const;

/** The model with its states; a step learns by plain SGD. */
class Reference {
  h: number[] | undefined;

  constructor(
    readonly a: number[],
    readonly first: number[],
  ) {}

  /** Without states. */
  fresh(): Reference {
    return new Reference([...this.a], [...this.first]);
  }

  /** @returns the loss. The gradient ends at the batch's first step, or reaches the start of the examples that begin there. */
  step({ x, y, reset = new Uint8Array(BATCH) }: Batch, rate = RATE): number {
    const { a, first } = this;
    const [da, dfirst] = [new Array<number>(D).fill(0), new Array<number>(D).fill(0)];
    const next: number[] = [];
    let loss = 0;
    for (let b = 0; b < BATCH; b++) {
      for (let d = 0; d < D; d++) {
        const isNew = this.h === undefined || reset[b] === 1;
        const hs = [isNew ? first[d] : this.h![b * D + d]];
        const at = (t: number) => (b * T + t) * D + d;
        for (let t = 0; t < T; t++) hs.push(Math.tanh(a[d] * hs[t] + x[at(t)]));
        for (let t = 0; t < T; t++) loss += (hs[t + 1] - y[at(t)]) ** 2 / (BATCH * T * D);
        let dh = 0;
        for (let t = T - 1; t >= 0; t--) {
          dh += (2 * (hs[t + 1] - y[at(t)])) / (BATCH * T * D);
          const dz = dh * (1 - hs[t + 1] ** 2);
          da[d] += dz * hs[t];
          dh = dz * a[d];
        }
        if (isNew) dfirst[d] += dh;
        next[b * D + d] = hs[T];
      }
    }
    this.h = next;
    for (let d = 0; d < D; d++) {
      a[d] -= rate * da[d];
      first[d] -= rate * dfirst[d];
    }
    return loss;
  }
}

let device: GPUDevice;
let made: Model[] = [];
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => {
  for (const each of made) each.destroy();
  made = [];
});

async function make(manifest = carried): Promise<{ model: Model; reference: Reference }> {
  const model = await Model.create(device, manifest, { seed: 7 });
  made.push(model);
  const { "rnn.a": a, "rnn.first": first } = await model.parameters();
  return { model, reference: new Reference([...a], [...first]) };
}

const start = async (more: TrainingOptions = { stateful: true }) => {
  const { model, reference } = await make();
  return { model, reference, trainer: await model.trainer({ ...options, ...more }) };
};

const near = (actual: readonly number[], expected: readonly number[]) =>
  expect(distance(actual, expected)).toBeLessThan(1e-5);

async function same(model: Model, { a, first }: Reference): Promise<void> {
  const parameters = await model.parameters();
  near([...parameters["rnn.a"], ...parameters["rnn.first"]], [...a, ...first]);
}

/** Examples begin anew here and there. */
const eight = [0, 1, 2, 3, 4, 5, 6, 7].map((seed) =>
  batch(seed, seed % 2 === 0 ? undefined : [Number(seed === 1), 0, Number(seed > 4)]),
);

describe("a stateful trainer", () => {
  test("goes on from the states of the batch before, and begins examples anew where their flag is set", async () => {
    const { model, reference, trainer } = await start();
    const losses: number[] = [];
    const expected: number[] = [];
    for (const each of eight) {
      losses.push(await (await trainer.trainStep(each)).loss);
      expected.push(reference.step(each));
    }
    near(losses, expected);
    await same(model, reference);
    // Flags and states make a difference.
    const [deaf, forgetful] = [(await make()).reference, (await make()).reference];
    const without = eight.map(({ x, y }) => deaf.step({ x, y }));
    const always = eight.map((each) => {
      forgetful.h = undefined;
      return forgetful.step(each);
    });
    for (const other of [without, always]) expect(distance(other, expected)).toBeGreaterThan(0.001);
  });

  test("adds up gradients over batches that go on from one another", async () => {
    const { trainer, reference } = await start({ stateful: true, accumulate: 2 });
    const losses: number[] = [];
    for (const each of eight.slice(0, 2)) losses.push(await (await trainer.trainStep(each)).loss);
    near(
      losses,
      eight.slice(0, 2).map((each) => reference.step(each, 0)),
    );
  });

  test("begins all examples anew after `resetStates`, though a flag says nothing of it", async () => {
    const { model, reference, trainer } = await start();
    for (const each of eight.slice(0, 3)) {
      await trainer.trainStep(each);
      reference.step(each);
    }
    await trainer.resetStates();
    reference.h = undefined;
    near([await (await trainer.trainStep(eight[3])).loss], [reference.step(eight[3])]);
    await same(model, reference);
  });

  test("evaluates batches that go on from one another, apart from its own states", async () => {
    const { model, reference, trainer } = await start();
    const step = async (each: Batch) => near([await (await trainer.trainStep(each)).loss], [reference.step(each)]);
    await step(eight[0]);
    const aside = reference.fresh();
    const mean = eight.slice(4).reduce((sum, each) => sum + aside.step(each, 0), 0) / 4;
    for (let again = 0; again < 2; again++) near([(await trainer.evaluate(eight.slice(4))).loss], [mean]);
    near([(await model.evaluate(eight.slice(4), { batch: BATCH, length: T, stateful: true })).loss], [mean]);
    await step(eight[1]);
  });

  test("begins anew with each pass over the batches of a fit", async () => {
    const { model, reference, trainer } = await start();
    const { steps } = await trainer.fit(eight, { epochs: 2 });
    const expected = [1, 2].flatMap(() => {
      reference.h = undefined;
      return eight.map((each) => reference.step(each));
    });
    near(
      steps.map(({ loss }) => loss),
      expected,
    );
    await same(model, reference);
  });

  test("begins anew after a step that was not finite, so many steps later as are on their way", async () => {
    const { model, reference, trainer } = await start({ stateful: true, onNonFinite: "skip", stepsInFlight: 2 });
    const huge = { ...eight[1], y: new Float32Array(BATCH * T * D).fill(1e30) };
    const steps = [eight[0], huge, eight[2], eight[4]].map((each) => trainer.trainStep(each));
    const losses = await Promise.all(steps.map(async (each) => (await each).loss));
    const expected = [reference.step(eight[0]), reference.step(huge, 0), reference.step(eight[2])];
    reference.h = undefined;
    expected.push(reference.step(eight[4]));
    near([losses[0], ...losses.slice(2)], [expected[0], ...expected.slice(2)]);
    expect(await (await steps[1]).skipped).toBe(true);
    await same(model, reference);
  });

  test("saves its states, and another goes on from them to the same bits", async () => {
    const { trainer } = await start();
    for (const each of eight.slice(0, 3)) await trainer.trainStep(each);
    const file = await trainer.save();
    const losses: number[] = [];
    for (const each of eight.slice(3)) losses.push(await (await trainer.trainStep(each)).loss);
    const { trainer: another, model } = await start();
    await another.trainStep(eight[6]);
    await another.load(file);
    const again: number[] = [];
    for (const each of eight.slice(3)) again.push(await (await another.trainStep(each)).loss);
    expect(again).toEqual(losses);
    const wider = await model.trainer({ ...options, batch: BATCH + 1, stateful: true });
    await expect(wider.load(file)).rejects.toThrow(
      "the carried states do not fit Leak: `rnn.h` has the shape [3, 2] and needs [4, 2]",
    );
    await (await model.trainer(options)).load(file);
  });
});

test("a text read in windows that go on from one another is a text read as a whole", async () => {
  const set = { V: 7, E: 4, H: 8 };
  const { models } = compile({ files: ["std/char-lm"], host: hostOf({}), set, stateful: true });
  const model = await Model.create(device, models[0].manifest, { seed: 2 });
  made.push(model);
  const text = Int32Array.from(randomArray(2 * 24 + 1, 5), (x) => Math.floor(Math.abs(1000 * x)) % 7);
  const whole = contiguousWindows(text, { batch: 2, length: 24 });
  const { loss, metrics } = await model.evaluate(whole, { batch: 2, length: 24, stateful: true });
  const trainer = await model.trainer({
    batch: 2,
    length: 6,
    stateful: true,
    optimizer: { type: "sgd", learningRate: 0 },
  });
  const pieces = contiguousWindows(text, { batch: 2, length: 6 });
  const { epochs } = await trainer.fit(pieces, {
    epochs: 2,
    validation: contiguousWindows(text, { batch: 2, length: 6 }),
  });
  expect(epochs).toHaveLength(2);
  for (const epoch of epochs) {
    for (const seen of [epoch, epoch.validation!]) {
      near([seen.loss, seen.metrics.accuracy], [loss, metrics.accuracy]);
    }
  }
});

describe("a trainer that is not stateful", () => {
  test("trains a module that could carry states as one that could not", async () => {
    const losses: number[][] = [];
    for (const manifest of [carried, plain]) {
      const { model, reference } = await make(manifest);
      const trainer = await model.trainer(options);
      const own: number[] = [];
      const expected: number[] = [];
      for (const { x, y } of eight.slice(0, 4)) {
        own.push(await (await trainer.trainStep({ x, y })).loss);
        reference.h = undefined;
        expected.push(reference.step({ x, y }));
      }
      near(own, expected);
      await same(model, reference);
      losses.push(own);
    }
    near(losses[0], losses[1]);
  });

  test("heeds no flags and says so; nor can a module carry that was not compiled for it", async () => {
    const { model } = await make();
    const trainer = await model.trainer(options);
    const message = "`reset` says which examples begin anew, and without `stateful: true` all of them do";
    await expect(trainer.trainStep(eight[1])).rejects.toThrow(message);
    await expect(model.evaluate(eight[1], { batch: BATCH, length: T })).rejects.toThrow(message);
    await expect(trainer.resetStates()).rejects.toThrow("the trainer carries no states: make it with `stateful: true`");
    const { model: other } = await make(plain);
    const refusal =
      "Leak is not compiled to carry states: compile it with `stateful: true`, or `seqc compile --stateful`";
    await expect(other.trainer({ ...options, stateful: true })).rejects.toThrow(refusal);
    await expect(other.evaluate(eight[0], { batch: BATCH, length: T, stateful: true })).rejects.toThrow(refusal);
    await expect((await other.trainer(options)).trainStep(eight[1])).rejects.toThrow("unknown input `reset`");
  });

  test.each([
    ["flags of another size", Uint8Array.of(0, 1), RangeError, "input `reset` has 2 elements and needs 3: batch 3"],
    ["flags that are no truth values", Uint8Array.of(0, 2, 0), RangeError, "input `reset` is 2 at [1]"],
    ["flags of another kind", Float32Array.of(0, 1, 0), TypeError, "input `reset` must be a Uint8Array"],
  ])("%s", async (_, reset, kind, message) => {
    const { trainer, reference } = await start();
    const first = trainer.trainStep({ ...eight[0], reset });
    await expect(first).rejects.toThrow(kind);
    await expect(first).rejects.toThrow(message);
    near([await (await trainer.trainStep(eight[0])).loss], [reference.step(eight[0])]);
  });
});
