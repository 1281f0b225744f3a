/** @file Batches of windows of a text: at random places, spread evenly, or going on from batch to batch. */

import { checkWhole } from "../options.js";
import { checkSeed } from "../random.js";
import { checksum, DataLoader } from "./loader.js";
import { Random } from "./random.js";

/** Ids and, one later, `next`; both [batch, length], row-major. No interface, so that it passes for a record of arrays. */
export type TextBatch = {
  readonly tokens: Int32Array;
  readonly next: Int32Array;
};

/** A batch that goes on where the one before stopped. */
export type ContiguousBatch = TextBatch & {
  /** [batch]: 1 where a row begins anew, else 0; what a trainer with carried states takes under this name. */
  readonly reset: Uint8Array;
};

/** Windows of `length` ids that start at `starts`; each needs one id more for its last target. */
export function windows(ids: Int32Array, starts: readonly number[], length: number): TextBatch {
  const tokens = new Int32Array(starts.length * length);
  const next = new Int32Array(starts.length * length);
  starts.forEach((start, row) => {
    tokens.set(ids.subarray(start, start + length), row * length);
    next.set(ids.subarray(start + 1, start + 1 + length), row * length);
  });
  return { tokens, next };
}

/**
 * At most `count` batches of windows spread evenly over `ids`, the same at every call: few enough to be quick, the
 * same so that values can be compared. Windows overlap where `ids` is short.
 */
export function spreadBatches(ids: Int32Array, batch: number, length: number, count: number): TextBatch[] {
  const room = ids.length - length;
  const needed = Math.max(1, Math.min(count, Math.floor(room / (batch * length))));
  const total = needed * batch;
  return Array.from({ length: needed }, (_, i) => {
    const starts = Array.from({ length: batch }, (_, row) => Math.floor(((i * batch + row) * room) / total));
    return windows(ids, starts, length);
  });
}

/**
 * Windows at random places, without end.
 * @throws RangeError where the text is too short for one.
 */
export function randomWindows(
  ids: Int32Array,
  options: { readonly batch: number; readonly length: number; readonly seed?: number },
): DataLoader<TextBatch> {
  const { batch, length } = checkWindow(ids, 1, options);
  const seed = checkSeed(options.seed ?? 0);
  return new DataLoader({
    identity: { kind: "random windows", checksum: checksum([ids]), ids: ids.length, batch, length, seed },
    batch: (number) => {
      const random = new Random(seed, "windows", number);
      const starts = Array.from({ length: batch }, () => random.below(ids.length - length));
      return windows(ids, starts, length);
    },
  });
}

/**
 * The text cut into as many equal parts as a batch has rows, each read from its start to its end, a window a batch: for
 * truncated backpropagation through time. All rows begin anew with an epoch. Of each part up to `length` ids at the end are left out.
 * @throws RangeError where the text is too short for one batch.
 */
export function contiguousWindows(
  ids: Int32Array,
  options: { readonly batch: number; readonly length: number },
): DataLoader<ContiguousBatch> {
  const { batch, length } = checkWindow(ids, options.batch, options);
  // The target of the last id of all is the one that no part has.
  const part = Math.floor((ids.length - 1) / batch);
  const epochLength = Math.floor(part / length);
  return new DataLoader({
    identity: { kind: "contiguous windows", checksum: checksum([ids]), ids: ids.length, batch, length },
    epochLength,
    batch: (number) => {
      const at = number % epochLength;
      const starts = Array.from({ length: batch }, (_, row) => row * part + at * length);
      return { ...windows(ids, starts, length), reset: new Uint8Array(batch).fill(at === 0 ? 1 : 0) };
    },
  });
}

function checkWindow(ids: Int32Array, rows: number, options: { readonly batch: number; readonly length: number }) {
  const batch = checkWhole("batch", options.batch, 1);
  const length = checkWhole("length", options.length, 1);
  const needed = rows * length + 1;
  if (ids.length >= needed) return { batch, length };
  throw new RangeError(`the text is too short: it has ${ids.length} ids, and windows of ${length} need ${needed}`);
}
