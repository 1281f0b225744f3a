/** @file The options of `seqc train`, and the part of a configuration that they say. */

import { type Command, Option } from "commander";
import { TASK_NAMES } from "../../../runtime/data/tasks/index.js";
import { OPTIMIZERS } from "../../../runtime/optimizers.js";
import { PRECISIONS } from "../../ir/types.js";
import { collectSetting, realNumber, wholeNumber } from "../arguments.js";
import { CommandError } from "../exit.js";
import { ERROR_FORMATS, type ErrorFormat } from "../report.js";
import type { GivenConfig, RunConfig, SampleConfig } from "./config.js";
import { SCHEDULES, type ScheduleName } from "./schedule.js";

/** What to read, of `train` and of `eval`. */
export interface DataOptions {
  readonly text?: readonly string[];
  readonly bytes?: readonly string[];
  readonly data?: readonly string[];
  readonly task?: readonly string[];
}

export interface SampleOptions {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly prompt?: string;
}

export interface TrainOptions extends DataOptions, SampleOptions {
  readonly resume?: string;
  readonly config?: string;
  readonly set?: Readonly<Record<string, number>>;
  readonly precision?: RunConfig["precision"];
  readonly errorFormat: ErrorFormat;
  readonly stateful?: boolean;
  readonly steps?: number;
  readonly epochs?: number;
  readonly batch?: number;
  readonly length?: number;
  readonly optimizer?: keyof typeof OPTIMIZERS;
  readonly lr?: number;
  readonly schedule?: ScheduleName;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly accumulate?: number;
  readonly onNonFinite?: "error" | "skip" | "rollback";
  readonly validation?: readonly string[];
  readonly validateEvery?: number;
  readonly earlyStop?: number;
  readonly checkpointEvery?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly sample?: number;
  readonly tensorboard?: boolean;
  readonly tune?: boolean;
}

export const whole = (flags: string, what: string, least: number): Option =>
  new Option(flags, what).argParser(wholeNumber(flags.split(" ")[0], least));
export const real = (flags: string, what: string, range: "positive" | "non-negative"): Option =>
  new Option(flags, what).argParser(realNumber(flags.split(" ")[0], range));

export function dataOptions(command: Command): Command {
  return command
    .option("--text <files...>", "text, in this order, by characters")
    .option("--bytes <files...>", "files, in this order, by bytes")
    .option("--data <files...>", "arrays named as inputs and targets: .npy, .npz, .csv, .safetensors, IDX")
    .option(
      "--task <name-and-options...>",
      `a synthetic task (${TASK_NAMES.join(", ")}) and its options: adding length=20`,
    );
}

export function sampleOptions(command: Command): Command {
  return command
    .addOption(real("--temperature <x>", "of what is written: 0 takes the likeliest (0.8)", "non-negative"))
    .addOption(whole("--top-k <n>", "draw only from so many of the likeliest", 1))
    .addOption(real("--top-p <x>", "draw only from the likeliest that make up this probability", "positive"))
    .option("--prompt <text>", "what it goes on from");
}

/** `seqc train` without its action. */
export function trainOptions(command: Command): Command {
  dataOptions(
    command.argument("[spec]", "a .seq file with one model; for texts: input `[T] id(V)`, target `[T] id(V)`"),
  )
    .option("--resume <folder>", "go on with the run in this folder from its last checkpoint")
    .option("--config <file>", "options as JSON, such as the config.json of another run; those given here are stronger")
    .addOption(
      new Option("--set <name=value>", "give a size of the model, e.g. H=256 (repeatable)").argParser(collectSetting),
    )
    .addOption(new Option("--precision <p>", "how to store what lies between kernels (f32)").choices(PRECISIONS))
    .addOption(whole("--steps <n>", "training steps (400)", 1))
    .addOption(whole("--epochs <n>", "passes over the data", 1))
    .addOption(whole("--batch <n>", "examples a step (16)", 1))
    .addOption(whole("--length <n>", "of a window of text (32)", 1))
    .addOption(new Option("--optimizer <name>", "(adamw)").choices(Object.keys(OPTIMIZERS)))
    .addOption(real("--lr <x>", "peak learning rate (0.01 of adamw, of others their own)", "positive"))
    .addOption(new Option("--schedule <name>", "of the learning rate (cosine)").choices(SCHEDULES))
    .addOption(real("--weight-decay <x>", "(the optimizer's: 0.01 of adamw)", "non-negative"))
    .addOption(real("--clip <x>", "global norm of the gradient, 0 for none (1)", "non-negative"))
    .addOption(whole("--accumulate <n>", "steps whose gradients make one update (1)", 1))
    .addOption(
      new Option(
        "--on-non-finite <policy>",
        "what to do about losses and gradients that are not finite (error)",
      ).choices(["error", "skip", "rollback"]),
    )
    .option("--stateful", "carry states from batch to batch (truncated backpropagation through time)")
    .option("--validation <part-or-files...>", "the part to hold out, 0 for none, or files to validate on (0.1)")
    .addOption(whole("--validate-every <n>", "steps (a quarter of the run)", 1))
    .addOption(
      whole("--early-stop <n>", "end after so many validations without improvement, with the best parameters", 1),
    )
    .addOption(whole("--checkpoint-every <n>", "steps (200)", 1))
    .addOption(whole("--seed <n>", "of parameters, data, dropout and sample (1)", 0))
    .addOption(new Option("--out <folder>", "where everything goes (runs/train)"))
    .addOption(whole("--sample <n>", "characters to write at the end (300)", 0));
  return sampleOptions(command)
    .option("--tensorboard", "write event files for TensorBoard too")
    .option("--tune", "measure first which kernels are the fastest here, or take what an earlier run kept")
    .addOption(new Option("--error-format <format>", "for people or for tools").choices(ERROR_FORMATS).default("text"));
}

/** @throws CommandError where options contradict each other. */
export function configOf(spec: string | undefined, options: TrainOptions): GivenConfig {
  const { set, precision, stateful, steps, epochs, batch, length, schedule, accumulate, onNonFinite } = options;
  const { validateEvery, checkpointEvery, seed, tensorboard, tune, earlyStop, sample: characters } = options;
  if (length !== undefined && (options.task ?? options.data) !== undefined) {
    throw new CommandError(
      "--length is of windows of text: arrays have lengths, and of a task say --task adding length=20",
    );
  }
  const given: { readonly [K in keyof RunConfig]?: RunConfig[K] | undefined } = {
    ...sourceOf(options),
    ...{ spec, set, precision, stateful, steps, epochs, batch, length, schedule, accumulate, onNonFinite },
    ...{ validateEvery, checkpointEvery, seed, tensorboard, tune },
    clipNorm: options.clip,
    optimizer: defined({
      type: options.optimizer,
      learningRate: options.lr,
      weightDecay: options.weightDecay,
    }) as RunConfig["optimizer"],
    validation: options.validation && validationOf(options.validation),
    earlyStopping: earlyStop === undefined ? undefined : { patience: earlyStop, restoreBest: true },
  };
  return { ...(defined(given) as GivenConfig), sample: defined({ characters, ...sampleOf(options) }) };
}

export function sampleOf({ temperature, topK, topP, prompt }: SampleOptions): Partial<SampleConfig> {
  return defined({ temperature, topK, topP, prompt }) as Partial<SampleConfig>;
}

/** @throws CommandError about the options of a task. */
export function sourceOf({
  text,
  bytes,
  data,
  task,
}: DataOptions): Pick<GivenConfig, "text" | "bytes" | "data" | "task"> {
  const [type, ...options] = task ?? [];
  const parsed = options.map((option): [string, number] => {
    const [, name, value] = /^([A-Za-z]\w*)=(\d+)$/.exec(option) ?? [];
    if (name === undefined) throw new CommandError(`--task ${type} wants options as length=20, not "${option}"`);
    return [name, Number(value)];
  });
  const named = type === undefined ? undefined : { ...Object.fromEntries(parsed), type };
  return defined({ text, bytes, data, task: named }) as Pick<GivenConfig, "text" | "bytes" | "data" | "task">;
}

function validationOf(given: readonly string[]): number | readonly string[] {
  const part = Number(given[0]);
  return given.length === 1 && given[0].trim() !== "" && !Number.isNaN(part) ? part : given;
}

function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}
