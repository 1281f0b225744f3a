/** @file Lets a trained model write. */

import type { Model } from "../../../runtime/model.js";
import type { SampleConfig } from "./config.js";
import { blame } from "./config.js";
import type { TextModel } from "./model-shape.js";
import type { Codec } from "./text-data.js";

/** Why the model cannot write; undefined where it can. */
export function writingObstacle({ manifest }: Model, { logits }: TextModel): string | undefined {
  const { stream } = manifest.programs;
  if ("refused" in stream) return stream.refused;
  return logits === undefined ? "the model has no output of logits" : undefined;
}

/**
 * What the model goes on with behind the prompt, which is not part of it.
 * @throws CommandError for a prompt of characters that the model does not know, or an option that the sampler refuses.
 */
export async function sampleText(
  model: Model,
  codec: Codec,
  { logits }: TextModel,
  { characters, prompt, ...sampling }: SampleConfig,
  seed: number,
): Promise<string> {
  const stream = await model.stream({ batch: 1 });
  try {
    const ids = blame("the prompt", () => promptIds(codec, prompt));
    const options = {
      steps: characters,
      prompt: ids,
      ...sampling,
      seed,
      ...(logits !== undefined && { output: logits }),
    };
    return codec.decode(await stream.generate(options));
  } finally {
    stream.destroy();
  }
}

/** As if a new line had come before, where nothing is given. */
function promptIds(codec: Codec, prompt: string | undefined): Int32Array {
  if (prompt !== undefined && prompt !== "") return codec.encode(prompt);
  if (codec.characters === undefined || codec.characters.includes("\n")) return codec.encode("\n");
  return Int32Array.of(0);
}
