/** @file What the synthetic tasks share: examples that are pure functions of a seed and their number, and batches of them. */

import { checkWhole } from "../../options.js";
import { checkSeed } from "../../random.js";
import { type DataBatch, DataLoader, type Identity } from "../loader.js";
import { Random } from "../random.js";

/** What makes a task. */
export interface TaskDefinition<Batch extends DataBatch> {
  readonly type: string;
  /** All that its examples depend on besides the seed. */
  readonly options: Readonly<Record<string, number>>;
  /** Steps of the longest example: the `length` of a trainer. */
  readonly length: number;
  /** A spec under `specs/models` whose ports the batches fit, and what is to be set there. */
  readonly spec: { readonly file: string; readonly set: Readonly<Record<string, number>> };
  /** The spec's loss for the best answer that knows nothing of the example. */
  readonly baseline: number;
  /** The spec's metric by which the task is judged: the part that is right, from 0 to 1. */
  readonly metric: string;
  /** Arrays of zeros for so many examples. */
  empty(examples: number): Batch;
  /** Draws one example into row `row`. */
  draw(random: Random, batch: Batch, row: number): void;
}

/** A problem that has as many examples as are wanted; after 2³² of a seed they repeat. */
export class Task<Batch extends DataBatch = DataBatch> {
  /** A task of your own, too. */
  constructor(private readonly definition: TaskDefinition<Batch>) {}

  get type(): string {
    return this.definition.type;
  }

  /** Steps of the longest example: the `length` of a trainer. */
  get length(): number {
    return this.definition.length;
  }

  /** A spec under `specs/models` whose ports the batches fit, and what is to be set there. */
  get spec(): TaskDefinition<Batch>["spec"] {
    return this.definition.spec;
  }

  /** The spec's loss for the best answer that knows nothing of the example. */
  get baseline(): number {
    return this.definition.baseline;
  }

  /** The spec's metric by which the task is judged: the part that is right, from 0 to 1. */
  get metric(): string {
    return this.definition.metric;
  }

  /** New examples in every batch, without end. Those of two seeds have nothing to do with each other. */
  batches(options: { readonly batch: number; readonly seed?: number }): DataLoader<Batch> {
    const batch = checkWhole("batch", options.batch, 1);
    const seed = checkSeed(options.seed ?? 0);
    return new DataLoader({
      identity: { ...this.#identity(), batch, seed },
      batch: (number) => this.#draw(batch, seed, this.type, number),
    });
  }

  /** Other examples than `batches` has, so many batches, the same in every epoch. */
  validation(options: { readonly batch: number; readonly batches: number; readonly seed?: number }): DataLoader<Batch> {
    const batch = checkWhole("batch", options.batch, 1);
    const epochLength = checkWhole("batches", options.batches, 1);
    const seed = checkSeed(options.seed ?? 0);
    return new DataLoader({
      identity: { ...this.#identity(), validation: true, batch, batches: epochLength, seed },
      epochLength,
      batch: (number) => this.#draw(batch, seed, `${this.type}, validation`, number % epochLength),
    });
  }

  #identity(): Identity {
    return { kind: this.type, ...this.definition.options };
  }

  #draw(examples: number, seed: number, purpose: string, number: number): Batch {
    const batch = this.definition.empty(examples);
    for (let row = 0; row < examples; row++) {
      this.definition.draw(new Random(seed, purpose, number * examples + row), batch, row);
    }
    return batch;
  }
}
