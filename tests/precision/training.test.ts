/** @file Training in f16: as in f32 where numbers fit, and what happens where they do not. Rounded to f16 on every device. */

import { beforeAll, describe, expect, test } from "vitest";
import { planArena } from "../../runtime/arena.js";
import { ModelCore } from "../../runtime/core.js";
import { BATCH, type Manifest, SPANS } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { decodeSafetensors } from "../../runtime/safetensors.js";
import { tune } from "../../runtime/tuner.js";
import { parseModule } from "../../src/ir/parse.js";
import type { Precision } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { randomArray } from "../runtime/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { roundedToF16 } from "../support/execute.js";

/** A GRU that answers with a number a step; the loss is as large as the test wants. */
const gru = (weight: number): string => `import { GRU } from "std/gru"
import { Linear } from "std/linear"
model Follower(H = 16) {
  input x: [T, 3]
  target y: [T, 1]
  use rnn = GRU(3, H), head = Linear(H, 1)
  loss ${weight} * mse(head(scan rnn(x)), y)
}
`;

/** A software adapter takes seconds for the kernels of a model, and many times that on a busy machine. */
const COMPILING = 300_000;
const batch = 4;
const length = 40;
const data = {
  x: randomArray(batch * length * 3, 1),
  y: randomArray(batch * length * 3, 1).filter((_, i) => i % 3 === 0),
};

const manifestOf = (weight: number, precision: Precision): Manifest => {
  const { manifest } = compileText(gru(weight), {}, precision);
  return precision === "f16" ? roundedToF16(manifest) : manifest;
};

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

interface Run {
  readonly losses: readonly number[];
  readonly skipped: readonly boolean[];
  readonly scales: readonly number[];
  readonly trainer: Awaited<ReturnType<Model["trainer"]>>;
  readonly model: Model;
}

async function train(manifest: Manifest, steps: number): Promise<Run> {
  const model = await Model.create(device, manifest, { seed: 3 });
  const trainer = await model.trainer({ batch, length, optimizer: { learningRate: 1e-2 } });
  const done = [];
  const scales: number[] = [];
  for (let step = 0; step < steps; step++) {
    scales.push(trainer.lossScale);
    done.push(await trainer.trainStep(data));
  }
  return {
    losses: await Promise.all(done.map(({ loss }) => loss)),
    skipped: await Promise.all(done.map(({ skipped }) => skipped)),
    scales,
    trainer,
    model,
  };
}

const flat = (arrays: Readonly<Record<string, Float32Array>>) => Object.values(arrays).flatMap((each) => [...each]);

describe("where numbers fit", { timeout: COMPILING }, () => {
  test("gradients differ by rounding, losses fall alike, no step is skipped", async () => {
    const first = await Promise.all([manifestOf(1, "f32"), manifestOf(1, "f16")].map((each) => train(each, 1)));
    const [wide, half] = await Promise.all(first.map(async ({ trainer }) => flat(await trainer.gradients())));
    expect(relativeError(half, wide)).toBeLessThan(4 * 2 ** -11);
    expect(relativeError(half, wide)).toBeGreaterThan(1e-6);
    for (const { model } of first) model.destroy();

    const f32 = await train(manifestOf(1, "f32"), 60);
    const f16 = await train(manifestOf(1, "f16"), 60);
    expect(f16.skipped).not.toContain(true);
    expect(f32.losses[59]).toBeLessThan(f32.losses[0] / 2);
    expect(relativeError(f16.losses, f32.losses)).toBeLessThan(1e-3);
    for (const { model } of [f32, f16]) model.destroy();
  });
});

describe("where they do not", { timeout: COMPILING }, () => {
  test("nothing is learned until the scale has fallen; then the loss falls", async () => {
    const { losses, skipped, scales, model } = await train(manifestOf(1e6, "f16"), 80);
    expect(skipped.slice(0, 4)).toEqual([true, true, true, true]);
    // The parameters stayed as they were.
    expect(new Set(losses.slice(0, 5))).toEqual(new Set([losses[0]]));
    expect(scales[0]).toBe(16 * 256);
    expect(scales.slice(1)).toEqual(scales.slice(1).toSorted((a, b) => b - a));
    expect(skipped.at(-1)).toBe(false);
    expect(scales.at(-1)).toBeLessThan(scales[0]);
    expect(losses[79]).toBeLessThan(losses[0] / 2);
    model.destroy();
  });

  test("skipped steps are none to the optimizer, and a save keeps the scale: training goes on from it bit for bit", async () => {
    const manifest = manifestOf(1e6, "f16");
    const [whole, broken] = [await train(manifest, 40), await train(manifest, 15)];
    const resumed = await train(manifest, 0);
    const bytes = await broken.trainer.save();
    const { done } = JSON.parse(present(decodeSafetensors(bytes).metadata.get("training"), "test", "the state"));
    expect(broken.skipped.slice(0, 5)).toContain(true);
    expect(done).toBe(broken.skipped.filter((skipped) => !skipped).length);
    await resumed.trainer.load(bytes);
    const scales: number[] = [];
    for (let step = 15; step < 40; step++) {
      scales.push(resumed.trainer.lossScale);
      await resumed.trainer.trainStep(data);
    }
    expect(scales).toEqual(whole.scales.slice(15));
    expect(flat(await resumed.model.parameters())).toEqual(flat(await whole.model.parameters()));
    for (const { model } of [whole, broken, resumed]) model.destroy();
  });

  test("twice the same, bit for bit", async () => {
    const runs = [await train(manifestOf(1e6, "f16"), 40), await train(manifestOf(1e6, "f16"), 40)];
    const [a, b] = await Promise.all(runs.map(async ({ model }) => flat(await model.parameters())));
    expect(a).toEqual(b);
    expect(runs[0].scales).toEqual(runs[1].scales);
    expect(runs[0].losses).toEqual(runs[1].losses);
    for (const { model } of runs) model.destroy();
  });

  test("with no smaller scale left, the largest f16 stands in, and the step is taken", async () => {
    const { losses, skipped, scales, trainer, model } = await train(manifestOf(1e15, "f16"), 60);
    expect(scales.at(-1)).toBe(1);
    expect(skipped.at(-1)).toBe(false);
    expect(new Set(losses).size).toBeGreaterThan(1);
    expect(flat(await trainer.gradients()).every(Number.isFinite)).toBe(true);
    model.destroy();
  });
});

describe("the tuner", { timeout: COMPILING }, () => {
  /** Several kernels may do each of its loops. */
  const manifest = compileText(gru(1), { H: 32 }, "f16").manifest;
  const sizes = { [BATCH]: 8, T: 6 };
  const outcomes = async (of: Manifest) => {
    const core = await ModelCore.create(device, of, 0);
    const { dispatches } = await tune(core, "train", sizes);
    core.destroy();
    return dispatches.flatMap(({ candidates }) => candidates);
  };

  test("finds that the kernels do the same", async () => {
    const tried = await outcomes(manifest);
    expect(tried.length).toBeGreaterThan(2);
    for (const each of tried) expect(each).not.toHaveProperty("dropped", expect.stringContaining("differs"));
  });

  test("drops one that writes another half", async () => {
    const [first] = present(manifest.programs.train, "test", "train").dispatches.flatMap(
      ({ variants = [] }) => variants,
    );
    const text = manifest.kernels[first.kernel].replaceAll("= seq_to_halves(", "= seq_to_halves(0.99 * ");
    expect(text).not.toBe(manifest.kernels[first.kernel]);
    const tried = await outcomes({ ...manifest, kernels: { ...manifest.kernels, [first.kernel]: text } });
    const dropped = tried.filter((each) => "dropped" in each && each.dropped.includes("differs"));
    expect(dropped.map(({ variant }) => variant.kernel)).toEqual([first.kernel]);
  });
});

describe("what is compiled", () => {
  test("the arenas take little more than half where the steps are many; host's arrays, ids, sums stay f32", () => {
    const bytes = (precision: Precision) => {
      const { slots, inputs } = present(manifestOf(1, precision).programs.train, "test", "train");
      expect(Object.values(inputs).some((slot) => slots[slot].half)).toBe(false);
      const { size, halves } = planArena(slots, { [BATCH]: 64, T: 512, [SPANS]: 1 });
      return 4 * size + 2 * halves;
    };
    expect(bytes("f16") / bytes("f32")).toBeLessThan(0.6);
  });

  test("kernels bind halves, and those that only the derivative needs are watched", () => {
    const { wgsl, kernels, precision } = compileText(gru(1), {}, "f16").manifest;
    expect(precision).toBe("f16");
    expect(wgsl).toContain("var<storage, read_write> halves: array<half>");
    const texts = Object.values(kernels);
    const watching = texts.filter((text) => text.includes("seq_to_halves_watched("));
    expect(watching.length).toBeGreaterThan(0);
    for (const text of watching)
      expect(text).toMatch(/if \(seq_overflowed\) \{\n\s*arena\[plan\.s\d+_overflow\] = 1\.0f;/);
    expect(texts.some((text) => text.includes("seq_to_halves("))).toBe(true);
  });

  test("f32 has none of it", () => {
    const { wgsl, kernels, precision, programs } = compileText(gru(1)).manifest;
    expect(precision).toBeUndefined();
    expect([wgsl, ...Object.values(kernels)].join("\n")).not.toMatch(/half|_scale|overflow/);
    expect(programs.train?.scalars).not.toHaveProperty("overflow");
  });

  test("the text of the IR keeps it", () => {
    const { ir, module } = compileText(gru(1), {}, "f16");
    expect(parseModule(ir)).toEqual(module);
  });
});
