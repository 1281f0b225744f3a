/**
 * @file A run over its steps: fits from one stop to the next, where it is validated or a checkpoint is written. At a stop no step
 * is on its way, so that a run which goes on from a checkpoint has the same bits as one that was never interrupted.
 */

import type { LoaderState } from "../../../runtime/data/loader.js";
import { type Best, Improvement, type ImprovementState } from "../../../runtime/early-stopping.js";
import type { Fit } from "../../../runtime/fit-control.js";
import type { StepRecord, ValidationRecord } from "../../../runtime/fit-options.js";
import type { AnyInputs } from "../../../runtime/model.js";
import type { Trainer } from "../../../runtime/trainer.js";
import { CommandError } from "../exit.js";
import { blame, type RunConfig } from "./config.js";
import type { BoundData } from "./data.js";

/** Where a run stands, beside its trainer; plain data. */
export interface Progress {
  readonly step: number;
  readonly position: LoaderState;
  /** Of training. */
  readonly seconds: number;
  readonly skipped: number;
  readonly improvement?: ImprovementState;
}

/** What a run tells, each before the run goes on. */
export interface RunListener {
  step(record: StepRecord, seconds: number): void;
  /** @param best whether it is the best so far; false without early stopping. */
  validation(record: ValidationRecord, best: boolean): Promise<void>;
  checkpoint(progress: Progress): Promise<void>;
}

/** Steps of a run, with its defaults settled. */
export interface Schedule {
  readonly steps: number;
  readonly validateEvery: number;
}

/** How often a run is validated that does not say so. */
const VALIDATIONS = 4;

/** @param epochLength none where the data never ends. @throws CommandError where there should be epochs then. */
export function scheduleRun({ steps, epochs, validateEvery }: RunConfig, epochLength: number | undefined): Schedule {
  if (epochs !== undefined && epochLength === undefined) {
    throw new CommandError("this data has no end, and so no epochs: give --steps (a text has epochs with --stateful)");
  }
  const passes = epochs === undefined ? Number.POSITIVE_INFINITY : epochs * (epochLength ?? 1);
  const total = Math.min(steps ?? Number.POSITIVE_INFINITY, passes);
  return { steps: total, validateEvery: validateEvery ?? Math.ceil(total / VALIDATIONS) };
}

export class Run {
  #fit: Fit | undefined;
  #stopped = false;
  #step = 0;
  /** Of the last checkpoint. */
  #saved = 0;
  #skipped = 0;
  #before = 0;
  #started = performance.now();
  #lastValidation: ValidationRecord | undefined;
  readonly #improvement: Improvement | undefined;

  constructor(
    private readonly trainer: Trainer<AnyInputs>,
    private readonly data: BoundData,
    private readonly config: RunConfig & Schedule,
    metrics: readonly string[],
    private readonly listener: RunListener,
  ) {
    const { earlyStopping } = config;
    if (earlyStopping === undefined) return;
    this.#improvement = blame("", () => {
      const improvement = new Improvement(earlyStopping, data.validation !== undefined, metrics);
      if (improvement.kind === "validation") return improvement;
      throw new TypeError(
        "early stopping looks at validations: hold something out (--validation), and let `earlyStopping.monitor` be of them",
      );
    });
  }

  /** Before `train`. @throws Error where the position is one of other data. */
  resume({ step, position, seconds, skipped, improvement }: Progress): void {
    this.data.training.restore(position);
    this.#step = step;
    this.#saved = step;
    this.#before = seconds;
    this.#skipped = skipped;
    if (improvement !== undefined && this.#improvement !== undefined) this.#improvement.state = improvement;
  }

  get step(): number {
    return this.#step;
  }

  get seconds(): number {
    return this.#before + (performance.now() - this.#started) / 1000;
  }

  get skipped(): number {
    return this.#skipped;
  }

  /** Of the number that early stopping monitors. */
  get best(): Best | undefined {
    return this.#improvement?.best;
  }

  get restoresBest(): boolean {
    return this.#improvement?.restoresBest === true;
  }

  get ended(): "finished" | "stopped" | "early" {
    return this.#stopped ? "stopped" : this.#improvement?.isOver === true ? "early" : "finished";
  }

  /** The run ends after this step, as a shorter one would. */
  stop(): void {
    this.#stopped = true;
    this.#fit?.stop();
  }

  /** To the end, or to where it is stopped. */
  async train(): Promise<void> {
    const { steps, validateEvery, checkpointEvery } = this.config;
    this.#started = performance.now();
    const first = this.#step;
    while (this.#step < steps && !this.#isOver) {
      const next = Math.min(
        steps,
        ...[validateEvery, checkpointEvery].map((every) => this.#step - (this.#step % every) + every),
      );
      await this.#fitTo(next);
      if (this.#step >= steps || this.#step % validateEvery === 0) await this.#validate(true);
      if (this.#step % checkpointEvery === 0) await this.#checkpoint();
    }
    if (this.#step === first) return;
    await this.#validate(false);
    if (this.#saved !== this.#step) await this.#checkpoint();
  }

  get #isOver(): boolean {
    return this.#stopped || this.#improvement?.isOver === true;
  }

  get #epoch(): number {
    return 1 + Math.floor(Math.max(0, this.#step - 1) / (this.data.training.epochLength ?? Number.POSITIVE_INFINITY));
  }

  async #fitTo(step: number): Promise<void> {
    const onStepEnd = (record: StepRecord) => {
      this.#step = record.step;
      if (record.skipped) this.#skipped++;
      this.listener.step({ ...record, epoch: this.#epoch }, this.seconds);
    };
    this.#fit = this.trainer.fit(this.data.training, { steps: step - this.#step, callbacks: { onStepEnd } });
    if (this.#stopped) this.#fit.stop();
    await this.#fit;
    this.#fit = undefined;
  }

  /** @param isDue whether it would be made if nobody had stopped the run; else it decides nothing. */
  async #validate(isDue: boolean): Promise<void> {
    const { validation } = this.data;
    if (validation === undefined || this.#lastValidation?.step === this.#step) return;
    const record = { step: this.#step, epoch: this.#epoch, ...(await this.trainer.evaluate(validation)) };
    this.#lastValidation = record;
    await this.listener.validation(record, (isDue && this.#improvement?.look(this.#step, record)) ?? false);
  }

  async #checkpoint(): Promise<void> {
    const improvement = this.#improvement?.state;
    this.#saved = this.#step;
    await this.listener.checkpoint({
      step: this.#step,
      position: this.data.training.state(),
      seconds: this.seconds,
      skipped: this.#skipped,
      ...(improvement && { improvement }),
    });
  }
}
