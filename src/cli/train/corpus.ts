/** @file From a text to what a character model is fed: vocabulary, split, windows; pure. */

import { CommandError } from "../exit.js";
import type { Random } from "./random.js";

/** The distinct characters (code points) of a text, sorted; a character's id is its place. */
export class Vocabulary {
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(readonly characters: readonly string[]) {
    this.#ids = new Map(characters.map((character, id) => [character, id]));
  }

  static of(text: string): Vocabulary {
    return new Vocabulary([...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  get size(): number {
    return this.characters.length;
  }

  /** The ids of a text all of whose characters are known. */
  encode(text: string): Int32Array {
    return Int32Array.from(text, (character) => this.#ids.get(character) ?? -1);
  }

  decode(ids: Iterable<number>): string {
    return Array.from(ids, (id) => this.characters[id]).join("");
  }
}

/** Entropy of the characters' frequencies, nats a character: the loss of the best model that ignores context. */
export function unigramEntropy(ids: Int32Array): number {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / ids.length) * Math.log(count / ids.length);
  return entropy;
}

/** A text as ids: the first nine tenths to train on, the rest held out. */
export interface Corpus {
  readonly vocabulary: Vocabulary;
  readonly training: Int32Array;
  readonly heldOut: Int32Array;
  readonly characters: number;
  /** Of the whole text. */
  readonly unigramEntropy: number;
}

/** @throws CommandError where the held-out part has no room for one window of `length` and its last target. */
export function corpusOf(text: string, length: number): Corpus {
  const vocabulary = Vocabulary.of(text);
  const ids = vocabulary.encode(text);
  const cut = Math.floor(ids.length * 0.9);
  if (ids.length - cut <= length) {
    throw new CommandError(
      `the text is too short: of its ${ids.length} characters ${ids.length - cut} are held out, and a window of ` +
        `--length ${length} needs ${length + 1}`,
    );
  }
  const parts = { training: ids.subarray(0, cut), heldOut: ids.subarray(cut) };
  return { vocabulary, ...parts, characters: ids.length, unigramEntropy: unigramEntropy(ids) };
}

/** `tokens` and, one character later, `next`; both [B, T], row-major. */
export interface Batch {
  readonly tokens: Int32Array;
  readonly next: Int32Array;
}

/** Windows of `length` characters that start at `starts`; each needs one character more for its last target. */
export function windows(ids: Int32Array, starts: readonly number[], length: number): Batch {
  const tokens = new Int32Array(starts.length * length);
  const next = new Int32Array(starts.length * length);
  starts.forEach((start, row) => {
    tokens.set(ids.subarray(start, start + length), row * length);
    next.set(ids.subarray(start + 1, start + 1 + length), row * length);
  });
  return { tokens, next };
}

/** `batch` windows at random places. */
export function randomBatch(ids: Int32Array, batch: number, length: number, random: Random): Batch {
  const starts = Array.from({ length: batch }, () => random.below(ids.length - length));
  return windows(ids, starts, length);
}

/**
 * At most `count` batches of windows spread evenly over `ids`, the same at every call: few enough to be quick, the
 * same so that values can be compared. Windows overlap where `ids` is short.
 */
export function spreadBatches(ids: Int32Array, batch: number, length: number, count: number): Batch[] {
  const room = ids.length - length;
  const needed = Math.max(1, Math.min(count, Math.floor(room / (batch * length))));
  const total = needed * batch;
  return Array.from({ length: needed }, (_, i) => {
    const starts = Array.from({ length: batch }, (_, row) => Math.floor(((i * batch + row) * room) / total));
    return windows(ids, starts, length);
  });
}
