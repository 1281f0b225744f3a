/** @file Which models `seqc train` can feed from a text: one sequence of ids in, the next ids as the target. */

import type { Manifest, Port } from "../../../runtime/manifest.js";
import { CommandError } from "../exit.js";

/** The names of the ports of a model over characters or bytes. */
export interface TextModel {
  /** [T] id(V) */
  readonly input: string;
  /** [T] id(V): the characters one later. */
  readonly target: string;
  /** [T, V]: the logits that are sampled from; none where the model has no such output. */
  readonly logits: string | undefined;
  /** The name of T. */
  readonly length: string;
}

/**
 * The ports of `manifest` for so many characters (or 256 bytes).
 * @throws CommandError for a model of any other shape.
 */
export function textModel(manifest: Manifest, characters: number): TextModel {
  const { name, inputs, targets, outputs, lengths, programs } = manifest;
  const refuse = (what: string): never => {
    throw new CommandError(
      `${name} cannot be trained on a text: ${what} (wanted: one input \`[T] id(V)\` and one target \`[T] id(V)\`)`,
    );
  };
  if (programs.train === undefined) refuse("it states no loss");
  if (inputs.length !== 1) refuse(`it has ${inputs.length} inputs`);
  if (targets.length !== 1) refuse(`it has ${targets.length} targets`);
  const [length] = lengths;
  if (lengths.length !== 1) refuse(`its inputs fix ${lengths.length} lengths`);
  for (const port of [inputs[0], targets[0]]) {
    if (!isSequenceOfIds(port, length)) refuse(`\`${port.name}\` is no sequence of ids along ${length}`);
    if (port.classes !== characters) {
      refuse(`the ids of \`${port.name}\` do not follow the parameter V, which is set to the ${characters} characters`);
    }
  }
  const logits = outputs.find(
    ({ elem, shape }) => elem === "f32" && shape.length === 2 && shape[0] === length && shape[1] === characters,
  );
  return { input: inputs[0].name, target: targets[0].name, logits: logits?.name, length };
}

function isSequenceOfIds({ shape, classes }: Port, length: string): boolean {
  return classes !== undefined && shape.length === 1 && shape[0] === length;
}
