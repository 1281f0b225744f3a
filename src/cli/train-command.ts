/** @file `seqc train`: from a spec and data to a folder with parameters, curves, a report and checkpoints to go on from. */

import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { json, RunFolder } from "./run/folder.js";
import { mergeConfigs, type RunConfig, readConfig } from "./train/config.js";
import { configOf, type TrainOptions } from "./train/options.js";
import { type Prepared, prepare, trainingOptions, withModel } from "./train/prepare.js";
import { Session } from "./train/session.js";
import { grouped, line, parameterCount, showMachine } from "./train/show.js";

export async function trainCommand(spec: string | undefined, options: TrainOptions): Promise<ExitCode> {
  const { resume, errorFormat } = options;
  if (resume !== undefined) {
    const folder = new RunFolder(resume);
    const config = continued(folder.config(), spec, options);
    await train(folder, await prepare(config, errorFormat), true);
  } else {
    const below = options.config === undefined ? [] : [readConfig(options.config)];
    const config = mergeConfigs(...below, configOf(spec, options));
    await train(new RunFolder(options.out ?? "runs/train"), await prepare(config, errorFormat), false);
  }
  return EXIT.ok;
}

/** The run's own options; only its end may move. */
function continued(config: RunConfig, spec: string | undefined, options: TrainOptions): RunConfig {
  const { resume: _, errorFormat: _format, steps, ...others } = options;
  const given = [...(spec === undefined ? [] : [spec]), ...Object.keys(others).map((name) => `--${name}`)];
  if (given.length > 0) {
    throw new CommandError(`--resume goes on with a run as it is: it takes --steps, and not ${given.join(", ")}`);
  }
  return steps === undefined ? config : { ...config, steps };
}

async function train(folder: RunFolder, prepared: Prepared, resumes: boolean): Promise<void> {
  const { config, data, bound, manifest } = prepared;
  const { batch } = config;
  await withModel(manifest, config, async (model, adapter) => {
    showMachine(adapter);
    line("model", `${manifest.name}, ${grouped(parameterCount(manifest))} parameters`);
    for (const [label, value] of data.lines) line(label, value);
    if (data.baseline !== undefined) line(data.baseline.name, data.baseline.loss.toFixed(3));
    const sizes = { batch, ...(bound.length !== undefined && { length: bound.length }) };
    const trainer = await model.trainer({ ...trainingOptions(config), ...sizes });
    const session = new Session({ folder, prepared, model, adapter, trainer });
    if (!resumes) folder.begin(config, prepared.sources);
    if (data.codec?.characters !== undefined) folder.write({ vocabulary: json(data.codec.characters) });
    await session.run(resumes ? await folder.checkpoints.load() : undefined);
  });
}
