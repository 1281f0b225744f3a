/** @file Texts, by characters or by bytes, for models of one sequence of ids. */

import { readFileSync } from "node:fs";
import type { Batches } from "../../../runtime/batches.js";
import type { DataBatch, DataLoader } from "../../../runtime/data/loader.js";
import { BYTES, holdOut, type TextCodec, unigramEntropy, Vocabulary } from "../../../runtime/data/text.js";
import { contiguousWindows, randomWindows, spreadBatches, type TextBatch } from "../../../runtime/data/windows.js";
import { CommandError } from "../exit.js";
import { readText, reason } from "../files.js";
import type { RunConfig } from "./config.js";
import type { RunData } from "./data.js";
import { textModel } from "./model-shape.js";

export type Codec = TextCodec & { readonly characters?: readonly string[] };

/** Batches of a validation, at most. */
const VALIDATION_BATCHES = 16;

interface Parts {
  readonly training: Int32Array;
  readonly heldOut: Int32Array;
  /** Both. */
  readonly all: Int32Array;
}

export function readTextData(config: RunConfig, known?: Codec): RunData {
  const codec = known ?? (config.bytes === undefined ? vocabularyOf(config) : BYTES);
  const { training, heldOut, all } = partsOf(config, codec);
  const unit = config.bytes === undefined ? "characters" : "bytes";
  const entropy = unigramEntropy(all);
  const size = config.bytes === undefined ? `, ${codec.size} distinct` : "";
  return {
    set: { V: codec.size },
    fixed: ["V"],
    lines: [["text", `${all.length.toLocaleString("en")} ${unit}${size}`]],
    codec,
    baseline: { name: "unigram", loss: entropy },
    bind(manifest) {
      const { batch, length, seed, stateful } = config;
      const { input, target } = textModel(manifest, codec.size);
      const feed = ({ tokens, next, ...others }: TextBatch): DataBatch => ({
        ...others,
        [input]: tokens,
        [target]: next,
      });
      const loader = (): DataLoader<TextBatch> =>
        stateful ? contiguousWindows(training, { batch, length }) : randomWindows(training, { batch, length, seed });
      // With states that go on, batches have to follow one another here too.
      const following = (ids: Int32Array) =>
        fitting(() => contiguousWindows(ids, { batch, length }), ids, config).map(feed);
      const evaluated = (ids: Int32Array, most: number): Batches<DataBatch> =>
        stateful
          ? following(ids.subarray(0, most * batch * length + 1))
          : spreadBatches(ids, batch, length, most).map(feed);
      return {
        training: fitting(loader, training, config).map(feed),
        ...(heldOut.length > 0 && { validation: evaluated(heldOut, VALIDATION_BATCHES) }),
        get whole() {
          return evaluated(all, all.length);
        },
        length,
        tokens: batch * length,
      };
    },
  };
}

function fitting<T>(make: () => T, ids: Int32Array, { batch, length, stateful }: RunConfig): T {
  const needed = (stateful ? batch * length : length) + 1;
  if (ids.length >= needed) return make();
  throw new CommandError(
    `the text is too short: of a part of ${ids.length} --batch ${batch} and --length ${length} need ${needed}`,
  );
}

function vocabularyOf({ text = [], validation }: RunConfig): Codec {
  const others = typeof validation === "number" ? [] : validation;
  return Vocabulary.of([...text, ...others].map(readText).join("\n"));
}

function partsOf(config: RunConfig, codec: Codec): Parts {
  const { text, bytes, length, validation } = config;
  const read = (files: readonly string[]): Int32Array => {
    if (bytes !== undefined) return joined(files.map((file) => Int32Array.from(readBytes(file))));
    try {
      return codec.encode(files.map(readText).join("\n"));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new CommandError(`${files.join(", ")}: ${error.message} of the model`);
    }
  };
  const all = read(bytes ?? text ?? []);
  const needed = length + 1;
  if (typeof validation !== "number") {
    const heldOut = read(validation);
    requireRoom(heldOut, needed, `the text to validate on has ${heldOut.length}`, length);
    return { training: all, heldOut, all: joined([all, heldOut]) };
  }
  if (validation === 0) return { training: all, heldOut: new Int32Array(0), all };
  const parts = holdOut(all, validation);
  const unit = bytes === undefined ? "characters" : "bytes";
  requireRoom(parts.heldOut, needed, `of its ${all.length} ${unit} ${parts.heldOut.length} are held out`, length);
  return { ...parts, all };
}

function requireRoom(ids: Int32Array, needed: number, what: string, length: number): void {
  if (ids.length >= needed) return;
  throw new CommandError(`the text is too short: ${what}, and a window of --length ${length} needs ${needed}`);
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${reason(error)}`);
  }
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
