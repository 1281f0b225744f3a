/**
 * @file Training: one submit a step with everything in it, and a bounded queue of steps on their way, so that the
 * device never waits for the host to read a loss.
 */

import type { Lengths } from "./arena.js";
import { decodeCheckpoint, encodeCheckpoint, parameterRegions, readRegions } from "./checkpoint.js";
import type { Destroyable, ModelCore } from "./core.js";
import { checkedSlots, countElements, scalarRegions, storageSize } from "./core.js";
import { LossScale } from "./loss-scale.js";
import { HYPER_FIELDS, LOSS_SCALE } from "./manifest.js";
import type { AdamW, OptimizerOptions } from "./optimizer.js";
import { checkNotNegative, checkOptimizer, hyperWords } from "./optimizer.js";
import { Execution } from "./program.js";
import { checkSeed } from "./random.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { tunedVariants } from "./tuner-choice.js";

export interface TrainingOptions {
  readonly optimizer?: OptimizerOptions;
  /** Gradients are scaled down to this Euclidean norm over all parameters; 0, the default, leaves them alone. */
  readonly clipNorm?: number;
  /** How many steps may be on their way before `trainStep` waits; default 4. */
  readonly stepsInFlight?: number;
  /** What dropout draws from, a whole number from 0 to 2³²−1; default 0. */
  readonly seed?: number;
}

export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A step that was submitted. What it computes arrives later; a loss that is not finite is given as it is. */
export interface TrainStep {
  /** From 1. */
  readonly step: number;
  readonly loss: Promise<number>;
  readonly metrics: Promise<Readonly<Record<string, number>>>;
  /** The norm of all gradients before clipping. */
  readonly gradNorm: Promise<number>;
  /** Whether nothing was learned, since a gradient was too large for f16: the loss's scale falls. Never so in f32. */
  readonly skipped: Promise<boolean>;
}

/** The training program at one batch and length, with the moments of its optimizer. `Batch` is inputs and targets. */
export class Trainer<Batch extends object> implements Destroyable {
  readonly #inFlight = new Set<Promise<void>>();
  readonly #scalars: readonly Region[];
  readonly #scalarReadback: Readback;
  /** Of the steps on their way. */
  readonly #outcomes: Promise<() => void>[] = [];
  /** The last step's gradients. */
  #scaledBy = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #step = 0;
  #optimizer: AdamW;
  #destroyed = false;

  /** Made by `Model.trainer`. */
  static async create<Batch extends object>(
    core: ModelCore,
    sizes: Lengths,
    options: TrainingOptions,
    evaluate: (batch: Batch) => Promise<Evaluation>,
  ): Promise<Trainer<Batch>> {
    core.check();
    const optimizer = checkOptimizer(options.optimizer);
    const clipNorm = checkNotNegative("clipNorm", options.clipNorm ?? 0);
    const { stepsInFlight = 4 } = options;
    const seed = checkSeed(options.seed ?? 0);
    if (!Number.isInteger(stepsInFlight) || stepsInFlight < 1) {
      throw new RangeError(`\`stepsInFlight\` must be a whole number above zero, not ${stepsInFlight}`);
    }
    const compiled = core.compile("train");
    const chosen = await tunedVariants(core, "train", sizes);
    const { device, params, manifest } = core;
    const [moments, hyper] = await core.guard.creating(`the moments of ${manifest.name}`, () => {
      const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
      const size = storageSize(2 * manifest.layout.trainable);
      return [
        device.createBuffer({ label: "moments", size, usage: STORAGE | COPY_SRC | COPY_DST }),
        device.createBuffer({ label: "hyper", size: HYPER_FIELDS.length * 4, usage: UNIFORM | COPY_DST }),
      ];
    });
    try {
      const execution = await Execution.create(compiled, sizes, { params, moments, hyper }, [], chosen);
      const settings = { clipNorm, stepsInFlight, seed };
      return core.own(
        new Trainer(
          core,
          execution,
          new LossScale(manifest.precision, sizes),
          moments,
          hyper,
          optimizer,
          settings,
          evaluate,
        ),
      );
    } catch (error) {
      moments.destroy();
      hyper.destroy();
      throw error;
    }
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly execution: Execution,
    private readonly scale: LossScale,
    private readonly moments: GPUBuffer,
    private readonly hyper: GPUBuffer,
    optimizer: AdamW,
    private readonly settings: Required<Pick<TrainingOptions, "clipNorm" | "stepsInFlight" | "seed">>,
    private readonly evaluateBatch: (batch: Batch) => Promise<Evaluation>,
  ) {
    this.#optimizer = optimizer;
    this.#scalars = scalarRegions(execution);
    this.#scalarReadback = new Readback(core.device, countElements(this.#scalars));
  }

  get dispatchesPerStep(): number {
    return this.execution.kernels.reduce((sum, { passes }) => sum + passes.length, 0);
  }

  /** Bytes of everything a step works on besides the parameters and moments. */
  get arenaBytes(): number {
    return this.execution.arenaBytes;
  }

  /** By how much the loss's derivative is scaled up within the next step, where the model is compiled for f16. It adapts itself. */
  get lossScale(): number {
    return this.scale.value;
  }

  get learningRate(): number {
    return this.#optimizer.learningRate;
  }

  /** Holds from the next step on that has not begun. */
  set learningRate(value: number) {
    this.#optimizer = { ...this.#optimizer, learningRate: checkNotNegative("learningRate", value) };
  }

  /**
   * Checks and submits one step. Resolves as soon as it is submitted, which waits only while too many steps are on
   * their way: a loop that awaits nothing but this keeps the device busy. Calls run in their order.
   * @throws TypeError or RangeError about the batch before anything is submitted; Error once the device has failed.
   */
  trainStep(batch: Batch): Promise<TrainStep> {
    return this.#inTurn(async () => {
      const { stepsInFlight } = this.settings;
      while (this.#inFlight.size >= stepsInFlight) await Promise.race(this.#inFlight);
      // What later steps found is left for later, though it may be known: so the same run is the same every time.
      if (this.#outcomes.length >= stepsInFlight) (await this.#outcomes.shift())?.();
      this.#check();
      return this.#submit(batch);
    });
  }

  /** Loss and metrics of a batch with the present parameters, dropout off, after the steps already asked for. */
  evaluate(batch: Batch): Promise<Evaluation> {
    return this.#inTurn(async () => {
      this.#check();
      return this.evaluateBatch(batch);
    });
  }

  /** The gradients of the last step before clipping, by the name of their parameter. Frozen parameters have none. */
  gradients(): Promise<Record<string, Float32Array>> {
    return this.#inTurn(async () => {
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

  /** Parameters, moments and the number of steps as a safetensors file, from which training can go on. */
  save(): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      this.#check();
      const { core } = this;
      const length = 2 * core.manifest.layout.trainable;
      const step = this.#step;
      const [values, { moments }] = await Promise.all([
        readRegions(core, core.params, parameterRegions(core.manifest)),
        readRegions(core, this.moments, [{ name: "moments", offset: 0, length }]),
      ]);
      return encodeCheckpoint(core.manifest, values, { moments, step });
    });
  }

  /**
   * Takes the model's parameters and the optimizer's state from a file, all or nothing. The learning rate and the
   * other options stay this trainer's.
   * @throws Error naming what differs, or where the file has no optimizer's state.
   */
  load(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      this.#check();
      const { core } = this;
      const { parameters, optimizer } = decodeCheckpoint(core.manifest, bytes);
      if (optimizer === undefined) {
        throw new Error("the file holds no optimizer's state: write it by `trainer.save`, or load it by `model.load`");
      }
      core.device.queue.writeBuffer(core.params, 0, parameters);
      core.device.queue.writeBuffer(this.moments, 0, optimizer.moments);
      this.#step = optimizer.step;
    });
  }

  /** Frees the trainer's buffers; the model keeps what was learned. Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.core.disown(this);
    this.execution.destroy();
    this.#scalarReadback.destroy();
    this.moments.destroy();
    this.hyper.destroy();
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(body);
    this.#turn = result.catch(() => {});
    return result;
  }

  #check(): void {
    this.core.check();
    if (this.#destroyed) throw new Error("the trainer was destroyed: make a new one with `model.trainer`");
  }

  #submit(batch: Batch): TrainStep {
    const { core, execution } = this;
    const { inputs, targets, ragged } = core.manifest;
    const { program } = execution.compiled;
    const slots = checkedSlots(program, [...inputs, ...targets], batch, execution.sizes, ragged);
    const step = ++this.#step;
    const scale = this.scale.value;
    this.#scaledBy = scale;
    const { value: read, confirmed } = core.guard.scoped(`training step ${step}`, () => {
      for (const [slot, values] of slots) execution.upload(slot, values);
      core.device.queue.writeBuffer(this.hyper, 0, hyperWords(this.#optimizer, this.settings.clipNorm, step));
      execution.setDraws(this.settings.seed, step);
      execution.setLength(LOSS_SCALE, scale);
      if (program.scalars.overflow !== undefined) execution.upload(program.scalars.overflow, new Float32Array(1));
      const encoder = core.device.createCommandEncoder();
      execution.encode(encoder);
      const copied = this.#scalarReadback.copy(encoder, execution.arena, this.#scalars);
      core.device.queue.submit([encoder.finish()]);
      return copied;
    });
    const finished = Promise.all([read(), confirmed]).then(([values]) => values);
    this.#track(finished);
    const later = <T>(pick: (values: Values) => T): Promise<T> => {
      const promise = finished.then(pick);
      // Who does not look at the loss is told by the next step, not by an unhandled rejection.
      promise.catch(() => {});
      return promise;
    };
    const skipped = later((values) => scale > 1 && (values.get("overflow")?.[0] ?? 0) !== 0);
    this.#outcomes.push(
      skipped.then(
        (overflowed) => () => this.scale.settle(scale, overflowed),
        () => () => {},
      ),
    );
    return {
      step,
      loss: later((values) => scalar(values, "loss")),
      metrics: later((values) => metricsOf(values, core.manifest.metrics)),
      gradNorm: later((values) => scalar(values, "gradNorm")),
      skipped,
    };
  }

  #track(finished: Promise<unknown>): void {
    const settled = finished.then(
      () => {},
      (error: unknown) => {
        if (!this.#destroyed) this.core.guard.fail(this.core.guard.explain(error));
      },
    );
    this.#inFlight.add(settled);
    settled.then(() => this.#inFlight.delete(settled));
  }
}

/** The value of a slot of one element. */
export function scalar(values: Values, name: string): number {
  const value = values.get(name)?.[0];
  if (value === undefined) throw new Error(`the manifest has no scalar ${name}`);
  return value;
}

export function metricsOf(values: Values, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, scalar(values, name)]));
}
