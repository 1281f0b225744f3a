import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../runtime/data/random.js";
import type { StepRecord, ValidationRecord } from "../../runtime/fit-options.js";
import type { Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { mergeConfigs, type RunConfig } from "../../src/cli/train/config.js";
import { readData } from "../../src/cli/train/data.js";
import { textModel } from "../../src/cli/train/model-shape.js";
import { trainingOptions } from "../../src/cli/train/prepare.js";
import { type Progress, Run } from "../../src/cli/train/run.js";
import { sampleText } from "../../src/cli/train/sample.js";
import { testDevice } from "../support/device.js";
import { bigramManifest } from "./bigram.js";

/** a → b → c → d → a …, now and then a character twice: next to nothing to learn but the last character. */
function chain(length: number): string {
  const random = new Random(7, "text");
  let text = "a";
  while (text.length < length) text += random.next() < 0.9 ? "bcda"["abcd".indexOf(text.at(-1)!)] : text.at(-1);
  return text;
}

const text = join(mkdtempSync(join(tmpdir(), "seqc-run-")), "chain.txt");
writeFileSync(text, chain(3000));
const manifest = bigramManifest(4);
const ports = textModel(manifest, 4);
const optimizer = { type: "adamw", learningRate: 0.3, weightDecay: 0 } as const;
const options = { spec: "none", text: [text], steps: 80, batch: 6, length: 12, optimizer, seed: 4 };
/** Of the next character given the last. */
const bigramEntropy = -(0.9 * Math.log(0.9) + 0.1 * Math.log(0.1));

/** A run with all that it tells. */
async function prepared(given: Partial<RunConfig> & { readonly checkpointEvery?: number } = {}) {
  const config = { ...mergeConfigs({ ...options, ...given }), steps: given.steps ?? 80, validateEvery: 20 };
  const data = await readData(config);
  const model = await Model.create(await testDevice(), manifest, { seed: 1 });
  const trainer = await model.trainer({ ...trainingOptions(config), batch: config.batch, length: config.length });
  const steps: StepRecord[] = [];
  const validations: ValidationRecord[] = [];
  const checkpoints: { readonly progress: Progress; readonly bytes: Uint8Array }[] = [];
  let watch: ((record: StepRecord) => void) | undefined;
  const run = new Run(trainer, data.bind(manifest), config, manifest.metrics, {
    step(record) {
      steps.push(record);
      watch?.(record);
    },
    async validation(record) {
      validations.push(record);
    },
    async checkpoint(progress) {
      checkpoints.push({ progress: JSON.parse(JSON.stringify(progress)), bytes: await trainer.save() });
    },
  });
  const onStep = (listener: (record: StepRecord) => void) => {
    watch = listener;
  };
  return { data, model, trainer, run, steps, validations, checkpoints, onStep };
}

const lossesOf = (steps: readonly StepRecord[]) => steps.map(({ loss }) => loss);

describe("a run", () => {
  it("learns what there is to learn, tells every step, and writes what it learned", async () => {
    const { data, model, run, steps, validations, checkpoints } = await prepared({ checkpointEvery: 50 });
    await run.train();
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(validations.map(({ step }) => step)).toEqual([20, 40, 60, 80]);
    expect(checkpoints.map(({ progress }) => progress.step)).toEqual([50, 80]);
    expect(steps[0].loss).toBeGreaterThan(1);
    expect(validations[3].loss).toBeLessThan(bigramEntropy + 0.1);
    expect(validations[3].loss).toBeGreaterThan(bigramEntropy - 0.1);

    const likeliest = { characters: 8, temperature: 0, prompt: "a" };
    expect(await sampleText(model, data.codec!, ports, likeliest, 1)).toBe("bcdabcda");
    await expect(sampleText(model, data.codec!, ports, { ...likeliest, prompt: "x" }, 1)).rejects.toThrow(
      'the prompt: the character "x" is not in the vocabulary',
    );
    model.destroy();
  });

  it("repeats with its seed, wherever it stops on its way", async () => {
    const losses = async (seed: number, checkpointEvery: number) => {
      const { model, run, steps } = await prepared({ seed, checkpointEvery, steps: 9 });
      await run.train();
      model.destroy();
      return lossesOf(steps);
    };
    const first = await losses(4, 100);
    expect(await losses(4, 2)).toEqual(first);
    expect(await losses(5, 100)).not.toEqual(first);
  });

  it.each([
    ["its text", {}],
    ["gradients that wait for an update", { accumulate: 4 }],
    ["early stopping under way", { earlyStopping: { patience: 4 } }],
  ])("goes on from a checkpoint to the same bits, with %s", async (_, given) => {
    const whole = await prepared({ checkpointEvery: 25, ...given });
    await whole.run.train();
    const again = await prepared({ checkpointEvery: 25, ...given });
    const problems: string[] = [];
    (await testDevice()).addEventListener("uncapturederror", ({ error }) => problems.push(error.message));
    const { bytes, progress } = whole.checkpoints[1];
    expect(progress.step).toBe(50);
    await again.trainer.load(bytes);
    again.run.resume(progress);
    await again.run.train();
    expect(lossesOf(again.steps)).toEqual(lossesOf(whole.steps).slice(50));
    expect(await again.trainer.save()).toEqual(await whole.trainer.save());
    expect(again.run.best).toEqual(whole.run.best);
    expect(problems).toEqual([]);
    whole.model.destroy();
    again.model.destroy();
  });

  it("ends when stopped, with a validation and a checkpoint that decide nothing of what comes", async () => {
    const { model, run, steps, validations, checkpoints, onStep } = await prepared({ earlyStopping: { patience: 1 } });
    onStep(({ step }) => {
      if (step === 7) run.stop();
    });
    await run.train();
    expect(steps.length).toBeGreaterThanOrEqual(7);
    expect(steps.length).toBeLessThan(15);
    expect([validations.length, checkpoints.length]).toEqual([1, 1]);
    expect(checkpoints[0].progress).toMatchObject({ step: steps.length, improvement: { waited: 0 } });
    expect(run.best).toBeUndefined();
    model.destroy();
  });

  it("goes on in no other text", async () => {
    const { data, run } = await prepared();
    const state = data.bind(manifest).training.state();
    const other = { ...state, identity: { ...state.identity, checksum: 1 } };
    expect(() => run.resume({ step: 1, position: other, seconds: 0, skipped: 0 })).toThrow(/checksum was 1 and is/);
  });
});

describe("textModel", () => {
  it("finds the ports", () => {
    expect(ports).toEqual({ input: "tokens", target: "next", logits: "logits", length: "T" });
  });

  it.each<[string, Partial<Manifest>, RegExp]>([
    ["no target", { targets: [] }, /it has 0 targets/],
    ["two inputs", { inputs: [...manifest.inputs, ...manifest.inputs] }, /it has 2 inputs/],
    ["no ids", { inputs: [{ name: "x", elem: "f32", shape: ["T"] }] }, /`x` is no sequence of ids along T/],
    ["no sequence", { targets: [{ name: "y", elem: "i32", shape: [], classes: 4 }] }, /`y` is no sequence/],
    ["two lengths", { lengths: ["T", "S"] }, /fix 2 lengths/],
    ["other classes", { inputs: [{ ...manifest.inputs[0], classes: 9 }] }, /do not follow the parameter V/],
  ])("refuses a model with %s", (_, change, message) => {
    expect(() => textModel({ ...manifest, ...change }, 4)).toThrow(message);
  });

  it("takes a model without logits, to be trained but not sampled", () => {
    expect(textModel({ ...manifest, outputs: [] }, 4).logits).toBeUndefined();
  });
});
