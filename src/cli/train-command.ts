/** @file `seqc train`: from a spec and a text to trained parameters, a curve, a sample and a summary. */

import pc from "picocolors";
import type { Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { requestNodeDevice } from "../../runtime/node.js";
import { compile } from "../compile.js";
import type { Precision } from "../ir/types.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { readText, writeFiles } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";
import { requireKnownSettings } from "./settings.js";
import { corpusOf, type Vocabulary } from "./train/corpus.js";
import { type CharacterModel, characterModel } from "./train/model-shape.js";
import { Random } from "./train/random.js";
import { lossCurve, showProgress } from "./train/report.js";
import { sampleText } from "./train/sample.js";
import { type SessionResult, trainSession } from "./train/session.js";
import { mean } from "./train/statistics.js";

export interface TrainOptions {
  readonly text: readonly string[];
  readonly set?: Readonly<Record<string, number>>;
  readonly precision: Precision;
  readonly errorFormat: ErrorFormat;
  readonly steps: number;
  readonly batch: number;
  readonly length: number;
  readonly lr: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly seed: number;
  readonly out: string;
  readonly sample: number;
  readonly temperature: number;
  readonly tune?: boolean;
}

/** The training loss reported is the mean over this many last steps. */
const TRAIN_LOSS_STEPS = 20;

export async function trainCommand(spec: string, options: TrainOptions): Promise<ExitCode> {
  if (Object.hasOwn(options.set ?? {}, "V")) throw new CommandError("--set V is the text's to fix: its characters");
  requireKnownSettings([spec], options.set ?? {});
  const corpus = corpusOf(options.text.map(readText).join("\n"), options.length);
  const manifest = compileOne(spec, { ...options.set, V: corpus.vocabulary.size }, options);
  if (manifest === undefined) return EXIT.failed;
  const ports = characterModel(manifest, corpus.vocabulary.size);

  const { device, adapter } = await requestNodeDevice();
  line("adapter", adapter.software ? `${adapter.name} (software: right results, no speed)` : adapter.name);
  line("model", `${manifest.name}, ${grouped(parameterCount(manifest))} parameters`);
  line("text", `${grouped(corpus.characters)} characters, ${corpus.vocabulary.size} distinct`);
  line("unigram", nats(corpus.unigramEntropy));

  const progress = showProgress(options.steps);
  const interruption = onInterrupt(progress.stop);
  try {
    const started = performance.now();
    const model = await Model.create(device, manifest, { seed: options.seed, tune: options.tune ?? false });
    const session = { ...options, learningRate: options.lr, clipNorm: options.clip };
    const result = await trainSession(model, ports, corpus, session, progress, () => interruption.happened);
    progress.stop();
    const summary = {
      adapter: adapter.name,
      software: adapter.software,
      model: manifest.name,
      steps: result.losses.length,
      interrupted: interruption.happened,
      batch: options.batch,
      length: options.length,
      seed: options.seed,
      precision: options.precision,
      skippedSteps: result.skippedSteps,
      arenaBytes: result.arenaBytes,
      trainLoss: mean(result.losses.slice(-TRAIN_LOSS_STEPS)),
      validationLoss: result.validationLoss,
      unigramEntropy: corpus.unigramEntropy,
      parameters: parameterCount(manifest),
      dispatchesPerStep: result.dispatchesPerStep,
      medianStepMs: result.medianStepMs,
      seconds: (performance.now() - started) / 1000,
    };
    const files = new Map<string, string | Uint8Array>([
      ["parameters.safetensors", await model.save()],
      ["vocabulary.json", json(corpus.vocabulary.characters)],
      ["losses.csv", lossTable(result)],
      ["summary.json", json(summary)],
    ]);
    writeFiles(options.out, files);

    console.log(`\n${lossCurve(result.losses)}\n`);
    await showSample(model, ports, corpus.vocabulary, options);
    line("held out", nats(summary.validationLoss));
    line("gain", `${nats(summary.unigramEntropy - summary.validationLoss)} under the unigram`);
    line("pace", `${summary.medianStepMs.toFixed(1)} ms a step of ${summary.dispatchesPerStep} dispatches`);
    line("written", `${options.out}: ${[...files.keys()].join(", ")}`);
    return EXIT.ok;
  } finally {
    progress.stop();
    interruption.dispose();
    device.destroy();
  }
}

async function showSample(
  model: Model,
  { input, logits }: CharacterModel,
  vocabulary: Vocabulary,
  { sample: characters, temperature, seed }: TrainOptions,
): Promise<void> {
  const { stream } = model.manifest.programs;
  if (characters === 0) return;
  if (logits === undefined) line("no sample", "the model has no output of logits");
  else if ("refused" in stream) line("no sample", stream.refused);
  else {
    const random = new Random(seed, "sample");
    const text = await sampleText(model, vocabulary, { input, logits, characters, temperature }, random);
    console.log(`${pc.bold("sample")}\n${pc.italic(text.trim())}\n`);
  }
}

/** The one model of `spec`; undefined after diagnostics were shown. */
function compileOne(
  spec: string,
  set: Readonly<Record<string, number>>,
  { precision, errorFormat }: Pick<TrainOptions, "precision" | "errorFormat">,
): Manifest | undefined {
  const { diagnostics, models } = compile({ files: [spec], host: nodeHost(), set, precision });
  if (reportDiagnostics(diagnostics, errorFormat)) return undefined;
  if (models.length !== 1) throw new CommandError(`${spec} declares ${models.length} models: seqc train wants one`);
  return models[0].manifest;
}

/** No adapter is no fault of seqc. */
/** The first Ctrl-C is remembered, after `first`; the second ends the process. */
function onInterrupt(first: () => void): { readonly happened: boolean; dispose(): void } {
  let happened = false;
  const listener = () => {
    if (happened) process.exit(130);
    happened = true;
    first();
    process.stderr.write("\nstopping after this step; Ctrl-C again ends at once\n");
  };
  process.on("SIGINT", listener);
  return {
    get happened() {
      return happened;
    },
    dispose: () => process.off("SIGINT", listener),
  };
}

function parameterCount({ parameters }: Manifest): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
}

const line = (label: string, value: string): void => console.log(`${pc.bold(label.padEnd(10))}${value}`);
const grouped = (value: number): string => value.toLocaleString("en");
const nats = (value: number): string => `${value.toFixed(3)} nats a character`;
const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function lossTable({ losses }: SessionResult): string {
  return `step,loss\n${losses.map((loss, i) => `${i + 1},${loss}\n`).join("")}`;
}
