/** @file Every optimizer against the paper's loop in f64, and against PyTorch's own. */

import { beforeAll, describe, expect, test } from "vitest";
import type { OptimizerOptions } from "../../runtime/optimizer.js";
import type { TrainingOptions } from "../../runtime/training-options.js";
import fixture from "../fixtures/optimizers/torch.json" with { type: "json" };
import { testDevice } from "../support/device.js";
import {
  checkpointOf,
  flatOf,
  gradientsOf,
  type LinearParameter,
  linearManifest,
  linearModel,
  sizeOf,
} from "./linear.js";
import { adam, lion, muon, type Reference, rmsprop, sgd } from "./optimizer-references.js";
import { distance, randomArray } from "./support.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

/** Of several runs of elements, of one, and of a single element; tall and wide matrices, one of three axes. */
const PARAMETERS: readonly LinearParameter[] = [
  { name: "a.W", shape: [70, 9], kind: "decayed" },
  { name: "cut.W", shape: [2, 3, 40], kind: "decayed" },
  { name: "head.W", shape: [5, 130], kind: "decayed" },
  { name: "square.W", shape: [40, 41], kind: "decayed" },
  { name: "off.W", shape: [4, 3], kind: "decayed" },
  { name: "a.b", shape: [9], kind: "plain" },
  { name: "scale", shape: [], kind: "plain" },
  { name: "fixed", shape: [3], kind: "frozen" },
];
const manifest = linearManifest(PARAMETERS);
const { trainable } = manifest.layout;

const SETTINGS: TrainingOptions["parameters"] = {
  "a.*": { learningRate: 0.5 },
  "a.b": { weightDecay: 0.3 },
  scale: { learningRate: 2 },
  "off.*": { frozen: true },
};

interface Settings {
  readonly rate: number;
  readonly decay: number;
}

/** What `SETTINGS` say, by hand. */
function settingsOf(name: string, rate: number, decay: number): Settings {
  if (name === "a.W") return { rate: 0.5 * rate, decay };
  if (name === "a.b") return { rate: 0.5 * rate, decay: 0.3 };
  if (name === "scale") return { rate: 2 * rate, decay: 0 };
  return { rate, decay };
}

interface Case {
  readonly optimizer: Exclude<OptimizerOptions, string>;
  readonly rate: number;
  readonly decay: number;
  readonly reference: (parameter: LinearParameter) => Reference;
  /** Of what is not the optimizer's alone. */
  readonly others?: Settings & { readonly isOther: (parameter: LinearParameter) => boolean };
  readonly tolerance?: number;
}

const moments = { beta1: 0.8, beta2: 0.97, eps: 1e-6 };
const CASES: readonly Case[] = [
  {
    optimizer: { type: "sgd", learningRate: 0.05, weightDecay: 0.1 },
    rate: 0.05,
    decay: 0.1,
    reference: () => sgd(0, false),
  },
  {
    optimizer: { type: "sgd", learningRate: 0.05, momentum: 0.9, weightDecay: 0.1 },
    rate: 0.05,
    decay: 0.1,
    reference: () => sgd(0.9, false),
  },
  {
    optimizer: { type: "sgd", learningRate: 0.05, momentum: 0.9, nesterov: true },
    rate: 0.05,
    decay: 0,
    reference: () => sgd(0.9, true),
  },
  { optimizer: { type: "rmsprop" }, rate: 0.01, decay: 0, reference: () => rmsprop(0.99, 1e-8, 0, false) },
  {
    optimizer: { type: "rmsprop", alpha: 0.9, eps: 1e-3, momentum: 0.6, centered: true, weightDecay: 0.1 },
    rate: 0.01,
    decay: 0.1,
    reference: () => rmsprop(0.9, 1e-3, 0.6, true),
  },
  {
    optimizer: { type: "adam", learningRate: 0.02, weightDecay: 0.1, ...moments },
    rate: 0.02,
    decay: 0.1,
    reference: () => adam(0.8, 0.97, 1e-6, false),
  },
  { optimizer: {}, rate: 1e-3, decay: 0.01, reference: () => adam(0.9, 0.999, 1e-8, true) },
  {
    optimizer: { type: "adamw", learningRate: 0.02, weightDecay: 0.1, ...moments },
    rate: 0.02,
    decay: 0.1,
    reference: () => adam(0.8, 0.97, 1e-6, true),
  },
  {
    optimizer: { type: "lion", learningRate: 0.01, weightDecay: 0.5 },
    rate: 0.01,
    decay: 0.5,
    reference: () => lion(0.9, 0.99),
  },
  ...[true, false].map(
    (nesterov): Case => ({
      optimizer: {
        type: "muon",
        learningRate: 0.05,
        momentum: 0.9,
        nesterov,
        weightDecay: 0.2,
        adamw: { learningRate: 0.01, weightDecay: 0.05, parameters: ["head.*"] },
      },
      rate: 0.05,
      decay: 0.2,
      reference: ({ shape }) => muon(0.9, nesterov, shape[shape.length - 1]),
      others: { rate: 0.01, decay: 0.05, isOther: ({ name, shape }) => shape.length < 2 || name === "head.W" },
    }),
  ),
];

/** The mean over the steps of an update, then by value, then by norm, as torch's two functions one after another. */
function clipped(steps: readonly Float32Array[], clipValue: number, clipNorm: number) {
  const offset = (name: string) => manifest.parameters.find((each) => each.name === name)!.offset;
  const mean = Array.from({ length: trainable }, (_, i) => steps.reduce((sum, g) => sum + g[i], 0) / steps.length);
  const values = mean.map((g, i) => {
    const isOff = i >= offset("off.W") && i < offset("off.W") + 12;
    return isOff ? 0 : clipValue > 0 ? Math.max(-clipValue, Math.min(clipValue, g)) : g;
  });
  const norm = Math.hypot(...values);
  const factor = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
  return { norm, gradient: values.map((g) => factor * g) };
}

describe.each(CASES)("$optimizer", ({ optimizer, rate, decay, reference, others, tolerance = 2e-6 }) => {
  test.each([
    { accumulate: 1, clipValue: 0, clipNorm: 0 },
    { accumulate: 1, clipValue: 0.9, clipNorm: 3 },
    { accumulate: 3, clipValue: 0, clipNorm: 5 },
  ])(
    "as the paper's loop in f64: $accumulate steps an update, clipped at $clipValue and $clipNorm",
    async (options) => {
      const { accumulate, clipValue, clipNorm } = options;
      const model = await linearModel(device, manifest);
      const trainer = await model.trainer({ batch: 1, optimizer, parameters: SETTINGS, ...options });
      const start = await flatOf(model);
      const parameters = PARAMETERS.map((parameter, i) => {
        const { offset } = manifest.parameters[i];
        const isOther = others?.isOther(parameter) ?? false;
        return {
          ...parameter,
          offset,
          values: start.slice(offset, offset + sizeOf(parameter)),
          update: isOther ? adam(0.9, 0.999, 1e-8, true) : reference(parameter),
          ...settingsOf(
            parameter.name,
            isOther && others ? others.rate : rate,
            parameter.kind !== "decayed" ? 0 : isOther && others ? others.decay : decay,
          ),
        };
      });
      for (let n = 1; n <= 6; n++) {
        const steps = Array.from({ length: accumulate }, (_, i) => randomArray(trainable, 10 * n + i));
        const { norm, gradient } = clipped(steps, clipValue, clipNorm);
        for (const { name, kind, offset, values, update, rate, decay } of parameters) {
          if (kind === "frozen" || name === "off.W") continue;
          update(values, gradient.slice(offset, offset + values.length), rate, decay, n);
        }
        const done = [];
        for (const x of steps) done.push(await trainer.trainStep(gradientsOf(x)));
        expect(done.map(({ updates }) => updates)).toEqual(steps.map((_, i) => i === accumulate - 1));
        expect(distance([await done[accumulate - 1].gradNorm], [norm])).toBeLessThan(1e-6);
      }
      const after = await flatOf(model);
      for (const { name, offset, values } of parameters) {
        const [was, is] = [start, after].map((flat) => flat.slice(offset, offset + values.length));
        if (name === "off.W" || name === "fixed") expect(is).toEqual(was);
        else {
          // Of what was learned, and not of the parameters, beside which it is little.
          const moved = (to: readonly number[]) => to.map((value, i) => value - was[i]);
          expect(distance(is, values), name).toBeLessThan(tolerance);
          expect(distance(moved(is), moved(values)), name).toBeLessThan(100 * tolerance);
        }
      }
      model.destroy();
    },
  );
});

test("more runs of elements than workgroups take at a time", async () => {
  const large = linearManifest([{ name: "W", shape: [200, 300], kind: "decayed" }]);
  const model = await linearModel(device, large);
  const values = await flatOf(model);
  const trainer = await model.trainer({ batch: 1 });
  const update = adam(0.9, 0.999, 1e-8, true);
  for (let n = 1; n <= 3; n++) {
    const gradient = randomArray(60_000, n);
    update(values, [...gradient], 1e-3, 0.01, n);
    const { gradNorm } = await trainer.trainStep(gradientsOf(gradient));
    expect(distance([await gradNorm], [Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0))])).toBeLessThan(1e-6);
  }
  expect(distance(await flatOf(model), values)).toBeLessThan(2e-6);
  model.destroy();
});

interface TorchFixture {
  readonly start: Readonly<Record<string, readonly number[]>>;
  readonly gradients: readonly Readonly<Record<string, readonly number[]>>[];
  readonly cases: readonly {
    readonly optimizer: OptimizerOptions;
    readonly options: TrainingOptions;
    readonly parameters: Readonly<Record<string, readonly number[]>>;
  }[];
}

const torch = fixture as TorchFixture;

describe("PyTorch", () => {
  const both = linearManifest([
    { name: "W", shape: [6, 4], kind: "decayed" },
    { name: "b", shape: [6], kind: "plain" },
  ]);
  const flat = ({ W, b }: Readonly<Record<string, readonly number[]>>) => [...W, ...b];

  test.each(torch.cases.map((each) => ({ ...each, name: JSON.stringify({ ...each.options, is: each.optimizer }) })))(
    "$name",
    async ({ optimizer, options, parameters }) => {
      const model = await linearModel(device, both);
      model.load(checkpointOf(both, flat(torch.start)));
      const trainer = await model.trainer({ batch: 1, optimizer, ...options });
      for (const each of torch.gradients) await trainer.trainStep(gradientsOf(Float32Array.from(flat(each))));
      expect(distance(await flatOf(model), flat(parameters))).toBeLessThan(2e-6);
      model.destroy();
    },
  );
});
