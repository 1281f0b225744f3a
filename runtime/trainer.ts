/**
 * @file Training: one submit a step with everything in it, and a bounded queue of steps on their way, so that the
 * device never waits for the host to read a loss.
 */

/// <reference lib="esnext.disposable" preserve="true" />

import type { Lengths } from "./arena.js";
import type { Batches } from "./batches.js";
import { CarriedStates, checkBatch, swapsToCarry } from "./carried-states.js";
import {
  type CheckpointExtra,
  decodeCheckpoint,
  encodeCheckpoint,
  parameterRegions,
  readRegions,
} from "./checkpoint.js";
import type { Destroyable, ModelCore } from "./core.js";
import { countElements, scalarRegions } from "./core.js";
import { NonFiniteError } from "./errors.js";
import { startFit, type Trainee } from "./fit.js";
import type { Fit } from "./fit-control.js";
import type { FitOptions } from "./fit-options.js";
import { KeptParameters } from "./kept-parameters.js";
import { LossScale } from "./loss-scale.js";
import { LOSS_SCALE } from "./manifest.js";
import type { Evaluation } from "./metrics.js";
import { faultOf, type Outcome, Outcomes } from "./outcomes.js";
import { looksLong, Portions } from "./portions.js";
import { Execution } from "./program.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedules.js";
import { Snapshots } from "./snapshots.js";
import { type TrainStep, trainStepOf } from "./train-step.js";
import { checkResumable, checkTraining, type TrainingOptions, type TrainingSettings } from "./training-options.js";
import { tunedVariants } from "./tuner-choice.js";
import { Turns } from "./turns.js";
import { type StepNumbers, Updater } from "./updater.js";

/** Dropout off. */
type EvaluateBatches<Batch extends object> = (
  data: Batches<Batch> | Batch,
  signal: AbortSignal | undefined,
) => Promise<Evaluation>;

/** The training program at one batch and length, with the state of its optimizer. `Batch` is inputs and targets. */
export class Trainer<Batch extends object> implements Destroyable {
  readonly #inFlight = new Set<Promise<void>>();
  readonly #scalars: readonly Region[];
  readonly #readback: Readback;
  readonly #portions: Portions;
  readonly #outcomes: Outcomes;
  readonly #scale: LossScale;
  readonly #states: CarriedStates;
  /** The last step's gradients. */
  #scaledBy = 1;
  readonly #turns = new Turns();
  #step = 0;
  /** Updates tried. */
  #updates = 0;
  /** Steps whose gradients wait for an update. */
  #waiting = 0;
  #skipped = 0;
  /** The last step before parameters went back to a snapshot. */
  #rolledBack = 0;
  #learningRate: LearningRate;
  #destroyed = false;
  readonly #trainee: Trainee<Batch>;

  /** @internal Made by `Model.trainer`. */
  static async create<Batch extends object>(
    core: ModelCore,
    sizes: Lengths,
    options: TrainingOptions,
    evaluate: EvaluateBatches<Batch>,
  ): Promise<Trainer<Batch>> {
    core.check();
    const settings = checkTraining(core.manifest, options);
    const compiled = core.compile("train");
    const chosen = await tunedVariants(core, "train", sizes);
    const made: Destroyable[] = [];
    const keep = <T extends Destroyable>(each: T): T => {
      made.push(each);
      return each;
    };
    try {
      const swaps = swapsToCarry(compiled, settings.stateful);
      const execution = keep(await Execution.create(compiled, sizes, core.params, swaps, chosen));
      const updater = keep(await Updater.create(core, execution, settings));
      const { policy, every } = settings.onNonFinite;
      const snapshots =
        policy === "rollback" ? keep(await Snapshots.create(core, updater.everything, every)) : undefined;
      return core.own(new Trainer(core, execution, updater, snapshots, settings, evaluate));
    } catch (error) {
      for (const each of made) each.destroy();
      throw error;
    }
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly execution: Execution,
    private readonly updater: Updater,
    private readonly snapshots: Snapshots | undefined,
    private readonly settings: TrainingSettings,
    private readonly evaluateBatches: EvaluateBatches<Batch>,
  ) {
    this.#learningRate = settings.optimizer.learningRate;
    this.#scale = new LossScale(core.manifest.precision, execution.sizes);
    this.#states = new CarriedStates(core, execution, settings.stateful);
    this.#scalars = [...scalarRegions(execution), ...updater.outcome];
    this.#readback = new Readback(core.device, countElements(this.#scalars));
    this.#portions = new Portions(execution, core.device, looksLong(execution.sizes, core.manifest.layout.total));
    this.#outcomes = new Outcomes(settings.stepsInFlight, (outcome) => this.#act(outcome));
    this.#trainee = {
      stepsInFlight: settings.stepsInFlight,
      metrics: core.manifest.metrics,
      trainStep: (batch) => this.trainStep(batch),
      evaluate: (data, options) => this.evaluate(data, options),
      endPass: () => this.#states.reset(),
      keepParameters: () => KeptParameters.create(core),
    };
  }

  /** How many steps were submitted, those of the run that was loaded included. */
  get step(): number {
    return this.#step;
  }

  /** Of a step that makes an update, which is part of it. */
  get dispatchesPerStep(): number {
    return this.execution.dispatches + this.updater.dispatches;
  }

  /** Bytes of everything a step works on besides the parameters and the optimizer's state. */
  get arenaBytes(): number {
    return this.execution.arenaBytes;
  }

  /** By how much the loss's derivative is scaled up within the next step, where the model is compiled for f16. It adapts itself. */
  get lossScale(): number {
    return this.#scale.value;
  }

  /** Steps known to have learned nothing, as far back as `stepsInFlight` steps. */
  get skippedSteps(): number {
    return this.#skipped;
  }

  /** Of the next update. */
  get learningRate(): number {
    return learningRateAt(this.#learningRate, this.#updates);
  }

  /** Holds from the next update on that has not begun, in place of a schedule too. */
  set learningRate(value: number) {
    this.#learningRate = checkLearningRate("learningRate", value);
  }

  /**
   * Checks and submits one step. Resolves as soon as it is submitted, which waits only while too many steps are on
   * their way: a loop that awaits nothing but this keeps the device busy. Calls run in their order.
   * @throws TypeError or RangeError about the batch before anything is submitted; NonFiniteError about a step so many before as
   * may be on their way, if `onNonFinite` says so; Error once the device has failed.
   */
  trainStep(batch: Batch): Promise<TrainStep> {
    return this.#turns.take(async () => {
      const { stepsInFlight } = this.settings;
      while (this.#inFlight.size >= stepsInFlight) await Promise.race(this.#inFlight);
      // Gradients that are added up are all of the same parameters, at the same scale.
      if (this.#waiting === 0) await this.#outcomes.settle(this.#step + 1);
      this.#check();
      return this.#submit(batch);
    });
  }

  /**
   * Trains on batches, for epochs or steps, with validation, early stopping and callbacks. What it gives is the promise of a history,
   * with `pause`, `resume` and `stop`. It rejects with TypeError or RangeError about an option, the signal's reason, and whatever
   * `trainStep`, the batches or a callback throw.
   */
  fit(batches: Batches<Batch>, options: FitOptions<Batch> = {}): Fit {
    return startFit(this.#trainee, batches, options);
  }

  /**
   * Loss and metrics with the present parameters, dropout off, after the steps already asked for: of a batch, or the mean over all
   * examples of batches, of which some, such as the last, may have fewer examples.
   */
  evaluate(
    data: Batches<Batch> | Batch,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Evaluation> {
    return this.#turns.take(async () => {
      this.#check();
      return this.evaluateBatches(data, signal);
    });
  }

  /**
   * Every example of the next batch begins anew, as with all of its flags set; after the steps already asked for.
   * @throws Error where the trainer is not `stateful`.
   */
  resetStates(): Promise<void> {
    return this.#turns.take(async () => {
      this.#check();
      if (!this.settings.stateful) throw new Error("the trainer carries no states: make it with `stateful: true`");
      this.#states.reset();
    });
  }

  /** The gradients of the last step alone, before clipping, by the name of their parameter. Parameters frozen in the spec have none. */
  gradients(): Promise<Record<string, Float32Array>> {
    return this.#turns.take(async () => {
      this.#check();
      const { core, execution } = this;
      const slot = execution.compiled.program.gradients;
      if (slot === undefined || this.#step === 0) throw new Error("there are no gradients before the first step");
      const regions = parameterRegions(core.manifest)
        .filter(({ offset }) => offset < core.manifest.layout.trainable)
        .map((region) => ({ ...region, offset: execution.offsetOf(slot) + region.offset }));
      const scale = this.#scaledBy;
      const values = await readRegions(core, execution.arena, regions);
      return Object.fromEntries(Object.entries(values).map(([name, array]) => [name, array.map((x) => x / scale)]));
    });
  }

  /**
   * Parameters, the optimizer's state and where training is, as a safetensors file, from which it can go on.
   * @param options.extra what `load` is to give back.
   */
  save({ extra = {} }: { readonly extra?: CheckpointExtra } = {}): Promise<Uint8Array> {
    return this.#turns.take(async () => {
      this.#check();
      const { core, updater } = this;
      const outcomes = await this.#outcomes.pending();
      const [values, { arrays, ...remembered }, carried] = await Promise.all([
        readRegions(core, core.params, parameterRegions(core.manifest)),
        updater.read(this.#waiting > 0),
        this.#states.read(),
      ]);
      const state = {
        optimizer: this.settings.optimizer.type,
        step: this.#step,
        updates: this.#updates,
        ...remembered,
        lossScale: this.#scale.state,
        outcomes,
        rolledBack: this.#rolledBack,
        waiting: this.#waiting,
      };
      return encodeCheckpoint(core.manifest, values, { state, arrays, carried, extra });
    });
  }

  /**
   * Takes the model's parameters and the optimizer's state from a file, all or nothing. The learning rate and the
   * other options stay this trainer's; of a schedule, it goes on where the file's run was.
   * @returns the `extra` that it was saved with.
   * @throws Error naming what differs, or where the file has no optimizer's state or another optimizer's.
   */
  load(bytes: Uint8Array): Promise<CheckpointExtra> {
    return this.#turns.take(async () => {
      this.#check();
      const { core, updater, settings } = this;
      const { parameters, training } = decodeCheckpoint(core.manifest, bytes);
      if (training === undefined) {
        throw new Error("the file holds no optimizer's state: write it by `trainer.save`, or load it by `model.load`");
      }
      const { state, arrays, extra } = training;
      const carried = settings.stateful ? training.carried : undefined;
      checkResumable(state, settings);
      if (carried !== undefined) this.#states.check(carried);
      updater.write({ arrays, ...state }, state.waiting > 0);
      core.device.queue.writeBuffer(core.params, 0, parameters);
      this.#states.write(carried);
      this.snapshots?.forget();
      this.#outcomes.replace(state.outcomes);
      this.#scale.state = state.lossScale;
      this.#step = state.step;
      this.#updates = state.updates;
      this.#waiting = state.waiting;
      this.#rolledBack = state.rolledBack;
      return extra;
    });
  }

  /** Frees the trainer's buffers; the model keeps what was learned. Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.core.disown(this);
    this.execution.destroy();
    this.updater.destroy();
    this.snapshots?.destroy();
    this.#readback.destroy();
  }

  /** `using` ends in `destroy`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #check(): void {
    this.core.check();
    if (this.#destroyed) throw new Error("the trainer was destroyed: make a new one with `model.trainer`");
  }

  async #submit(batch: Batch): Promise<TrainStep> {
    const { core, execution } = this;
    const { inputs, targets } = core.manifest;
    const { program } = execution.compiled;
    const { stateful } = this.settings;
    const slots = checkBatch(core, program, [...inputs, ...targets], batch, execution.sizes, stateful);
    const step = this.#step + 1;
    const numbers = { learningRate: this.learningRate, lossScale: this.#scale.value, waiting: this.#waiting };
    const updates = numbers.waiting + 1 === this.settings.accumulate;
    this.#step = step;
    this.#scaledBy = numbers.lossScale;
    this.#waiting = updates ? 0 : numbers.waiting + 1;
    if (updates) this.#updates++;
    const around = {
      before: () => {
        for (const [slot, values] of this.#states.begin(slots)) execution.upload(slot, values);
        this.#upload(step, numbers);
      },
      behind: (encoder: GPUCommandEncoder) => this.#encode(encoder, step, numbers),
      check: () => this.#check(),
    };
    const title = `training step ${step}`;
    const { value: read, confirmed } = await this.#portions.submit(title, around, this.#states.parity);
    this.#states.advance();
    const finished = Promise.all([read(), confirmed]).then(([values]) => values);
    this.#track(finished);
    const strict = this.settings.onNonFinite.policy === "error";
    const { trainStep, outcome } = trainStepOf({ step, updates, strict, ...numbers }, core.manifest, finished);
    if (updates) this.#outcomes.add(step, outcome);
    return trainStep;
  }

  #upload(step: number, numbers: StepNumbers): void {
    const { execution } = this;
    const { overflow } = execution.compiled.program.scalars;
    execution.setDraws(this.settings.seed, step);
    execution.setLength(LOSS_SCALE, numbers.lossScale);
    if (overflow !== undefined) execution.upload(overflow, new Float32Array(1));
    this.updater.upload(numbers);
  }

  /** What a step does with its gradients. @returns what reads its scalars back. */
  #encode(encoder: GPUCommandEncoder, step: number, numbers: StepNumbers): () => Promise<Values> {
    if (numbers.waiting === 0) this.snapshots?.take(encoder, step);
    this.updater.encode(encoder, numbers);
    return this.#readback.copy(encoder, this.execution.arena, this.#scalars);
  }

  /** Long after the step: so many steps later as may be on their way. */
  #act(outcome: Outcome): void {
    const { step, lossScale } = outcome;
    const fault = faultOf(outcome, this.core.manifest);
    this.#scale.settle(lossScale, fault === "overflow");
    if (fault === undefined) {
      // A step from before the parameters went back says nothing of those that there are.
      if (step > this.#rolledBack) this.snapshots?.confirm(step);
      return;
    }
    this.#skipped++;
    // What is not finite would be carried on for good.
    if (fault !== "overflow") this.#states.reset();
    const { policy } = this.settings.onNonFinite;
    if (fault === "overflow" || policy === "skip" || step <= this.#rolledBack) return;
    const { device } = this.core;
    const encoder = device.createCommandEncoder();
    if (!this.snapshots?.restore(encoder)) throw new NonFiniteError(step, fault);
    device.queue.submit([encoder.finish()]);
    this.#rolledBack = this.#step;
  }

  #track(finished: Promise<unknown>): void {
    const settled = finished.then(
      () => {},
      (error: unknown) => {
        if (!this.#destroyed) this.core.guard.fail(error);
      },
    );
    this.#inFlight.add(settled);
    settled.then(() => this.#inFlight.delete(settled));
  }
}
