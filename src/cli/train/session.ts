/** @file The training loop: random windows in, losses out late, validation now and then, an end at any step. */

import { NonFiniteError } from "../../../runtime/errors.js";
import type { Model } from "../../../runtime/model.js";
import { CommandError, EXIT } from "../exit.js";
import { type Batch, type Corpus, randomBatch, spreadBatches } from "./corpus.js";
import type { CharacterModel } from "./model-shape.js";
import { Random } from "./random.js";
import type { Progress } from "./report.js";
import { learningRate } from "./schedule.js";
import { mean, median } from "./statistics.js";

export interface SessionOptions {
  readonly steps: number;
  readonly batch: number;
  readonly length: number;
  /** At its peak. */
  readonly learningRate: number;
  readonly weightDecay: number;
  /** 0: none. */
  readonly clipNorm: number;
  readonly seed: number;
}

export interface SessionResult {
  /** One a step that was done. */
  readonly losses: readonly number[];
  /** Nats a character, mean over batches spread over the held-out text. */
  readonly validationLoss: number;
  readonly medianStepMs: number;
  readonly dispatchesPerStep: number;
  /** Steps in f16 that found the loss's scale too large and learned nothing. */
  readonly skippedSteps: number;
  /** What a step works on besides parameters and moments. */
  readonly arenaBytes: number;
}

/** How often a run is validated, and on how many batches at most. */
const VALIDATIONS = 4;
const VALIDATION_BATCHES = 16;
/** The pace shown is the median over this many steps. */
const PACE_STEPS = 20;

/**
 * Trains `model` in place. No step's loss is waited for: they are recorded as they arrive, a few steps late.
 * @param interrupted asked before each step; the run then ends as a shorter one would.
 * @throws CommandError when a loss or a gradient is not finite, or when not one step was done.
 */
export async function trainSession(
  model: Model,
  ports: CharacterModel,
  { training, heldOut }: Corpus,
  options: SessionOptions,
  progress: Progress,
  interrupted: () => boolean,
): Promise<SessionResult> {
  const { steps, batch, length, weightDecay, clipNorm } = options;
  const sizes = { batch, length };
  const feed = ({ tokens, next }: Batch) => ({ [ports.input]: tokens, [ports.target]: next });
  const validationFeeds = spreadBatches(heldOut, batch, length, VALIDATION_BATCHES).map(feed);
  const random = new Random(options.seed, "windows");
  const trainer = await model.trainer({ ...sizes, optimizer: { weightDecay }, clipNorm, seed: options.seed });

  const losses: number[] = [];
  const stepTimes: number[] = [];
  let lastArrival = performance.now();
  let failure: unknown;
  let validationLoss: number | undefined;
  let skippedSteps = 0;

  const record = (loss: number): void => {
    const now = performance.now();
    stepTimes.push(now - lastArrival);
    lastArrival = now;
    losses.push(loss);
    progress.update({ step: losses.length, loss, stepMs: median(stepTimes.slice(-PACE_STEPS)), validationLoss });
  };
  const fail = (error: unknown): void => {
    failure ??= error instanceof NonFiniteError ? divergence(error, options.learningRate) : error;
  };
  const validate = async (): Promise<void> => {
    const parts: number[] = [];
    for (const each of validationFeeds) parts.push((await model.evaluate(each, sizes)).loss);
    validationLoss = mean(parts);
    lastArrival = performance.now();
  };

  const arrivals: Promise<void>[] = [];
  const every = Math.ceil(steps / VALIDATIONS);
  let step = 0;
  while (step < steps && failure === undefined && !interrupted()) {
    trainer.learningRate = learningRate(step, steps, options.learningRate);
    const submitted = await trainer.trainStep(feed(randomBatch(training, batch, length, random))).catch(fail);
    if (submitted === undefined) break;
    arrivals.push(
      Promise.all([submitted.loss, submitted.skipped]).then(([value, wasSkipped]) => {
        if (wasSkipped) skippedSteps++;
        record(value);
      }, fail),
    );
    step++;
    if (step % every === 0 && step < steps) {
      await Promise.all(arrivals);
      await validate();
    }
  }
  await Promise.all(arrivals);
  if (failure !== undefined) throw failure;
  if (step === 0) throw new CommandError("interrupted before the first step: nothing is trained", EXIT.failed);
  await validate();
  return {
    losses,
    validationLoss: validationLoss ?? Number.NaN,
    medianStepMs: median(stepTimes),
    dispatchesPerStep: trainer.dispatchesPerStep,
    skippedSteps,
    arenaBytes: trainer.arenaBytes,
  };
}

function divergence({ step, where }: NonFiniteError, rate: number): CommandError {
  const what = where === "loss" ? "loss" : `gradient of ${where.parameter}`;
  return new CommandError(
    `the ${what} of step ${step} is not finite: lower --lr (now ${rate}) or --clip the gradient`,
    EXIT.failed,
  );
}
