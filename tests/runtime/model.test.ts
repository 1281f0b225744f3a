/** @file Training, evaluating, predicting and checkpoints against the same arithmetic in f64. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { decodeSafetensors } from "../../runtime/safetensors.js";
import { testDevice } from "../support/device.js";
import { affine, IN, OUT } from "./manifests.js";
import { distance, randomArray } from "./support.js";

type Batch = { readonly x: Float32Array; readonly t: Float32Array };

const BATCH_SIZE = 5;
const ADAMW = { learningRate: 0.05, beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: 0.1 };

const batchOf = (seed: number, batch = BATCH_SIZE): Batch => ({
  x: randomArray(batch * IN, seed),
  t: randomArray(batch * OUT, seed + 1000),
});

function outputsOf(params: ArrayLike<number>, x: Float32Array): number[] {
  return Array.from({ length: (x.length / IN) * OUT }, (_, at) => {
    const [row, j] = [Math.floor(at / OUT), at % OUT];
    let sum = params[6 + j];
    for (let i = 0; i < IN; i++) sum += params[j * IN + i] * x[row * IN + i];
    return sum;
  });
}

function gradientOf(params: ArrayLike<number>, { x, t }: Batch): { loss: number; worst: number; gradient: number[] } {
  const batch = x.length / IN;
  const residuals = outputsOf(params, x).map((y, at) => y - t[at]);
  const gradient = new Array<number>(8).fill(0);
  residuals.forEach((r, at) => {
    const [row, j] = [Math.floor(at / OUT), at % OUT];
    for (let i = 0; i < IN; i++) gradient[j * IN + i] += (2 * r * x[row * IN + i]) / batch;
    gradient[6 + j] += (2 * r) / batch;
  });
  const loss = residuals.reduce((sum, r) => sum + r * r, 0) / batch;
  return { loss, worst: Math.max(...residuals.map(Math.abs)), gradient };
}

const normOf = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** AdamW as in the paper, decay on the first six parameters. */
class Reference {
  readonly #m = new Array<number>(8).fill(0);
  readonly #v = new Array<number>(8).fill(0);
  #step = 0;
  constructor(readonly params: number[]) {}

  update(gradient: readonly number[], clipNorm: number, learningRate = ADAMW.learningRate): void {
    const { beta1, beta2, eps, weightDecay } = ADAMW;
    this.#step++;
    const scale = clipNorm > 0 ? Math.min(1, clipNorm / normOf(gradient)) : 1;
    gradient.forEach((value, at) => {
      const g = scale * value;
      this.#m[at] = beta1 * this.#m[at] + (1 - beta1) * g;
      this.#v[at] = beta2 * this.#v[at] + (1 - beta2) * g * g;
      const decay = at < 6 ? weightDecay : 0;
      const m = this.#m[at] / (1 - beta1 ** this.#step);
      const v = this.#v[at] / (1 - beta2 ** this.#step);
      this.params[at] -= learningRate * (decay * this.params[at] + m / (Math.sqrt(v) + eps));
    });
  }
}

let device: GPUDevice;
const models: Model[] = [];
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  for (const model of models) model.destroy();
});

async function affineModel(seed: number, manifest: Manifest = affine): Promise<Model> {
  const model = await Model.create(device, manifest, { seed });
  models.push(model);
  return model;
}

async function flat(model: Model): Promise<number[]> {
  const { W, b } = await model.parameters();
  return [...W, ...b];
}

describe("training", () => {
  test.each([0, 0.3])("follows AdamW in f64 over seven steps, clipped at norm %f", async (clipNorm) => {
    const model = await affineModel(11);
    const trainer = await model.trainer({ batch: BATCH_SIZE, optimizer: ADAMW, clipNorm });
    const reference = new Reference(await flat(model));
    expect(trainer.dispatchesPerStep).toBe(5);
    for (let step = 1; step <= 7; step++) {
      const batch = batchOf(step);
      const { loss, worst, gradient } = gradientOf(reference.params, batch);
      if (step === 4) trainer.learningRate = 0.02;
      reference.update(gradient, clipNorm, trainer.learningRate);
      const result = await trainer.trainStep(batch);
      expect(result.step).toBe(step);
      expect(
        distance(
          [await result.loss, (await result.metrics).worst, await result.gradNorm],
          [loss, worst, normOf(gradient)],
        ),
      ).toBeLessThan(1e-5);
      const { W, b } = await trainer.gradients();
      expect(distance([...W, ...b], gradient)).toBeLessThan(1e-5);
    }
    expect(distance(await flat(model), reference.params)).toBeLessThan(1e-5);
  });

  test("gives the same losses however many steps are on their way", async () => {
    const losses = await Promise.all(
      [1, 4].map(async (stepsInFlight) => {
        const model = await affineModel(12);
        const trainer = await model.trainer({ batch: BATCH_SIZE, stepsInFlight });
        const steps = await Promise.all(Array.from({ length: 12 }, (_, step) => trainer.trainStep(batchOf(step))));
        return Promise.all(steps.map(({ loss }) => loss));
      }),
    );
    expect(losses[0]).toEqual(losses[1]);
    expect(new Set(losses[0]).size).toBe(12);
  });

  test("does not wait for a step to finish before it takes the next", async () => {
    const model = await affineModel(13);
    const trainer = await model.trainer({ batch: BATCH_SIZE, stepsInFlight: 2 });
    const finished: number[] = [];
    const first = await trainer.trainStep(batchOf(1));
    first.loss.then(() => finished.push(1));
    const second = await trainer.trainStep(batchOf(2));
    expect(finished).toEqual([]);
    second.loss.then(() => finished.push(2));
    await trainer.trainStep(batchOf(3));
    expect(finished[0]).toBe(1);
  });

  test("a refused batch changes nothing and does not count as a step", async () => {
    const model = await affineModel(14);
    const trainer = await model.trainer({ batch: BATCH_SIZE });
    const before = await flat(model);
    await expect(trainer.trainStep({ x: batchOf(1).x })).rejects.toThrow("input `t` is missing");
    const bad = batchOf(1);
    bad.x[7] = Number.NaN;
    await expect(trainer.trainStep(bad)).rejects.toThrow("input `x` is NaN at [2, 1]");
    expect(await flat(model)).toEqual(before);
    expect((await trainer.trainStep(batchOf(1))).step).toBe(1);
  });

  test("refuses options out of range", async () => {
    const model = await affineModel(15);
    const refused = (options: object) => expect(model.trainer({ batch: 2, ...options })).rejects;
    await refused({ optimizer: { beta1: 1 } }).toThrow("`optimizer.beta1`");
    await refused({ optimizer: { learningRate: Number.NaN } }).toThrow("`optimizer.learningRate`");
    await refused({ clipNorm: -1 }).toThrow("`clipNorm`");
    await refused({ batch: 0 }).toThrow("`batch`");
    await refused({ length: 3 }).toThrow("no lengths");
  });
});

describe("inference", () => {
  test("predicts and evaluates as in f64 at several batches", async () => {
    const model = await affineModel(21);
    const params = await flat(model);
    for (const batch of [1, 7, 130]) {
      const data = batchOf(batch, batch);
      const { y } = await model.predict({ x: data.x }, { batch });
      expect(distance(y, outputsOf(params, data.x))).toBeLessThan(1e-6);
      const { loss, worst } = gradientOf(params, data);
      const evaluated = await model.evaluate(data, { batch });
      expect(distance([evaluated.loss, evaluated.metrics.worst], [loss, worst])).toBeLessThan(1e-5);
    }
  });

  test("concurrent calls of different sizes do not disturb each other", async () => {
    const model = await affineModel(22);
    const params = await flat(model);
    const batches = [3, 9, 3, 1].map((batch, index) => batchOf(index, batch));
    const results = await Promise.all(batches.map(({ x }) => model.predict({ x }, { batch: x.length / IN })));
    results.forEach(({ y }, index) => {
      expect(distance(y, outputsOf(params, batches[index].x))).toBeLessThan(1e-6);
    });
  });

  test("folds more workgroups than one dimension takes", async () => {
    const model = await affineModel(23);
    const batch = device.limits.maxComputeWorkgroupsPerDimension + 4466;
    const { x } = batchOf(5, batch);
    const { y } = await model.predict({ x }, { batch });
    expect(distance(y, outputsOf(await flat(model), x))).toBeLessThan(1e-6);
  });

  test("says how much memory a batch needs that the device cannot hold", async () => {
    const model = await affineModel(24);
    await expect(model.trainer({ batch: 2 ** 31 })).rejects.toThrow(
      /^the arena of the train program of \w+ for batch 2147483648 needs a buffer of .* bytes\), and this device allows .*: it would fit with batch \d+; compiled with --precision=f16/,
    );
    expect((await model.predict({ x: batchOf(1).x }, { batch: BATCH_SIZE })).y.length).toBe(BATCH_SIZE * OUT);
  });
});

describe("parameters", () => {
  test("are the same for the same seed and different for another", async () => {
    const [a, b, c] = await Promise.all([31, 31, 32].map(async (seed) => flat(await affineModel(seed))));
    expect(a).toEqual(b);
    expect(distance(a, c)).toBeGreaterThan(0.1);
  });

  test("come back from a save, byte for byte", async () => {
    const trained = await affineModel(33);
    const trainer = await trained.trainer({ batch: BATCH_SIZE });
    for (let step = 0; step < 3; step++) await trainer.trainStep(batchOf(step));
    const bytes = await trained.save();
    expect([...decodeSafetensors(bytes).tensors.keys()]).toEqual(["W", "b"]);
    const other = await affineModel(34);
    other.load(bytes);
    expect(await flat(other)).toEqual(await flat(trained));
    expect(await other.save()).toEqual(bytes);
  });

  test("go on training from a trainer's save as if it had not stopped", async () => {
    const data = [1, 2, 3, 4, 5, 6].map((step) => batchOf(step));
    const [straight, broken, resumed] = await Promise.all([37, 37, 38].map((seed) => affineModel(seed)));
    const whole = await straight.trainer({ batch: BATCH_SIZE });
    for (const batch of data) await whole.trainStep(batch);
    const first = await broken.trainer({ batch: BATCH_SIZE });
    for (const batch of data.slice(0, 3)) await first.trainStep(batch);
    const second = await resumed.trainer({ batch: BATCH_SIZE });
    await expect(second.load(await broken.save())).rejects.toThrow("no optimizer's state");
    await second.load(await first.save());
    for (const batch of data.slice(3)) await second.trainStep(batch);
    expect(await flat(resumed)).toEqual(await flat(straight));
    expect(await second.save()).toEqual(await whole.save());
    broken.load(await whole.save());
    expect(await flat(broken)).toEqual(await flat(straight));
  });

  test("are taken all or not at all", async () => {
    const model = await affineModel(35);
    const before = await flat(model);
    const [W, b] = affine.parameters;
    const other = await affineModel(36, { ...affine, parameters: [W, { ...b, name: "c", shape: [1, 2] }] });
    const bytes = await other.save();
    expect(() => model.load(bytes)).toThrow("`b` is missing; `c` is unknown");
    expect(await flat(model)).toEqual(before);
  });
});

describe("lives and failures", () => {
  test("use after destroy is refused, destroying twice is not", async () => {
    const model = await affineModel(41);
    const trainer = await model.trainer({ batch: BATCH_SIZE });
    const other = await model.trainer({ batch: BATCH_SIZE });
    const last = await trainer.trainStep(batchOf(2));
    trainer.destroy();
    trainer.destroy();
    expect(await last.loss).toBeGreaterThan(0);
    await expect(trainer.trainStep(batchOf(1))).rejects.toThrow("the trainer was destroyed");
    expect(await (await other.trainStep(batchOf(1))).loss).toBeGreaterThan(0);
    model.destroy();
    model.destroy();
    await expect(other.trainStep(batchOf(1))).rejects.toThrow("the model Affine was destroyed");
    await expect(model.predict({ x: batchOf(1).x }, { batch: BATCH_SIZE })).rejects.toThrow("was destroyed");
  });

  test("invalid WGSL is shown with its lines", async () => {
    const forward = affine.kernels.forward.replace("var sum = params", "var sum = prams");
    const model = await affineModel(42, { ...affine, kernels: { ...affine.kernels, forward } });
    await expect(model.predict({ x: batchOf(1).x }, { batch: BATCH_SIZE })).rejects.toThrow(
      /kernel forward of Affine: invalid WGSL[\s\S]*\d+ \| +var sum = prams\[[\s\S]*\^/,
    );
  });

  test("a missing kernel is named", async () => {
    const { predict } = affine.programs;
    const dispatches = [{ ...predict.dispatches[0], kernel: "backward" }];
    const programs = { ...affine.programs, predict: { ...predict, dispatches } };
    const model = await affineModel(43, { ...affine, programs });
    await expect(model.predict({ x: batchOf(1).x }, { batch: BATCH_SIZE })).rejects.toThrow(/kernel backward/);
  });
});
