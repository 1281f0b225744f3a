/** @file `seqc eval`: the loss and the metrics of a trained model, on what its run held out or on other data. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { reason } from "./files.js";
import type { ErrorFormat } from "./report.js";
import { RunFolder, readBytes, readVocabulary } from "./run/folder.js";
import { type GivenConfig, mergeConfigs, type RunConfig } from "./train/config.js";
import { type DataOptions, sourceOf } from "./train/options.js";
import { prepare, withModel } from "./train/prepare.js";
import { line, showMachine } from "./train/show.js";
import type { Codec } from "./train/text-data.js";

export interface EvalOptions extends DataOptions {
  readonly weights?: string;
  readonly set?: Readonly<Record<string, number>>;
  readonly precision?: RunConfig["precision"];
  readonly batch?: number;
  readonly length?: number;
  readonly errorFormat: ErrorFormat;
  readonly json?: boolean;
}

/** What is evaluated: a run's model, or a spec's with the weights of a file. */
interface Subject {
  readonly config: RunConfig;
  readonly codec?: Codec | undefined;
  readonly weights: string;
}

export async function evalCommand(subject: string, options: EvalOptions): Promise<ExitCode> {
  const source = sourceOf(options);
  const isOwn = Object.keys(source).length === 0;
  const { config, codec, weights } = subject.endsWith(".seq") ? ofSpec(subject, options) : ofRun(subject, options);
  const { manifest, bound } = await prepare(config, options.errorFormat, codec);
  const data = isOwn ? (bound.validation ?? bound.whole) : bound.whole;
  const bytes = readBytes(weights);
  return withModel(manifest, config, async (model, adapter) => {
    try {
      model.load(bytes);
    } catch (error) {
      throw new CommandError(`${weights}: ${reason(error)}`);
    }
    const { batch, stateful } = config;
    const started = performance.now();
    const { loss, metrics } = await model.evaluate(data, {
      ...{ batch, stateful },
      ...(bound.length !== undefined && { length: bound.length }),
    });
    if (options.json) {
      console.log(JSON.stringify({ loss, metrics }));
      return EXIT.ok;
    }
    showMachine(adapter);
    line("data", isOwn && bound.validation !== undefined ? "what the run held out" : "all that is given");
    line("loss", loss.toFixed(4));
    for (const [name, value] of Object.entries(metrics)) line(name, value.toFixed(4));
    line("time", `${((performance.now() - started) / 1000).toFixed(1)} s`);
    return EXIT.ok;
  });
}

function given({ set, precision, batch, length, ...options }: EvalOptions): GivenConfig {
  const numbers = { ...(batch !== undefined && { batch }), ...(length !== undefined && { length }) };
  const source = sourceOf(options);
  // What is given is evaluated on as a whole.
  const whole = Object.keys(source).length > 0 && { validation: 0 };
  return { ...source, ...numbers, ...whole, ...(set && { set }), ...(precision && { precision }) };
}

function ofRun(path: string, options: EvalOptions): Subject {
  if (options.set !== undefined)
    throw new CommandError("--set is of a spec: the sizes of a run's model are those of the run");
  const folder = new RunFolder(path);
  const own = folder.config();
  return {
    config: mergeConfigs(own, given(options)),
    codec: folder.codec(own),
    weights: options.weights ?? folder.at("parameters"),
  };
}

function ofSpec(spec: string, options: EvalOptions): Subject {
  const { weights } = options;
  if (weights === undefined) throw new CommandError("a spec has no weights: give --weights, or the folder of a run");
  const vocabulary = join(dirname(weights), "vocabulary.json");
  const hasVocabulary = options.text !== undefined && existsSync(vocabulary);
  return {
    config: mergeConfigs({ spec, ...given(options) }),
    codec: hasVocabulary ? readVocabulary(vocabulary) : undefined,
    weights,
  };
}
