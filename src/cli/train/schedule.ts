/** @file Schedules by their names alone: the options that fit a run of so many steps. */

import { checkOptimizer } from "../../../runtime/optimizer.js";
import type { LearningRate, Schedule } from "../../../runtime/schedules.js";
import type { RunConfig } from "./config.js";

export type ScheduleName = Schedule["type"];
export const SCHEDULES: readonly ScheduleName[] = ["constant", "linear", "cosine", "step", "exponential", "oneCycle"];

/** Of AdamW in runs of this length; the other optimizers have their own. */
const ADAMW = 1e-2;

/** A schedule that ends with the run, at a tenth of the peak but for `oneCycle`, after a twentieth of warm-up. */
export function scheduleOf(type: ScheduleName, peak: number, steps: number): Schedule {
  const warmup = Math.floor(steps / 20);
  switch (type) {
    case "constant":
      return { type, peak, warmup };
    case "linear":
    case "cosine":
      return { type, peak, warmup, steps, end: 0.1 };
    case "step":
      return { type, peak, warmup, every: Math.ceil((steps - warmup) / 3) };
    case "exponential":
      return { type, peak, warmup, gamma: 0.1, every: steps - warmup };
    case "oneCycle":
      return { type, peak, steps };
  }
}

/** The optimizer with its learning rate spread over the run. */
export function optimizerOf({ optimizer, schedule }: RunConfig, steps: number): RunConfig["optimizer"] {
  const { type = "adamw" } = optimizer;
  const given: LearningRate = optimizer.learningRate ?? (type === "adamw" ? ADAMW : checkOptimizer(type).learningRate);
  const learningRate = typeof given === "number" ? scheduleOf(schedule, given, steps) : given;
  return { ...optimizer, type, learningRate } as RunConfig["optimizer"];
}
