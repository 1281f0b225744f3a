/** @file From a text to what a character model is fed; pure. */

import { holdOut, unigramEntropy, Vocabulary } from "../../../runtime/data/text.js";
import { type TextBatch, windows } from "../../../runtime/data/windows.js";
import { CommandError } from "../exit.js";
import type { Random } from "./random.js";

export { unigramEntropy, Vocabulary } from "../../../runtime/data/text.js";
export { spreadBatches, type TextBatch as Batch, windows } from "../../../runtime/data/windows.js";

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
  const parts = holdOut(ids);
  if (parts.heldOut.length <= length) {
    throw new CommandError(
      `the text is too short: of its ${ids.length} characters ${parts.heldOut.length} are held out, and a window of ` +
        `--length ${length} needs ${length + 1}`,
    );
  }
  return { vocabulary, ...parts, characters: ids.length, unigramEntropy: unigramEntropy(ids) };
}

/** `batch` windows at random places. */
export function randomBatch(ids: Int32Array, batch: number, length: number, random: Random): TextBatch {
  const starts = Array.from({ length: batch }, () => random.below(ids.length - length));
  return windows(ids, starts, length);
}
