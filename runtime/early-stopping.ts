/** @file When more training no longer pays: a number that has not become better for a while. */

import type { Evaluation } from "./metrics.js";
import { checkFields, checkNumber, checkOneOf, checkWhole } from "./options.js";

/** Ends a fit when a number has not become better for a while. */
export interface EarlyStopping {
  /**
   * `validation.loss`, `loss`, or a metric as `validation.NAME` or `NAME`. Those of the validation are looked at after each, the others
   * at the end of each epoch, of which they are the mean. Default: `validation.loss` where there is a validation, else `loss`.
   */
  readonly monitor?: string;
  /** Looks in a row without improvement that end the fit, default 0, which is as 1. */
  readonly patience?: number;
  /** What is less than this is no improvement; default 0. */
  readonly minDelta?: number;
  /** Whether less is better or more. `min` for a loss; for a metric it has to be said. */
  readonly mode?: "min" | "max";
  /** Whether the model gets its best parameters back when the fit ends, early or not; default false. */
  readonly restoreBest?: boolean;
}

/** The best value of the monitored number. */
export interface Best {
  /** The trainer's step after which it was seen. */
  readonly step: number;
  readonly value: number;
}

/** What was seen so far, as plain data. */
export interface ImprovementState {
  /** Looks since the best one. */
  readonly waited: number;
  readonly best?: Best;
}

/** What is looked at: an epoch's means, or a validation. */
type Kind = "training" | "validation";

const FIELDS = ["monitor", "patience", "minDelta", "mode", "restoreBest"] as const;
const VALIDATION = "validation.";

/** Judges numbers as they come. */
export class Improvement {
  readonly kind: Kind;
  readonly #name: string;
  readonly #sign: 1 | -1;
  readonly #patience: number;
  readonly #minDelta: number;
  readonly restoresBest: boolean;
  #waited = 0;
  #best: Best | undefined;

  /** @throws TypeError or RangeError naming the option. */
  constructor(options: EarlyStopping, hasValidation: boolean, metrics: readonly string[]) {
    checkFields("earlyStopping", options, FIELDS);
    const { monitor = hasValidation ? "validation.loss" : "loss", restoreBest = false } = options;
    const known = ["loss", ...metrics];
    const all = hasValidation ? [...known, ...known.map((name) => VALIDATION + name)] : known;
    checkOneOf("earlyStopping.monitor", monitor, all);
    this.kind = monitor.startsWith(VALIDATION) ? "validation" : "training";
    this.#name = monitor.replace(VALIDATION, "");
    const mode = options.mode ?? (this.#name === "loss" ? "min" : undefined);
    this.#sign = checkOneOf("earlyStopping.mode", mode, ["min", "max"]) === "min" ? 1 : -1;
    this.#patience = checkWhole("earlyStopping.patience", options.patience ?? 0, 0);
    this.#minDelta = checkNumber("earlyStopping.minDelta", options.minDelta ?? 0, 0);
    this.restoresBest = restoreBest;
  }

  get best(): Best | undefined {
    return this.#best;
  }

  get state(): ImprovementState {
    return { waited: this.#waited, ...(this.#best && { best: this.#best }) };
  }

  set state({ waited, best }: ImprovementState) {
    this.#waited = waited;
    this.#best = best;
  }

  /** Whether it has become no better for long enough. */
  get isOver(): boolean {
    return this.#waited > 0 && this.#waited >= this.#patience;
  }

  /** Takes in what was seen after a step. What is not a number is no improvement. @returns whether it is the best so far. */
  look(step: number, { loss, metrics }: Evaluation): boolean {
    const value = this.#name === "loss" ? loss : metrics[this.#name];
    const gain = this.#best === undefined ? Number.POSITIVE_INFINITY : this.#sign * (this.#best.value - value);
    const better = !Number.isNaN(value) && gain > this.#minDelta;
    this.#waited = better ? 0 : this.#waited + 1;
    if (better) this.#best = { step, value };
    return better;
  }
}
