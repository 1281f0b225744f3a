/** @file What a fit is asked for and what it tells: options, callbacks, history. */

import type { Batches } from "./batches.js";
import type { Best, EarlyStopping } from "./early-stopping.js";
import type { FitControl } from "./fit-control.js";
import type { Evaluation } from "./metrics.js";
import { checkFields, checkWhole } from "./options.js";

/** A step of a fit, with what it computed. Its loss and metrics are those of its batch, before the update. */
export interface StepRecord extends Evaluation {
  /** Of the trainer, from 1. */
  readonly step: number;
  /** Of the fit, from 1. */
  readonly epoch: number;
  /** The norm of all gradients before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Whether nothing was learned of it. */
  readonly skipped: boolean;
}

/** An evaluation within a fit: means over the examples of the validation. */
export interface ValidationRecord extends Evaluation {
  /** The trainer's step after which it was made. */
  readonly step: number;
  readonly epoch: number;
}

/** Loss and metrics are means over the epoch's steps but those that were skipped. */
export interface EpochRecord extends Evaluation {
  /** From 1. */
  readonly epoch: number;
  /** The trainer's last step in it. */
  readonly step: number;
  /** How many steps it has. */
  readonly steps: number;
  /** Made after its last step. */
  readonly validation?: ValidationRecord;
}

/** All that a fit has told its callbacks, in order. */
export interface History {
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];
  readonly validations: readonly ValidationRecord[];
  /** Of the number that `earlyStopping` monitors. */
  readonly best?: Best;
  /** `finished`: all steps or epochs are done; `stopped`: by `Fit.stop`; `early`: by `earlyStopping`. */
  readonly ended: "finished" | "stopped" | "early";
}

type Awaitable = void | Promise<void>;

/** The fit waits for each, and ends with what one throws. */
export interface FitCallbacks {
  onTrainBegin?(fit: FitControl): Awaitable;
  onEpochBegin?(epoch: number, fit: FitControl): Awaitable;
  /**
   * In the order of the steps, each late by the same number: once `stepsInFlight` − 1 more are submitted. Before a validation and at
   * the end of an epoch all of them are told.
   */
  onStepEnd?(record: StepRecord, fit: FitControl): Awaitable;
  onValidationEnd?(record: ValidationRecord, fit: FitControl): Awaitable;
  onEpochEnd?(record: EpochRecord, fit: FitControl): Awaitable;
  /** Not where the fit fails or is aborted. */
  onTrainEnd?(history: History, fit: FitControl): Awaitable;
}

/** How long a fit goes on, what it is judged by, who is told. */
export interface FitOptions<Batch extends object> {
  /** Default 1, or as many as it takes where `steps` is given. */
  readonly epochs?: number;
  /** Steps in all, at most. */
  readonly steps?: number;
  /** Steps an epoch, through one pass over the batches after another. By default an epoch is one pass. */
  readonly stepsPerEpoch?: number;
  /** What the model is evaluated on, dropout off. */
  readonly validation?: Batches<Batch> | Batch;
  /** Validates after each step of the trainer that is a multiple of this, and at the end. By default after each epoch. */
  readonly validateEvery?: number;
  /** Several are called in their order. */
  readonly callbacks?: FitCallbacks | readonly FitCallbacks[];
  readonly earlyStopping?: EarlyStopping;
  /** Its abort ends the fit with its reason once the steps on their way are done. The model has learned from all of them. */
  readonly signal?: AbortSignal;
}

/** With its defaults, and numbers that may be infinite. */
export interface Bounds {
  readonly epochs: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly validateEvery: number;
}

const FIELDS = [
  "epochs",
  "steps",
  "stepsPerEpoch",
  "validation",
  "validateEvery",
  "callbacks",
  "earlyStopping",
  "signal",
];

/** @throws TypeError or RangeError naming the option. */
export function checkFitOptions<Batch extends object>(options: FitOptions<Batch>): Bounds {
  checkFields("fit", options, FIELDS);
  const { steps, epochs = steps === undefined ? 1 : undefined, stepsPerEpoch, validateEvery } = options;
  const atLeastOne = (name: string, value: number | undefined): number =>
    value === undefined ? Number.POSITIVE_INFINITY : checkWhole(name, value, 1);
  if (validateEvery !== undefined && options.validation === undefined) {
    throw new TypeError("`validateEvery` is given and `validation` is not: give the batches to validate on");
  }
  return {
    epochs: atLeastOne("epochs", epochs),
    steps: atLeastOne("steps", steps),
    stepsPerEpoch: atLeastOne("stepsPerEpoch", stepsPerEpoch),
    validateEvery: atLeastOne("validateEvery", validateEvery),
  };
}
