/** @file What a run leaves at its end: parameters, a sample, the summary, the report; and what is shown of them. */

import { existsSync } from "node:fs";
import pc from "picocolors";
import { CommandError } from "../exit.js";
import { type TextModel, textModel } from "../train/model-shape.js";
import { lossCurve } from "../train/progress.js";
import type { Run } from "../train/run.js";
import { sampleText, writingObstacle } from "../train/sample.js";
import type { SessionParts } from "../train/session.js";
import { line, parameterCount } from "../train/show.js";
import { mean, median } from "../train/statistics.js";
import { json } from "./folder.js";
import { type MetricsLine, readMetrics, type StepLine } from "./metrics.js";
import { reportPage } from "./report-page.js";

/** The training loss reported is the mean over this many last steps. */
const TRAIN_LOSS_STEPS = 20;

export type Summary = Awaited<ReturnType<typeof summaryOf>>;

export async function writeResults(parts: SessionParts, run: Run): Promise<void> {
  const { folder, prepared, model } = parts;
  const lines = readMetrics(folder.at("metrics"));
  const losses = stepsOf(lines).map(({ loss }) => loss);
  console.log(`\n${lossCurve(losses)}\n`);
  const sample = await writeSample(parts);
  const summary = summaryOf(parts, run, lines);
  folder.write({
    parameters: await model.save(),
    ...(sample !== undefined && { samples: sample }),
    summary: json(summary),
  });
  writeReport(parts, summary, sample);
  const { validationLoss, medianStepMs, dispatchesPerStep, tokensPerSecond } = summary;
  const { baseline } = prepared.data;
  const loss = validationLoss ?? summary.trainLoss;
  line(
    validationLoss === undefined ? "trained" : "held out",
    `${loss.toFixed(3)}${metricsText(summary.validationMetrics)}`,
  );
  if (baseline !== undefined) line("gain", `${(baseline.loss - loss).toFixed(3)} under the ${baseline.name}`);
  line(
    "pace",
    `${medianStepMs.toFixed(1)} ms a step of ${dispatchesPerStep} dispatches, ${tokensPerSecond.toFixed(0)} tokens/s`,
  );
  line("written", `${folder.path}: ${folder.contents().join(", ")}`);
}

/** Also where a run failed. */
export function writeReport({ folder, prepared, adapter }: SessionParts, summary?: Summary, sample?: string): void {
  const { config, manifest, data } = prepared;
  if (!existsSync(folder.at("metrics"))) return;
  const lines = readMetrics(folder.at("metrics"));
  folder.write({
    report: reportPage({
      model: manifest.name,
      adapter: adapter.name,
      parameters: parameterCount(manifest),
      config,
      lines,
      ...(data.baseline && { baseline: data.baseline }),
      ...(summary && { summary }),
      ...(sample !== undefined && { sample }),
    }),
  });
}

export const stepsOf = (lines: readonly MetricsLine[]): StepLine[] =>
  lines.flatMap((line) => (line.kind === "step" ? [line] : []));

function summaryOf({ prepared, adapter, trainer }: SessionParts, run: Run, lines: readonly MetricsLine[]) {
  const { config, data, bound, manifest } = prepared;
  const { batch, length, seed, precision } = config;
  const steps = stepsOf(lines);
  const kept = run.restoresBest ? run.best?.step : undefined;
  const validation = lines.findLast(({ kind, step }) => kind === "validation" && (kept ?? step) === step);
  const times = steps.slice(1).map(({ seconds }, at) => (seconds - steps[at].seconds) * 1000);
  const medianStepMs = median(times);
  return {
    adapter: adapter.name,
    software: adapter.software,
    model: manifest.name,
    steps: run.step,
    ended: run.ended,
    interrupted: run.ended === "stopped",
    ...{ batch, length: bound.length ?? length, seed, precision },
    skippedSteps: run.skipped,
    arenaBytes: trainer.arenaBytes,
    trainLoss: mean(steps.slice(-TRAIN_LOSS_STEPS).map(({ loss }) => loss)),
    validationLoss: validation?.loss,
    validationMetrics: validation?.metrics,
    best: run.best,
    baseline: data.baseline,
    ...(data.baseline?.name === "unigram" && { unigramEntropy: data.baseline.loss }),
    parameters: parameterCount(manifest),
    dispatchesPerStep: trainer.dispatchesPerStep,
    medianStepMs,
    tokensPerSecond: (bound.tokens / medianStepMs) * 1000,
    seconds: run.seconds,
  };
}

function metricsText(metrics: Readonly<Record<string, number>> = {}): string {
  return Object.entries(metrics)
    .map(([name, value]) => `, ${name} ${value.toFixed(3)}`)
    .join("");
}

async function writeSample({ prepared, model }: SessionParts): Promise<string | undefined> {
  const { config, data, manifest } = prepared;
  if (data.codec === undefined || config.sample.characters === 0) return undefined;
  const ports: TextModel = textModel(manifest, data.codec.size);
  const obstacle = writingObstacle(model, ports);
  if (obstacle !== undefined) {
    line("no sample", obstacle);
    return undefined;
  }
  try {
    const text = await sampleText(model, data.codec, ports, config.sample, config.seed);
    console.log(`${pc.bold("sample")}\n${pc.italic(text.trim())}\n`);
    return text;
  } catch (error) {
    // The run is done: what is wrong with the prompt must not cost its results.
    if (!(error instanceof CommandError)) throw error;
    line("no sample", error.message);
    return undefined;
  }
}
