/** @file A compiled model on a device: what generated modules wrap in the types of their model. */

/// <reference lib="esnext.disposable" preserve="true" />

import type { Lengths } from "./arena.js";
import { areBatches, type Batches } from "./batches.js";
import { decodeCheckpoint, encodeCheckpoint, encodeForTorch, parameterRegions, readRegions } from "./checkpoint.js";
import { ModelCore, outputRegions, scalarRegions } from "./core.js";
import { Inference } from "./inference.js";
import { BATCH, type Manifest } from "./manifest.js";
import { type Evaluation, evaluateAll, metricsOf, scalar } from "./metrics.js";
import { checkOneOf } from "./options.js";
import { Inspection, type ProbedValue } from "./probe.js";
import type { Execution } from "./program.js";
import { type SelfTestReport, selfTest } from "./self-test.js";
import { Stream } from "./stream.js";
import { Trainer } from "./trainer.js";
import { checkStateful, type TrainingOptions } from "./training-options.js";
import { type TuningCache, tuningCacheOf } from "./tuner-cache.js";
import type { InputArray } from "./validate.js";
import { checkSizes, countAlong } from "./validate.js";

/** Inputs and targets of a model whose manifest is known only at run time. */
export type AnyInputs = Readonly<Record<string, InputArray>>;
/** Outputs of a model whose manifest is known only at run time. */
export type AnyOutputs = Readonly<Record<string, Float32Array>>;
/** A number where the model has one length, by name where it has several, absent where it has none. */
export type AnyLength = number | Readonly<Record<string, number>> | undefined;

/** The extents of the arrays of one call or one trainer: examples a batch, and each run-time length in steps. */
export type Sizes<Length extends AnyLength> = { readonly batch: number } & (undefined extends Length
  ? { readonly length?: Length }
  : { readonly length: Length });

interface Evaluating {
  /** Its abort ends an evaluation over batches with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether batches go on from one another, as with `TrainingOptions.stateful`; those of the first one begin anew. */
  readonly stateful?: boolean | undefined;
}

/** What an evaluation is asked for. */
export type EvaluateOptions<Length extends AnyLength> = Sizes<Length> & Evaluating;

/** What a stream needs before its first step. */
export type StreamOptions<Length extends AnyLength, Given extends object> = {
  readonly batch: number;
  /** The lengths besides that along which the stream runs. */
  readonly length?: Partial<Extract<Length, object>>;
} & (object extends Given ? { readonly inputs?: Given } : { readonly inputs: Given });

/** What a model starts from, and how its kernels are chosen. */
export interface ModelOptions {
  /** Of the parameters' start: a whole number from 0 to 2³²−1; default 0. */
  readonly seed?: number;
  /**
   * Whether a trainer, an evaluation or a prediction at a new batch and length first measures which kernels are the
   * fastest on this device, for seconds, unless the cache knows. Without it a model of their cost decides.
   */
  readonly tune?: boolean;
  /** Where the choices are kept; default: IndexedDB in a browser, files of the user's cache folder in Node.js. */
  readonly tuningCache?: TuningCache;
}

/**
 * Every array is row-major with the batch leading. A generated module fixes the type parameters:
 * `Model<{ tokens: Int32Array }, { next: Int32Array }, { logits: Float32Array }, number>`.
 */
export class Model<
  Inputs extends object = AnyInputs,
  Targets extends object = AnyInputs,
  Outputs extends object = AnyOutputs,
  Length extends AnyLength = AnyLength,
  Given extends object = object,
  Probed extends string = string,
> {
  readonly #evaluation: Inference;
  readonly #prediction: Inference;
  readonly #inspection: Inspection;

  /** A model with parameters as its spec starts them. @throws Error where the device cannot hold them. */
  static async create<
    Inputs extends object = AnyInputs,
    Targets extends object = AnyInputs,
    Outputs extends object = AnyOutputs,
    Length extends AnyLength = AnyLength,
    Given extends object = object,
    Probed extends string = string,
  >(
    device: GPUDevice,
    manifest: Manifest,
    { seed = 0, tune = false, tuningCache }: ModelOptions = {},
  ): Promise<Model<Inputs, Targets, Outputs, Length, Given, Probed>> {
    const cache = tune ? (tuningCache ?? tuningCacheOf(device)) : undefined;
    const core = await ModelCore.create(device, manifest, seed, cache);
    return new Model<Inputs, Targets, Outputs, Length, Given, Probed>(core);
  }

  private constructor(private readonly core: ModelCore) {
    const { inputs, outputs } = core.manifest;
    const outputsOf = (execution: Execution) => outputRegions(execution, outputs);
    this.#evaluation = core.own(this.#evaluations(false));
    this.#prediction = core.own(new Inference(core, "predict", inputs, outputsOf));
    this.#inspection = new Inspection(core);
  }

  /** What the compiler says of the model: its ports, its parameters, its programs. */
  get manifest(): Manifest {
    return this.core.manifest;
  }

  /** Trains at one batch and length; the parameters are the model's, the optimizer's state the trainer's. */
  async trainer(options: Sizes<Length> & TrainingOptions): Promise<Trainer<Inputs & Targets>> {
    const sizes = checkSizes(this.manifest.lengths, options);
    return Trainer.create<Inputs & Targets>(this.core, sizes, options, (data, signal) =>
      this.#evaluate(data, sizes, { signal, stateful: options.stateful }),
    );
  }

  /**
   * Loss and metrics, dropout off: of a batch, or the mean over all examples of batches that are gone through once, of which some, such
   * as the last, may have fewer examples than `batch` says.
   */
  async evaluate(
    data: Batches<Inputs & Targets> | (Inputs & Targets),
    options: EvaluateOptions<Length>,
  ): Promise<Evaluation> {
    return this.#evaluate(data, checkSizes(this.manifest.lengths, options), options);
  }

  /** All outputs, batch first, row-major; ids and bools as numbers. */
  async predict(inputs: Inputs, options: Sizes<Length>): Promise<Outputs> {
    const values = await this.#prediction.run(inputs, checkSizes(this.manifest.lengths, options));
    return Object.fromEntries(values) as Outputs;
  }

  /**
   * Runs the model a step or a chunk at a time. What has no step axis, such as a source to translate, is given now.
   * @throws Error with the reason where the model looks ahead.
   */
  async stream(options: StreamOptions<Length, Given>): Promise<Stream<Omit<Inputs, keyof Given>, Outputs, Given>> {
    const others = this.manifest.lengths.filter((name) => name !== this.core.streaming.length);
    return Stream.create(this.core, checkSizes(others, options), options.inputs ?? {});
  }

  /**
   * Values of the spec by name, over all steps, dropout off: gates, pre-activations, states. Of a state, the value after each
   * step. Axes are the batch, then those of scans and mapped layers from the outermost inwards, then the value's own; one on
   * which it does not depend is missing. Past the end of a ragged example it is zero.
   * @param batch targets are needed only if a named value of the module depends on them.
   * @throws Error in a module that was not compiled with `probe`; RangeError for a name that it does not give.
   */
  async probe<Name extends Probed>(
    names: readonly Name[],
    batch: Inputs & Partial<Targets>,
    options: Sizes<Length>,
  ): Promise<Readonly<Record<Name, ProbedValue>>> {
    const values = await this.#inspection.values(names, batch, checkSizes(this.manifest.lengths, options));
    return values as Record<Name, ProbedValue>;
  }

  /**
   * How much of the loss's gradient reaches each state at each step: ‖∂L/∂h_t‖ over batch and channels, where the total
   * derivative counts all later steps; h_t is the state after step t. Where it falls towards the first steps, gradients vanish
   * (Bengio, Simard and Frasconi 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult").
   * Dropout is off, everything is f32.
   * @param options `perExample`: the norms over channels alone, [batch, T].
   * @returns [T] by the state's name, for each state of each scan that no other scan runs; zeros for one that does not reach the loss.
   * @throws Error in a module that was not compiled with `probe`, or without a loss or a scan.
   */
  async gradientProfile(
    batch: Inputs & Targets,
    options: Sizes<Length> & { readonly perExample?: boolean },
  ): Promise<Readonly<Record<string, Float32Array>>> {
    const { perExample = false } = options;
    return this.#inspection.profiles(batch, checkSizes(this.manifest.lengths, options), perExample);
  }

  /**
   * Whether this device computes what the spec says: drivers have compiled kernels into something else. Every kernel of the module
   * that fits the device, also those that are not chosen here, works on random numbers at small sizes, and what it stores is
   * compared with what the compiler found in f64; then the runtime's own. The model's parameters are left alone. It takes
   * seconds, most of them for compiling.
   * @throws Error in a module that was not compiled with `selfTest`.
   */
  async selfTest(): Promise<SelfTestReport> {
    return selfTest(this.core);
  }

  /** Every parameter as it is after the steps already submitted, by name. */
  async parameters(): Promise<Record<string, Float32Array>> {
    this.core.check();
    return readRegions(this.core, this.core.params, parameterRegions(this.manifest));
  }

  /**
   * All parameters as a safetensors file. `Trainer.save` adds the optimizer's state.
   * @param options.names `torch`: those that `load_state_dict` of PyTorch's modules expects, e.g. `rnn.weight_ih_l0`; their
   * layouts are ours in `std/rnn`, `std/lstm`, `std/gru`, `std/linear`, `std/embedding` and `std/layer-norm`. Default `spec`.
   * @throws Error where two parameters would have one name in PyTorch.
   */
  async save({ names = "spec" }: { readonly names?: "spec" | "torch" } = {}): Promise<Uint8Array> {
    checkOneOf("names", names, ["spec", "torch"]);
    const values = await this.parameters();
    return names === "torch" ? encodeForTorch(this.manifest, values) : encodeCheckpoint(this.manifest, values);
  }

  /**
   * Takes all parameters from a safetensors file, under the spec's names or PyTorch's, or none if anything differs. Trainers keep
   * their optimizer's state.
   * @param options.anySpec whether the file may have been saved by a model that computes something else, if it has parameters of
   * the same names and shapes; default false. A file that does not say of which spec it is, as PyTorch's, is taken.
   * @throws Error naming all that differs.
   */
  load(bytes: Uint8Array, { anySpec = false }: { readonly anySpec?: boolean } = {}): void {
    this.core.check();
    const { parameters } = decodeCheckpoint(this.manifest, bytes, anySpec);
    this.core.device.queue.writeBuffer(this.core.params, 0, parameters);
  }

  /** Frees every buffer, those of trainers and streams included; later use throws. Idempotent. */
  destroy(): void {
    this.core.destroy();
  }

  /** `using` ends in `destroy`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  async #evaluate(
    data: Batches<Inputs & Targets> | (Inputs & Targets),
    sizes: Lengths,
    { signal, stateful = false }: Evaluating,
  ): Promise<Evaluation> {
    checkStateful(this.manifest, stateful);
    if (!stateful) return this.#evaluateBy(this.#evaluation, data, sizes, signal);
    // Its states are those of this call.
    const own = this.core.own(this.#evaluations(true));
    try {
      return await this.#evaluateBy(own, data, sizes, signal);
    } finally {
      this.core.disown(own);
      own.destroy();
    }
  }

  #evaluations(stateful: boolean): Inference {
    const { inputs, targets } = this.manifest;
    return new Inference(this.core, "evaluate", [...inputs, ...targets], scalarRegions, stateful);
  }

  async #evaluateBy(
    inference: Inference,
    data: Batches<Inputs & Targets> | (Inputs & Targets),
    sizes: Lengths,
    signal: AbortSignal | undefined,
  ): Promise<Evaluation> {
    const { inputs, metrics } = this.manifest;
    const most = sizes[BATCH];
    const submit = async (batch: Inputs & Targets, examples: number) => {
      const { finished } = await inference.submit(batch, { ...sizes, [BATCH]: examples });
      const read = finished.then((values) => ({ loss: scalar(values, "loss"), metrics: metricsOf(values, metrics) }));
      read.catch(() => {});
      return { examples, finished: read };
    };
    if (!areBatches(data)) return (await submit(data, most)).finished;
    const each = (batch: Inputs & Targets) =>
      submit(batch, Math.min(most, countAlong(BATCH, inputs, batch, sizes) ?? most));
    return evaluateAll(data, each, signal);
  }
}
