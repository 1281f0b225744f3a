/**
 * @file What holds for each parameter of a training run, and the flat buffers cut into runs of elements by it: a workgroup
 * takes a run, so that no kernel needs a mask.
 */

import type { Manifest, ParameterSpec } from "./manifest.js";
import { checkFields, checkNumber } from "./options.js";
import { countOf } from "./shapes.js";

/** What differs for some parameters from the rest. */
export interface ParameterSettings {
  /** Multiplies the learning rate; default 1. */
  readonly learningRate?: number;
  /** In place of the optimizer's; the default is that, or 0 where the spec says `no_decay`. */
  readonly weightDecay?: number;
  /** Not updated, nor counted in the norm of the gradients; default false. */
  readonly frozen?: boolean;
}

/**
 * By the names of parameters, in which `*` stands for any letters: `"rnn.*"`. Where several patterns match a parameter, what
 * a later one says holds.
 */
export type ParametersOptions = Readonly<Record<string, ParameterSettings>>;

/** Elements [first, end) of one parameter. */
export interface Run {
  readonly first: number;
  readonly end: number;
  /** The number of the parameter in the manifest. */
  readonly parameter: number;
  readonly rate: number;
  readonly decay: number;
}

/** Words of a run in the table that kernels read. */
const RUN_WORDS = 5;
export const RUN_STRUCT = "struct Run { first: u32, end: u32, parameter: u32, rate: f32, decay: f32 }\n";
/** Elements of a run: eight a thread of a workgroup. */
const RUN_LENGTH = 512;

const FIELDS: readonly (keyof ParameterSettings)[] = ["learningRate", "weightDecay", "frozen"];

/** @throws TypeError or RangeError naming the pattern and the option. */
export function checkParameters({ name, parameters, layout }: Manifest, options: ParametersOptions): ParametersOptions {
  for (const [pattern, settings] of Object.entries(options)) {
    const title = `parameters["${pattern}"]`;
    checkFields(title, settings, FIELDS);
    const { learningRate, weightDecay, frozen } = settings;
    if (learningRate !== undefined) checkNumber(`${title}.learningRate`, learningRate, 0);
    if (weightDecay !== undefined) checkNumber(`${title}.weightDecay`, weightDecay, 0);
    if (frozen !== undefined && typeof frozen !== "boolean") {
      throw new TypeError(`\`${title}.frozen\` must be true or false, not ${String(frozen)}`);
    }
    const matched = parameters.filter((parameter) => matches(pattern, parameter.name));
    if (matched.length === 0) throw new RangeError(`\`${title}\`: ${name} has no parameter of that name`);
    if (frozen !== true && matched.every(({ offset }) => offset >= layout.trainable)) {
      throw new RangeError(`\`${title}\`: the spec freezes ${matched.map((each) => each.name).join(", ")}`);
    }
  }
  return options;
}

/** What an optimizer has for a parameter: a multiplier of the learning rate, and the weight decay where the spec allows it. */
export interface Usual {
  readonly rate: number;
  readonly decay: number;
}

/** The parameters that are updated, cut into runs. */
export function runsOf(
  { parameters, layout }: Manifest,
  options: ParametersOptions,
  usualOf: (parameter: ParameterSpec) => Usual,
): readonly Run[] {
  return parameters.flatMap((spec, parameter) => {
    const { name, offset, shape } = spec;
    const usual = usualOf(spec);
    const matched = Object.entries(options).filter(([pattern]) => matches(pattern, name));
    const settings: Required<ParameterSettings> = {
      learningRate: 1,
      weightDecay: offset < layout.decayed ? usual.decay : 0,
      frozen: false,
    };
    for (const [, own] of matched) Object.assign(settings, own);
    const { weightDecay: decay, frozen } = settings;
    const rate = usual.rate * settings.learningRate;
    if (frozen || offset >= layout.trainable) return [];
    const end = offset + countOf(shape);
    const count = Math.ceil((end - offset) / RUN_LENGTH);
    return Array.from({ length: count }, (_, i): Run => {
      const first = offset + i * RUN_LENGTH;
      return { first, end: Math.min(end, first + RUN_LENGTH), parameter, rate, decay };
    });
  });
}

/** As `RUN_STRUCT` has it; never empty. */
export function runTable(runs: readonly Run[]): ArrayBuffer {
  const table = new DataView(new ArrayBuffer(4 * RUN_WORDS * Math.max(1, runs.length)));
  runs.forEach(({ first, end, parameter, rate, decay }, i) => {
    const at = 4 * RUN_WORDS * i;
    for (const [k, word] of [first, end, parameter].entries()) table.setUint32(at + 4 * k, word, true);
    for (const [k, word] of [rate, decay].entries()) table.setFloat32(at + 12 + 4 * k, word, true);
  });
  return table.buffer;
}

/** Whether a pattern, in which `*` stands for any letters, is the name of a parameter. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}
