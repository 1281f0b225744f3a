/**
 * @file Batches in an order that can be gone on with: each is a pure function of its number, so a position is all that a run
 * has to remember.
 */

import type { InputArray } from "../validate.js";

/** The arrays of a batch by the names of inputs and targets. */
export type DataBatch = Readonly<Record<string, InputArray>>;

/** Tells data apart that are alike in size: FNV-1a over all bytes. */
export function checksum(arrays: Iterable<ArrayBufferView>): number {
  let hash = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let at = 0; at < byteLength; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  }
  return hash >>> 0;
}

/** Where a loader takes its batches from. */
export interface LoaderDefinition<Batch> {
  /** All that the batches depend on, in plain data: a position in other batches means nothing. */
  readonly identity: Identity;
  /** Batches an epoch; none where they never end. */
  readonly epochLength?: number;
  /** @param number from 0, counted through all epochs. */
  batch(number: number): Batch;
}

/** What tells batches apart from others, in plain data. */
export type Identity = Readonly<Record<string, string | number | boolean>>;

/** A position as plain data. */
export interface LoaderState {
  /** Batches taken so far. */
  readonly taken: number;
  readonly identity: Identity;
}

/** A sequence of batches. Going through it (`for … of`, `fit`) gives the rest of the epoch at hand, then the next epoch, … */
export class DataLoader<Batch> implements Iterable<Batch> {
  #taken = 0;

  /** Stands before the first batch. */
  constructor(private readonly source: LoaderDefinition<Batch>) {}

  /** Batches an epoch; undefined where they never end. */
  get epochLength(): number | undefined {
    return this.source.epochLength;
  }

  /** That of the next batch, from 0. */
  get epoch(): number {
    return Math.floor(this.#taken / (this.epochLength ?? Number.POSITIVE_INFINITY));
  }

  /** The next batch; behind the last of an epoch comes the first of the next. */
  next(): Batch {
    const batch = this.source.batch(this.#taken);
    this.#taken++;
    return batch;
  }

  /** What is left of the epoch at hand, or all batches of the next. */
  *[Symbol.iterator](): Iterator<Batch, undefined> {
    const { epoch } = this;
    do yield this.next();
    while (this.epoch === epoch);
  }

  /**
   * The position, for `JSON.stringify`.
   * @param unused how many of the batches taken last are still to be used. `fit` takes none of a loader ahead.
   */
  state(unused = 0): LoaderState {
    return { taken: this.#taken - unused, identity: this.source.identity };
  }

  /** Goes on from a position of the same batches. @throws Error listing what differs. */
  restore({ taken, identity }: LoaderState): void {
    const own = this.source.identity;
    const differing = [...new Set([...Object.keys(own), ...Object.keys(identity)])]
      .filter((key) => own[key] !== identity[key])
      .map((key) => `${key} was ${String(identity[key])} and is ${String(own[key])}`);
    if (differing.length > 0) throw new Error(`the position is one of other batches: ${differing.join("; ")}`);
    if (!Number.isSafeInteger(taken) || taken < 0) throw new Error(`the position is no number of batches: ${taken}`);
    this.#taken = taken;
  }

  /** The same batches from the same position on, each as `change` makes it: other names, say. */
  map<Other>(change: (batch: Batch) => Other): DataLoader<Other> {
    const { source } = this;
    const loader = new DataLoader<Other>({
      identity: source.identity,
      ...(source.epochLength !== undefined && { epochLength: source.epochLength }),
      batch: (number) => change(source.batch(number)),
    });
    loader.#taken = this.#taken;
    return loader;
  }
}
