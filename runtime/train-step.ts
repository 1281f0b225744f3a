/** @file What a training step gives: promises of what the device computes, and of whether it was of use. */

import { NonFiniteError } from "./errors.js";
import type { Manifest } from "./manifest.js";
import { metricsOf, scalar } from "./metrics.js";
import { type Fault, faultOf, type Outcome } from "./outcomes.js";
import type { Values } from "./readback.js";
import { NORM, VERDICT } from "./updater.js";

/**
 * A step that was submitted. What it computes arrives later. The promises reject where the step's numbers are not finite and
 * `onNonFinite` is `error`; otherwise they are given as they are.
 */
export interface TrainStep {
  /** From 1. */
  readonly step: number;
  /** Whether it ends with an update: not where its gradients are added up with those of steps to come (`accumulate`). */
  readonly updates: boolean;
  /** Of its update, or of the update to come. */
  readonly learningRate: number;
  readonly loss: Promise<number>;
  readonly metrics: Promise<Readonly<Record<string, number>>>;
  /** The norm of all gradients of the update after clipping by value and before clipping by norm; NaN in a step without update. */
  readonly gradNorm: Promise<number>;
  /**
   * Whether nothing was learned: a gradient was too large for f16, and the loss's scale falls; or a number was not finite, which
   * `onNonFinite` allows. False in a step without update.
   */
  readonly skipped: Promise<boolean>;
}

/** What is known of a step as it is submitted. */
export interface Submitted extends Pick<TrainStep, "step" | "updates" | "learningRate"> {
  readonly lossScale: number;
  /** Whether promises reject where numbers are not finite. */
  readonly strict: boolean;
}

/** @param finished its scalars, when they are there. */
export function trainStepOf(
  { step, updates, learningRate, lossScale, strict }: Submitted,
  manifest: Manifest,
  finished: Promise<Values>,
): { readonly trainStep: TrainStep; readonly outcome: Promise<Outcome | undefined> } {
  const outcomeOf = (values: Values): Outcome => ({ step, lossScale, verdict: scalar(values, VERDICT) });
  const fault = (values: Values): Fault | undefined => (updates ? faultOf(outcomeOf(values), manifest) : undefined);
  const later = <T>(pick: (values: Values) => T): Promise<T> => {
    const promise = finished.then((values) => {
      const found = fault(values);
      if (strict && found !== undefined && found !== "overflow") throw new NonFiniteError(step, found);
      return pick(values);
    });
    // Who does not look at the loss is told by a later step, not by an unhandled rejection.
    promise.catch(() => {});
    return promise;
  };
  const trainStep = {
    step,
    updates,
    learningRate,
    loss: later((values) => scalar(values, "loss")),
    metrics: later((values) => metricsOf(values, manifest.metrics)),
    gradNorm: later((values) => (updates ? scalar(values, NORM) : Number.NaN)),
    skipped: later((values) => fault(values) !== undefined),
  };
  return { trainStep, outcome: finished.then(outcomeOf).catch(() => undefined) };
}
