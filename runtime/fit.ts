/**
 * @file Training over many batches. Whatever the host learns of a step acts a fixed number of steps later, never as soon as it
 * arrives, so that the device is always busy and a run repeats bit for bit.
 */

import { type Batches, BatchReader } from "./batches.js";
import { Improvement } from "./early-stopping.js";
import { Breather } from "./event-loop.js";
import { Control, Fit } from "./fit-control.js";
import {
  type Bounds,
  checkFitOptions,
  type EpochRecord,
  type FitCallbacks,
  type FitOptions,
  type History,
  type StepRecord,
  type ValidationRecord,
} from "./fit-options.js";
import { type Evaluation, MeanEvaluation } from "./metrics.js";
import type { TrainStep } from "./train-step.js";

/** What a fit needs of a trainer. */
export interface Trainee<Batch extends object> {
  readonly stepsInFlight: number;
  /** Their names. */
  readonly metrics: readonly string[];
  trainStep(batch: Batch): Promise<TrainStep>;
  evaluate(data: Batches<Batch> | Batch, options: { readonly signal?: AbortSignal | undefined }): Promise<Evaluation>;
  /** The next batch does not go on where the last one ended. */
  endPass(): void;
  /** Room for a copy of the parameters. */
  keepParameters(): Promise<{ keep(): void; restore(): void; destroy(): void }>;
}

const busy = new WeakSet<object>();

/** Begins at once. What is wrong with the options is told by the promise. */
export function startFit<Batch extends object>(
  trainee: Trainee<Batch>,
  batches: Batches<Batch>,
  options: FitOptions<Batch>,
): Fit {
  const control = new Control(options.signal);
  const run = async (): Promise<History> => {
    const bounds = checkFitOptions(options);
    if (busy.has(trainee)) throw new Error("this trainer is in a fit already: wait for its end, or stop it");
    busy.add(trainee);
    try {
      return await new Run(trainee, batches, options, bounds, control).run();
    } finally {
      busy.delete(trainee);
      control.release();
    }
  };
  return new Fit(control, run());
}

class Run<Batch extends object> {
  readonly #steps: StepRecord[] = [];
  readonly #epochs: EpochRecord[] = [];
  readonly #validations: ValidationRecord[] = [];
  /** Submitted, and not yet told of. */
  readonly #pending: TrainStep[] = [];
  readonly #reader: BatchReader<Batch>;
  readonly #callbacks: readonly FitCallbacks[];
  readonly #improvement: Improvement | undefined;
  readonly #breather = new Breather();
  #kept: Awaited<ReturnType<Trainee<Batch>["keepParameters"]>> | undefined;
  #submitted = 0;
  /** The trainer's. */
  #lastStep = 0;

  constructor(
    private readonly trainee: Trainee<Batch>,
    batches: Batches<Batch>,
    private readonly options: FitOptions<Batch>,
    private readonly bounds: Bounds,
    private readonly control: Control,
  ) {
    const { callbacks = [], earlyStopping, validation } = options;
    this.#reader = new BatchReader(batches, "the batches");
    this.#callbacks = [callbacks].flat();
    this.#improvement = earlyStopping && new Improvement(earlyStopping, validation !== undefined, trainee.metrics);
  }

  async run(): Promise<History> {
    try {
      const history = await this.#train();
      await this.#reader.close();
      return history;
    } catch (error) {
      await Promise.allSettled(this.#pending.map(({ loss }) => loss));
      await this.#reader.close().catch(() => {});
      throw error;
    } finally {
      this.#kept?.destroy();
    }
  }

  async #train(): Promise<History> {
    const { epochs } = this.bounds;
    if (this.#improvement?.restoresBest === true) this.#kept = await this.trainee.keepParameters();
    for (const each of this.#callbacks) await each.onTrainBegin?.(this.control);
    for (let epoch = 1; epoch <= epochs && !this.#isOver; epoch++) await this.#trainEpoch(epoch);
    const best = this.#improvement?.best;
    if (best !== undefined && best.step !== this.#lastStep) this.#kept?.restore();
    const history: History = {
      steps: this.#steps,
      epochs: this.#epochs,
      validations: this.#validations,
      ...(best && { best }),
      ended: this.#improvement?.isOver ? "early" : this.control.stopped ? "stopped" : "finished",
    };
    for (const each of this.#callbacks) await each.onTrainEnd?.(history, this.control);
    return history;
  }

  async #trainEpoch(epoch: number): Promise<void> {
    const { epochs, stepsPerEpoch, validateEvery } = this.bounds;
    for (const each of this.#callbacks) await each.onEpochBegin?.(epoch, this.control);
    const first = this.#steps.length;
    let count = 0;
    while (count < stepsPerEpoch && !this.#isOver) {
      const batch = await this.control.unlessEnded(() => this.#reader.next());
      if (batch === undefined) {
        if (!this.control.stopped) this.trainee.endPass();
        // A pass is over, and with it the epoch unless that has steps of its own number.
        if (stepsPerEpoch < Number.POSITIVE_INFINITY && !this.control.stopped) continue;
        break;
      }
      count++;
      await this.#step(batch, epoch, epoch === epochs && count === stepsPerEpoch);
      if (this.#lastStep % validateEvery === 0) await this.#validate(epoch);
    }
    if (count === 0) return;
    await this.#settle(epoch);
    const mean = new MeanEvaluation();
    for (const record of this.#steps.slice(first)) if (!record.skipped) mean.add(record);
    if (this.#improvement?.kind === "training") this.#look(mean.value);
    const isLast = this.#isOver || epoch === epochs;
    if (isLast || validateEvery === Number.POSITIVE_INFINITY) await this.#validate(epoch);
    const last = this.#validations.at(-1);
    const record: EpochRecord = {
      epoch,
      step: this.#lastStep,
      steps: count,
      ...mean.value,
      ...(last?.step === this.#lastStep && { validation: last }),
    };
    this.#epochs.push(record);
    for (const each of this.#callbacks) await each.onEpochEnd?.(record, this.control);
  }

  async #step(batch: Batch, epoch: number, isLast: boolean): Promise<void> {
    const submitted = await this.trainee.trainStep(batch);
    this.#lastStep = submitted.step;
    this.#pending.push(submitted);
    this.#submitted++;
    // Not before: who makes batches may use the same arrays for all of them.
    if (!isLast && this.#submitted < this.bounds.steps) this.#reader.prefetch();
    await this.#settle(epoch, this.trainee.stepsInFlight - 1);
    await this.#breather.breathe();
  }

  /** Tells of steps until no more than so many are on their way. */
  async #settle(epoch: number, most = 0): Promise<void> {
    while (this.#pending.length > most) {
      const [{ step, learningRate, ...later }] = this.#pending.splice(0, 1);
      const [loss, metrics, gradNorm, skipped] = await Promise.all([
        later.loss,
        later.metrics,
        later.gradNorm,
        later.skipped,
      ]);
      const record: StepRecord = { step, epoch, loss, metrics, gradNorm, learningRate, skipped };
      this.#steps.push(record);
      this.control.check();
      for (const each of this.#callbacks) await each.onStepEnd?.(record, this.control);
    }
  }

  /** Unless that was done after the last step already. */
  async #validate(epoch: number): Promise<void> {
    const { validation, signal } = this.options;
    const step = this.#lastStep;
    if (validation === undefined || this.#validations.at(-1)?.step === step) return;
    await this.#settle(epoch);
    const evaluation = await this.trainee.evaluate(validation, { signal });
    const record: ValidationRecord = { step, epoch, ...evaluation };
    this.#validations.push(record);
    if (this.#improvement?.kind === "validation") this.#look(record);
    for (const each of this.#callbacks) await each.onValidationEnd?.(record, this.control);
  }

  #look(seen: Evaluation): void {
    if (this.#improvement?.look(this.#lastStep, seen) === true) this.#kept?.keep();
  }

  get #isOver(): boolean {
    return this.control.stopped || this.#submitted >= this.bounds.steps || this.#improvement?.isOver === true;
  }
}
