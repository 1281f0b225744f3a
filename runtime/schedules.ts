/**
 * @file The learning rate as a function of the step, which is an update of the optimizer where several steps make one. A schedule is
 * plain data, so that a file of options, a checkpoint and the report of a run can hold it; it has no state, so that a run which goes
 * on from a checkpoint goes on here too.
 */

import { checkFields, checkNumber, checkOneOf, checkWhole } from "./options.js";

interface Peaked {
  /** The largest learning rate. */
  readonly peak: number;
}

interface Warming extends Peaked {
  /**
   * Steps before the peak is reached, default 0. The rate rises linearly: peak · (s + 1) / (warmup + 1) when s steps are done. What
   * follows is the schedule as it is without warm-up, so many steps later.
   */
  readonly warmup?: number;
}

interface Falling extends Warming {
  /** Until the end is reached, those of the warm-up included. The rate then stays there. */
  readonly steps: number;
  /** The last rate as a fraction of the peak, default 0. */
  readonly end?: number;
}

/** The learning rate as a function of the updates done. Rates are at least 0, lengths are in updates. */
export type Schedule =
  | ({ readonly type: "constant" } & Warming)
  /** A straight line from the peak to the end. */
  | ({ readonly type: "linear" } & Falling)
  /** Half a cosine from the peak to the end [Loshchilov and Hutter 2017], without restarts. */
  | ({ readonly type: "cosine" } & Falling)
  /** peak · gamma^⌊s / every⌋; gamma is 0.1 by default. */
  | ({ readonly type: "step"; readonly every: number; readonly gamma?: number } & Warming)
  /** peak · gamma^(s / every); every is 1 by default. */
  | ({ readonly type: "exponential"; readonly gamma: number; readonly every?: number } & Warming)
  /**
   * From peak / divFactor up to the peak, then down to peak / divFactor / finalDivFactor, both by half a cosine [Smith and
   * Topin 2019], as `torch.optim.lr_scheduler.OneCycleLR` with its defaults, but for momentum, which is left alone.
   */
  | ({
      readonly type: "oneCycle";
      /** Until the end is reached. The rate then stays there. */
      readonly steps: number;
      /** The part of the steps in which the rate rises, below 1; default 0.3. */
      readonly pctStart?: number;
      /** Default 25. */
      readonly divFactor?: number;
      /** Default 10,000. */
      readonly finalDivFactor?: number;
    } & Peaked);

/** A learning rate that stays, or a schedule of it. */
export type LearningRate = number | Schedule;

const FIELDS: Readonly<Record<Schedule["type"], readonly string[]>> = {
  constant: ["warmup"],
  linear: ["warmup", "steps", "end"],
  cosine: ["warmup", "steps", "end"],
  step: ["warmup", "every", "gamma"],
  exponential: ["warmup", "gamma", "every"],
  oneCycle: ["steps", "pctStart", "divFactor", "finalDivFactor"],
};

/**
 * The learning rate as it was given.
 * @param name what messages call it.
 * @throws TypeError or RangeError naming the option.
 */
export function checkLearningRate(name: string, rate: LearningRate): LearningRate {
  if (typeof rate !== "object" || rate === null) return checkNumber(name, rate, 0);
  const types = Object.keys(FIELDS) as Schedule["type"][];
  const type = checkOneOf(`${name}.type`, rate.type, types);
  checkFields(name, rate, ["type", "peak", ...FIELDS[type]]);
  checkNumber(`${name}.peak`, rate.peak, 0);
  const { warmup = 0 } = rate as Warming;
  checkWhole(`${name}.warmup`, warmup, 0);
  switch (rate.type) {
    case "constant":
      break;
    case "linear":
    case "cosine":
      checkWhole(`${name}.steps`, rate.steps, warmup + 1);
      checkNumber(`${name}.end`, rate.end ?? 0, 0, 1);
      break;
    case "step":
      checkWhole(`${name}.every`, rate.every, 1);
      checkNumber(`${name}.gamma`, rate.gamma ?? 0.1, 0);
      break;
    case "exponential":
      checkNumber(`${name}.gamma`, rate.gamma, 0);
      checkWhole(`${name}.every`, rate.every ?? 1, 1);
      break;
    case "oneCycle":
      checkWhole(`${name}.steps`, rate.steps, 1);
      if (checkNumber(`${name}.pctStart`, rate.pctStart ?? 0.3, 0, 1) === 1) {
        throw new RangeError(`\`${name}.pctStart\` must be below 1: the rate has to fall too`);
      }
      checkNumber(`${name}.divFactor`, rate.divFactor ?? 25, 1);
      checkNumber(`${name}.finalDivFactor`, rate.finalDivFactor ?? 1e4, 1);
  }
  return rate;
}

/**
 * The rate of the next step. Nothing is checked.
 * @param done steps before it: 0 for the first.
 */
export function learningRateAt(rate: LearningRate, done: number): number {
  if (typeof rate === "number") return rate;
  if (rate.type === "oneCycle") return oneCycleAt(rate, done);
  const { peak, warmup = 0 } = rate;
  if (done < warmup) return (peak * (done + 1)) / (warmup + 1);
  const s = done - warmup;
  switch (rate.type) {
    case "constant":
      return peak;
    case "linear":
    case "cosine": {
      const { steps, end = 0 } = rate;
      const progress = Math.min(1, s / (steps - warmup));
      const left = rate.type === "linear" ? 1 - progress : halfCosine(progress);
      return peak * (end + (1 - end) * left);
    }
    case "step":
      return peak * (rate.gamma ?? 0.1) ** Math.floor(s / rate.every);
    case "exponential":
      return peak * rate.gamma ** (s / (rate.every ?? 1));
  }
}

/** From 1 at 0 to 0 at 1. */
const halfCosine = (progress: number): number => (1 + Math.cos(Math.PI * progress)) / 2;

function oneCycleAt(rate: Extract<Schedule, { type: "oneCycle" }>, done: number): number {
  const { peak, steps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = rate;
  const first = peak / divFactor;
  const last = first / finalDivFactor;
  // Where the peak is need not be a whole number.
  const top = pctStart * steps - 1;
  if (done < top) return peak + (first - peak) * halfCosine(done / top);
  return last + (peak - last) * halfCosine(Math.min(1, (done - top) / (steps - 1 - top)));
}
