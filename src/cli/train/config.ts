/**
 * @file What decides a run, as plain data: defaults, then a file of options, then those of the command line. The result lies in the
 * run's folder as `config.json`, which is such a file itself.
 */

import { dirname, relative, resolve } from "node:path";
import type { TaskOptions } from "../../../runtime/data/tasks/index.js";
import type { EarlyStopping } from "../../../runtime/early-stopping.js";
import { checkOptimizer, type OptimizerOptions } from "../../../runtime/optimizer.js";
import { checkFields, checkNumber, checkOneOf, checkWhole } from "../../../runtime/options.js";
import type { ParametersOptions } from "../../../runtime/parameter-settings.js";
import { checkSeed } from "../../../runtime/random.js";
import { checkSampling } from "../../../runtime/sampler.js";
import type { LearningRate } from "../../../runtime/schedules.js";
import type { NonFinitePolicy } from "../../../runtime/training-options.js";
import { PRECISIONS, type Precision } from "../../ir/types.js";
import { CommandError } from "../exit.js";
import { readText } from "../files.js";
import { SCHEDULES, type ScheduleName } from "./schedule.js";

export interface SampleConfig {
  /** Characters or bytes to write at the end of the run; 0 for none. */
  readonly characters: number;
  /** 0 takes the likeliest. */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  /** What it goes on from; a line's end by default. */
  readonly prompt?: string;
}

/** Paths are relative to the file of options, or to the working folder where they are given on the command line. */
export interface RunConfig {
  readonly spec: string;
  /** One of these four says what to train on. */
  readonly text?: readonly string[];
  readonly bytes?: readonly string[];
  readonly data?: readonly string[];
  readonly task?: TaskOptions;
  /** Sizes of the model. */
  readonly set: Readonly<Record<string, number>>;
  readonly precision: Precision;
  readonly stateful: boolean;
  /** Steps in all, at most. */
  readonly steps?: number;
  readonly epochs?: number;
  readonly batch: number;
  /** Of a window of text; other data has its own lengths. */
  readonly length: number;
  readonly optimizer: Exclude<OptimizerOptions, string> & { readonly learningRate?: LearningRate };
  /** How a learning rate that is a number is spread over the run. */
  readonly schedule: ScheduleName;
  readonly clipNorm: number;
  readonly clipValue: number;
  readonly accumulate: number;
  readonly parameters: ParametersOptions;
  readonly onNonFinite: NonFinitePolicy;
  /** The part that is held out, 0 for none; or files. */
  readonly validation: number | readonly string[];
  /** Steps. By default four times a run. */
  readonly validateEvery?: number;
  /** Looks at each validation. */
  readonly earlyStopping?: EarlyStopping;
  /** Steps. */
  readonly checkpointEvery: number;
  readonly seed: number;
  readonly sample: SampleConfig;
  readonly tensorboard: boolean;
  readonly tune: boolean;
}

/** As much of it as a file or a command line says. */
export type GivenConfig = Partial<Omit<RunConfig, "sample">> & { readonly sample?: Partial<SampleConfig> };

const DEFAULTS: Omit<RunConfig, "spec"> = {
  set: {},
  precision: "f32",
  stateful: false,
  batch: 16,
  length: 32,
  optimizer: {},
  schedule: "cosine",
  clipNorm: 1,
  clipValue: 0,
  accumulate: 1,
  parameters: {},
  onNonFinite: "error",
  validation: 0.1,
  checkpointEvery: 200,
  seed: 1,
  sample: { characters: 300, temperature: 0.8 },
  tensorboard: false,
  tune: false,
};

/** Steps of a run that says neither steps nor epochs. */
const STEPS = 400;

export const SOURCES = ["text", "bytes", "data", "task"] as const;
/** Each lists files. */
const FILES = ["text", "bytes", "data"] as const;

/** What throws a TypeError or RangeError about a value that its option does not take. */
type Check = (name: string, value: never) => unknown;

const files: Check = (name, value: unknown) => {
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string")) return;
  throw new TypeError(`\`${name}\` must be a list of files, not ${JSON.stringify(value)}`);
};
const text: Check = (name, value: unknown) => {
  if (typeof value !== "string") throw new TypeError(`\`${name}\` must be a text, not ${JSON.stringify(value)}`);
};
const truth: Check = (name, value: unknown) => {
  if (typeof value !== "boolean")
    throw new TypeError(`\`${name}\` must be true or false, not ${JSON.stringify(value)}`);
};
const object: Check = (name, value: unknown) => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`\`${name}\` must be an object, not ${JSON.stringify(value)}`);
};
const wholeFrom =
  (least: number): Check =>
  (name, value) =>
    checkWhole(name, value, least);
const numberUpTo =
  (most?: number): Check =>
  (name, value) =>
    checkNumber(name, value, 0, most);
const oneOf =
  (choices: readonly string[]): Check =>
  (name, value) =>
    checkOneOf(name, value, choices);

const SAMPLE_CHECKS: Readonly<Record<keyof SampleConfig, Check>> = {
  characters: wholeFrom(0),
  temperature: numberUpTo(),
  topK: wholeFrom(1),
  topP: numberUpTo(1),
  prompt: text,
};

/** What can be said without the model; the trainer checks the rest. */
const CHECKS: Readonly<Record<keyof RunConfig, Check>> = {
  spec: text,
  text: files,
  bytes: files,
  data: files,
  task: (name, value) => {
    object(name, value);
    text(`${name}.type`, (value as TaskOptions).type as never);
  },
  set: (name, value) => {
    object(name, value);
    for (const [key, size] of Object.entries<number>(value)) {
      if (!Number.isFinite(size))
        throw new TypeError(`\`${name}.${key}\` must be a number, not ${JSON.stringify(size)}`);
    }
  },
  precision: oneOf(PRECISIONS),
  stateful: truth,
  steps: wholeFrom(1),
  epochs: wholeFrom(1),
  batch: wholeFrom(1),
  length: wholeFrom(1),
  optimizer: (name, value) => {
    object(name, value);
    checkOptimizer(value);
  },
  schedule: oneOf(SCHEDULES),
  clipNorm: numberUpTo(),
  clipValue: numberUpTo(),
  accumulate: wholeFrom(1),
  parameters: object,
  onNonFinite: (name, value: unknown) => {
    if (typeof value !== "string") object(name, value as never);
  },
  validation: (name, value: unknown) => {
    if (typeof value !== "number") files(name, value as never);
    else if (!(value >= 0 && value < 1))
      throw new RangeError(`\`${name}\` must be files or a part below 1, not ${value}`);
  },
  validateEvery: wholeFrom(1),
  earlyStopping: object,
  checkpointEvery: wholeFrom(1),
  seed: (_, value) => checkSeed(value),
  sample: (name, value) => {
    object(name, value);
    checkEach(`${name}.`, value, SAMPLE_CHECKS, name);
    checkSampling(value);
  },
  tensorboard: truth,
  tune: truth,
};

function checkEach(prefix: string, given: object, checks: Readonly<Record<string, Check>>, title: string): void {
  checkFields(title, given, Object.keys(checks));
  for (const [key, value] of Object.entries(given)) {
    if (value !== undefined) checks[key](`${prefix}${key}`, value as never);
  }
}

/** @throws CommandError naming the file and what is wrong with it. Its paths become those from the working folder. */
export function readConfig(path: string): GivenConfig {
  const written = readText(path);
  const given = blame(path, () => {
    const parsed: unknown = JSON.parse(written);
    object("the file", parsed as never);
    checkEach("", parsed as object, CHECKS, "config");
    return parsed as GivenConfig;
  });
  return withPaths(given, (file) => relative("", resolve(dirname(path), file)));
}

/** Every path of it changed. */
export function withPaths<C extends GivenConfig>(config: C, change: (path: string) => string): C {
  const lists = FILES.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key].map(change)]]));
  return {
    ...config,
    ...(config.spec !== undefined && { spec: change(config.spec) }),
    ...Object.fromEntries(lists),
    ...(Array.isArray(config.validation) && { validation: config.validation.map(change) }),
  };
}

/**
 * Defaults, below what is given, the later the stronger. Another source takes the place of all others, other steps that of epochs.
 * @throws CommandError naming the option.
 */
export function mergeConfigs(...given: readonly GivenConfig[]): RunConfig {
  let merged: GivenConfig = DEFAULTS;
  for (const next of given) {
    const dropped = new Set<string>();
    if (SOURCES.some((key) => next[key] !== undefined)) for (const key of SOURCES) dropped.add(key);
    if (next.steps !== undefined || next.epochs !== undefined) for (const key of ["steps", "epochs"]) dropped.add(key);
    const kept = Object.fromEntries(Object.entries(merged).filter(([key]) => !dropped.has(key)));
    const said = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined));
    merged = {
      ...kept,
      ...said,
      set: { ...merged.set, ...next.set },
      optimizer: mergeOptimizers(merged.optimizer ?? {}, next),
      sample: { ...merged.sample, ...next.sample },
    };
  }
  const { spec, steps, epochs } = merged;
  if (spec === undefined) throw new CommandError("which spec? give a .seq file, or `spec` in the file of options");
  const sources = SOURCES.filter((key) => merged[key] !== undefined);
  if (sources.length !== 1) {
    const found = sources.length === 0 ? "nothing is" : `${sources.map((key) => `--${key}`).join(" and ")} are`;
    throw new CommandError(`what to train on? ${found} given: one of --text, --bytes, --data and --task`);
  }
  blame("", () => checkEach("", merged, CHECKS, "config"));
  return { ...(steps === undefined && epochs === undefined && { steps: STEPS }), ...merged } as RunConfig;
}

/** Options of another type of optimizer mean nothing to this one; of a schedule another keeps the peak. */
function mergeOptimizers(below: RunConfig["optimizer"], next: GivenConfig): RunConfig["optimizer"] {
  const above = next.optimizer ?? {};
  const other = above.type !== undefined && above.type !== (below.type ?? "adamw");
  const { learningRate } = below;
  const peak = next.schedule !== undefined && typeof learningRate === "object" && { learningRate: learningRate.peak };
  return { ...(other ? {} : below), ...peak, ...above } as RunConfig["optimizer"];
}

/** @throws CommandError in place of what `action` says about options, with the name of the file where they stand. */
export function blame<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)) throw error;
    throw new CommandError(file === "" ? error.message : `${file}: ${error.message}`);
  }
}
