import { describe, expect, it } from "vitest";
import type { Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { CommandError } from "../../src/cli/exit.js";
import { corpusOf } from "../../src/cli/train/corpus.js";
import { characterModel } from "../../src/cli/train/model-shape.js";
import { Random } from "../../src/cli/train/random.js";
import type { StepReport } from "../../src/cli/train/report.js";
import { sampleText } from "../../src/cli/train/sample.js";
import { trainSession } from "../../src/cli/train/session.js";
import { testDevice } from "../support/device.js";
import { bigramManifest } from "./bigram.js";

/** a → b → c → d → a …, now and then a character twice: next to nothing to learn but the last character. */
function chain(length: number): string {
  const random = new Random(7, "text");
  let text = "a";
  while (text.length < length) text += random.next() < 0.9 ? "bcda"["abcd".indexOf(text.at(-1)!)] : text.at(-1);
  return text;
}

const corpus = corpusOf(chain(3000), 12);
const manifest = bigramManifest(corpus.vocabulary.size);
const ports = characterModel(manifest, corpus.vocabulary.size);
const options = { steps: 80, batch: 6, length: 12, learningRate: 0.3, weightDecay: 0, clipNorm: 1, seed: 4 };
/** Of the next character given the last. */
const bigramEntropy = -(0.9 * Math.log(0.9) + 0.1 * Math.log(0.1));

function recorder() {
  const reports: StepReport[] = [];
  return { reports, update: (report: StepReport) => void reports.push(report), stop() {} };
}

const freshModel = async (seed = 1) => Model.create(await testDevice(), manifest, { seed });
const never = () => false;

describe("trainSession", () => {
  it("learns what there is to learn, reports every step, and writes what it learned", async () => {
    const model = await freshModel();
    const progress = recorder();
    const result = await trainSession(model, ports, corpus, options, progress, never);
    expect(result.losses.length).toBe(80);
    expect(result.losses[0]).toBeGreaterThan(1);
    expect(result.validationLoss).toBeLessThan(bigramEntropy + 0.1);
    expect(result.validationLoss).toBeGreaterThan(bigramEntropy - 0.1);
    expect(result.dispatchesPerStep).toBe(5);
    expect(progress.reports.map(({ step }) => step)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(progress.reports.map(({ loss }) => loss)).toEqual(result.losses);
    expect(progress.reports[19].validationLoss).toBeUndefined();
    expect(progress.reports[20].validationLoss).toBeGreaterThan(bigramEntropy);

    const likeliest = { input: ports.input, logits: ports.logits!, characters: 8, temperature: 0 };
    expect(await sampleText(model, corpus.vocabulary, likeliest, new Random(1, "sample"))).toBe("bcdabcda");
    model.destroy();
  });

  it("repeats with its seed", async () => {
    const run = async (seed: number) => {
      const model = await freshModel();
      const short = { ...options, steps: 5, seed };
      const { losses } = await trainSession(model, ports, corpus, short, recorder(), never);
      model.destroy();
      return losses;
    };
    const first = await run(4);
    expect(await run(4)).toEqual(first);
    expect(await run(5)).not.toEqual(first);
  });

  it("ends early when interrupted, with a validation", async () => {
    const model = await freshModel();
    const progress = recorder();
    const result = await trainSession(model, ports, corpus, options, progress, () => progress.reports.length >= 7);
    expect(result.losses.length).toBeGreaterThanOrEqual(7);
    expect(result.losses.length).toBeLessThan(15);
    expect(result.validationLoss).toBeGreaterThan(0);
    model.destroy();
  });

  it("has nothing to give when interrupted before the first step", async () => {
    const model = await freshModel();
    const run = trainSession(model, ports, corpus, options, recorder(), () => true);
    await expect(run).rejects.toThrow(/interrupted before the first step/);
    model.destroy();
  });

  it("stops at a loss that is not finite, and says at which step", async () => {
    const model = await freshModel();
    const run = trainSession(model, ports, corpus, { ...options, learningRate: 1e30 }, recorder(), never);
    await expect(run).rejects.toThrow(CommandError);
    await expect(run).rejects.toThrow(/loss of step [2-6] is not finite: lower --lr \(now 1e\+30\)/);
    model.destroy();
  });
});

describe("characterModel", () => {
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
    expect(() => characterModel({ ...manifest, ...change }, 4)).toThrow(message);
  });

  it("takes a model without logits, to be trained but not sampled", () => {
    expect(characterModel({ ...manifest, outputs: [] }, 4).logits).toBeUndefined();
  });
});
