/** @file Lets a trained model write: one character at a time, each drawn from what the model expects after the last. */

import type { Model } from "../../../runtime/model.js";
import type { Vocabulary } from "./corpus.js";
import type { Random } from "./random.js";
import { drawIndex } from "./statistics.js";

export interface SampleOptions {
  /** The model's input of ids and its output of logits. */
  readonly input: string;
  readonly logits: string;
  readonly characters: number;
  readonly temperature: number;
}

/** `characters` characters, as if a new line had come before them. */
export async function sampleText(
  model: Model,
  vocabulary: Vocabulary,
  { input, logits, characters, temperature }: SampleOptions,
  random: Random,
): Promise<string> {
  const stream = await model.stream({ batch: 1 });
  const written: number[] = [];
  let last = Math.max(0, vocabulary.characters.indexOf("\n"));
  while (written.length < characters) {
    const outputs = await stream.step({ [input]: Int32Array.of(last) });
    last = drawIndex(outputs[logits], temperature, random.next());
    written.push(last);
  }
  stream.destroy();
  return vocabulary.decode(written);
}
