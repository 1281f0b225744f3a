/** @file What a training run knows besides its arrays, as a checkpoint keeps it. */

import { isCount, isRecord, parsed } from "./json.js";
import type { LossScaleState } from "./loss-scale.js";
import type { Optimizer } from "./optimizer.js";
import type { Outcome } from "./outcomes.js";

/** What a training run knows besides its arrays; plain data, kept as JSON in the file's metadata. */
export interface TrainingState {
  readonly optimizer: Optimizer["type"];
  /** Steps taken, and updates tried, on which a schedule depends. */
  readonly step: number;
  readonly updates: number;
  /** Updates done: those that found all numbers finite. */
  readonly done: number;
  readonly lossScale: LossScaleState;
  /** How steps went on which nothing was done yet. */
  readonly outcomes: readonly Outcome[];
  /** The last step before parameters went back to a snapshot. */
  readonly rolledBack: number;
  /** Steps whose gradients wait for an update: their sum is an array too. */
  readonly waiting: number;
  /** What is wrong with those steps. */
  readonly faults: { readonly loss: boolean; readonly overflow: boolean };
}

const COUNTS = ["step", "updates", "done", "rolledBack", "waiting"] as const;

/** @throws Error where the text is no state of a training run, naming what is wrong with it. */
export function checkTrainingState(text: string): TrainingState {
  const wrong = (what: string) => new Error(`the file's state of training is damaged: ${what}`);
  const state = parsed(text);
  if (!isRecord(state)) throw wrong("it is no JSON object");
  for (const name of COUNTS) if (!isCount(state[name])) throw wrong(`\`${name}\` is no count`);
  if (typeof state.optimizer !== "string") throw wrong("`optimizer` is no name");
  const { lossScale, outcomes, faults } = state;
  if (!isRecord(lossScale) || !isPositive(lossScale.value) || !isCount(lossScale.good)) {
    throw wrong("`lossScale` is none");
  }
  if (!isRecord(faults) || typeof faults.loss !== "boolean" || typeof faults.overflow !== "boolean") {
    throw wrong("`faults` are none");
  }
  const isOutcome = (value: unknown) =>
    isRecord(value) && isCount(value.step) && isPositive(value.lossScale) && isCount(value.verdict);
  if (!Array.isArray(outcomes) || !outcomes.every(isOutcome)) throw wrong("`outcomes` are none");
  return state as unknown as TrainingState;
}

const isPositive = (value: unknown): boolean => Number.isFinite(value) && Number(value) > 0;
