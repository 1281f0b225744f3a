/** @file `seqc sample`: what the model of a run writes, on the standard output alone. */

import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { reason } from "./files.js";
import { RunFolder, readBytes } from "./run/folder.js";
import { mergeConfigs } from "./train/config.js";
import { textModel } from "./train/model-shape.js";
import { type SampleOptions, sampleOf } from "./train/options.js";
import { compileOne, withModel } from "./train/prepare.js";
import { sampleText, writingObstacle } from "./train/sample.js";

export interface SampleCommandOptions extends SampleOptions {
  readonly length?: number;
  readonly seed?: number;
  readonly count?: number;
}

/** Texts are printed with their prompt, several apart by an empty line. */
export async function sampleCommand(path: string, options: SampleCommandOptions): Promise<ExitCode> {
  const folder = new RunFolder(path);
  const own = folder.config();
  const { length: characters = own.sample.characters || 300, seed = own.seed, count = 1 } = options;
  const config = mergeConfigs(own, { sample: { ...sampleOf(options), characters } });
  const codec = folder.codec(config);
  if (codec === undefined) throw new CommandError(`${path}: its model reads no text, so there is nothing to sample`);
  const bytes = readBytes(folder.at("parameters"));
  const manifest = compileOne({ ...config, set: { ...config.set, V: codec.size } }, "text");
  const ports = textModel(manifest, codec.size);
  const { sample } = config;
  return withModel(manifest, config, async (model) => {
    try {
      model.load(bytes);
    } catch (error) {
      throw new CommandError(`${folder.at("parameters")}: ${reason(error)}`);
    }
    const obstacle = writingObstacle(model, ports);
    if (obstacle !== undefined) throw new CommandError(`${manifest.name} cannot write: ${obstacle}`);
    for (let each = 0; each < count; each++) {
      const text = await sampleText(model, codec, ports, sample, (seed + each) % 2 ** 32);
      console.log(`${each > 0 ? "\n" : ""}${sample.prompt ?? ""}${text}`);
    }
    return EXIT.ok;
  });
}
