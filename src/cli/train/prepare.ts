/** @file From a configuration to a model on a device: its data is read, its spec compiled, its options checked. */

import type { AdapterDescription } from "../../../runtime/device.js";
import type { Manifest } from "../../../runtime/manifest.js";
import { Model } from "../../../runtime/model.js";
import { requestNodeDevice } from "../../../runtime/node.js";
import { checkTraining, type TrainingOptions } from "../../../runtime/training-options.js";
import { compile } from "../../compile.js";
import { CommandError, EXIT } from "../exit.js";
import { nodeHost } from "../host.js";
import { type ErrorFormat, reportDiagnostics } from "../report.js";
import { recordingHost } from "../run/folder.js";
import { requireKnownSettings } from "../settings.js";
import { blame, type RunConfig } from "./config.js";
import { type BoundData, type RunData, readData } from "./data.js";
import { type Schedule, scheduleRun } from "./run.js";
import { optimizerOf } from "./schedule.js";
import type { Codec } from "./text-data.js";

/** All that a run needs besides a machine. */
export interface Prepared {
  /** With everything settled that depends on the data. */
  readonly config: RunConfig & Schedule;
  readonly data: RunData;
  readonly bound: BoundData;
  readonly manifest: Manifest;
  /** The texts of the spec's own files. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * @param codec of a model that is trained already.
 * @throws CommandError about whatever does not fit together, after the spec's mistakes were shown.
 */
export async function prepare(config: RunConfig, errorFormat: ErrorFormat, codec?: Codec): Promise<Prepared> {
  requireKnownSettings([config.spec], config.set);
  const data = await readData(config, codec);
  const wrong = data.fixed.find((name) => (config.set[name] ?? data.set[name]) !== data.set[name]);
  if (wrong !== undefined) throw new CommandError(`--set ${wrong} is the text's to fix: it is ${data.set[wrong]}`);
  const sources = new Map<string, string>();
  const manifest = compileOne({ ...config, set: { ...data.set, ...config.set } }, errorFormat, sources);
  if (manifest.programs.train === undefined) throw new CommandError(`${manifest.name} states no loss to train on`);
  const bound = data.bind(manifest);
  const schedule = scheduleRun(config, bound.training.epochLength);
  const { epochs: _, ...rest } = config;
  const settled = { ...rest, ...schedule, optimizer: optimizerOf(config, schedule.steps) };
  blame("", () => checkTraining(manifest, trainingOptions(settled)));
  return { config: settled, data, bound, manifest, sources };
}

/** @throws CommandError after diagnostics were shown, or where the spec declares another number of models. */
export function compileOne(
  { spec, set, precision, stateful }: Pick<RunConfig, "spec" | "set" | "precision" | "stateful">,
  errorFormat: ErrorFormat,
  sources = new Map<string, string>(),
): Manifest {
  const host = recordingHost(nodeHost(), sources);
  const { diagnostics, models } = compile({ files: [spec], host, set, precision, stateful });
  if (reportDiagnostics(diagnostics, errorFormat)) throw new CommandError("", EXIT.failed);
  if (models.length === 1) return models[0].manifest;
  throw new CommandError(`${spec} declares ${models.length} models: wanted is one`);
}

export function trainingOptions(config: RunConfig): TrainingOptions {
  const { optimizer, clipNorm, clipValue, accumulate, parameters, onNonFinite, stateful, seed } = config;
  return { optimizer, clipNorm, clipValue, accumulate, parameters, onNonFinite, stateful, seed };
}

/** A model on this machine's device for as long as `use` takes. */
export async function withModel<T>(
  manifest: Manifest,
  { seed, tune }: Pick<RunConfig, "seed" | "tune">,
  use: (model: Model, adapter: AdapterDescription) => Promise<T>,
): Promise<T> {
  const { device, adapter } = await requestNodeDevice();
  try {
    return await use(await Model.create(device, manifest, { seed, tune }), adapter);
  } finally {
    device.destroy();
  }
}
