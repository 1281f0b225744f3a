/** @file What a user says of an optimizer: plain data, with the names and defaults of `torch.optim` in camel case. */

import { OPTIMIZERS } from "./optimizers.js";
import { checkFields, checkNumber, checkOneOf } from "./options.js";
import { checkLearningRate, type LearningRate } from "./schedules.js";

/** Stochastic gradient descent, as `torch.optim.SGD` without dampening. */
export interface Sgd {
  readonly type: "sgd";
  /** Default 1e-3. */
  readonly learningRate: LearningRate;
  /** At least 0 and below 1; default 0. */
  readonly momentum: number;
  /** Nesterov's momentum [Sutskever et al. 2013]; default false. It needs a momentum above 0. */
  readonly nesterov: boolean;
  /** Added to the gradient, times the parameter (L2); default 0. */
  readonly weightDecay: number;
}

/** RMSprop [Tieleman and Hinton 2012], as `torch.optim.RMSprop`. */
export interface RmsProp {
  readonly type: "rmsprop";
  /** Default 1e-2. */
  readonly learningRate: LearningRate;
  /** Of the mean of squares, at least 0 and below 1; default 0.99. */
  readonly alpha: number;
  /** Default 1e-8. */
  readonly eps: number;
  /** At least 0 and below 1; default 0. */
  readonly momentum: number;
  /** Whether it divides by the deviation, not by the root of the mean of squares [Graves 2013]; default false. */
  readonly centered: boolean;
  /** Added to the gradient, times the parameter (L2); default 0. */
  readonly weightDecay: number;
}

interface Moments {
  /** Default 1e-3. */
  readonly learningRate: LearningRate;
  /** At least 0 and below 1; default 0.9. */
  readonly beta1: number;
  /** At least 0 and below 1; default 0.999. */
  readonly beta2: number;
  /** Default 1e-8. */
  readonly eps: number;
}

/** Adam [Kingma and Ba 2015], as `torch.optim.Adam`. */
export interface Adam extends Moments {
  readonly type: "adam";
  /** Added to the gradient, times the parameter (L2); default 0. */
  readonly weightDecay: number;
}

/** AdamW [Loshchilov and Hutter 2019], as `torch.optim.AdamW`. */
export interface AdamW extends Moments {
  readonly type: "adamw";
  /** Decoupled from the gradient; default 0.01. */
  readonly weightDecay: number;
}

/** Lion [Chen et al. 2023]. */
export interface Lion {
  readonly type: "lion";
  /** Default 1e-4. */
  readonly learningRate: LearningRate;
  /** At least 0 and below 1; default 0.9. */
  readonly beta1: number;
  /** At least 0 and below 1; default 0.99. */
  readonly beta2: number;
  /** Decoupled from the gradient; default 0. */
  readonly weightDecay: number;
}

/**
 * Muon [Jordan et al. 2024], as `torch.optim.Muon`, but in f32: every matrix moves by the nearest matrix with orthogonal rows or
 * columns to its momentum. Matrices are the parameters with at least two axes, those before the last taken for one; the rest is left
 * to AdamW.
 */
export interface Muon {
  readonly type: "muon";
  /** Of matrices, times √max(1, rows / columns); default 1e-3. */
  readonly learningRate: LearningRate;
  /** At least 0 and below 1; default 0.95. */
  readonly momentum: number;
  /** Default true. */
  readonly nesterov: boolean;
  /** Of matrices, decoupled from the gradient; default 0.1. */
  readonly weightDecay: number;
  readonly adamw: MuonAdamW;
}

/** AdamW for what is no matrix. */
export interface MuonAdamW extends Omit<AdamW, "type" | "learningRate"> {
  /** Where Muon's learning rate is at its peak, with which it rises and falls; default 1e-3. */
  readonly learningRate: number;
  /** Matrices that are left to it too, by their names: embeddings and heads, `["embed.*", "head.W"]`. Default none. */
  readonly parameters: readonly string[];
}

/** An optimizer with all its options. */
export type Optimizer = Sgd | RmsProp | Adam | AdamW | Lion | Muon;

/** The name of an optimizer, or some of its options. Without a type they are those of AdamW. */
export type OptimizerOptions =
  | Optimizer["type"]
  | Some<Sgd>
  | Some<RmsProp>
  | Some<Adam>
  | Partial<AdamW>
  | Some<Lion>
  | (Some<Omit<Muon, "adamw">> & { readonly adamw?: Partial<MuonAdamW> });

type Some<O extends Pick<Optimizer, "type">> = Pick<O, "type"> & Partial<O>;

/** Options at which a sum of the past would not fade. */
const BELOW_ONE = ["momentum", "alpha", "beta1", "beta2"];

/** The options with defaults where they are missing. @throws TypeError or RangeError naming the option. */
export function checkOptimizer(options: OptimizerOptions = {}): Optimizer {
  const given = typeof options === "string" ? { type: options } : options;
  const types = Object.keys(OPTIMIZERS) as Optimizer["type"][];
  const type = checkOneOf("optimizer.type", given.type ?? "adamw", types);
  const chosen = checkedFields("optimizer", { ...given, type }, { type, ...OPTIMIZERS[type].defaults });
  const optimizer = chosen as unknown as Optimizer;
  if ("nesterov" in optimizer && optimizer.nesterov && optimizer.momentum === 0) {
    throw new RangeError("`optimizer.nesterov` needs an `optimizer.momentum` above 0");
  }
  return optimizer;
}

/** The largest learning rate. */
export const peakOf = (rate: LearningRate): number => (typeof rate === "number" ? rate : rate.peak);

function checkedFields(title: string, given: object, usual: object): Record<string, unknown> {
  checkFields(title, given, Object.keys(usual));
  const fields: Readonly<Record<string, unknown>> = { ...given };
  return Object.fromEntries(
    Object.entries(usual).map(([name, value]) => [
      name,
      checked(`${title}.${name}`, name, fields[name] ?? value, value),
    ]),
  );
}

/** A value of the type of the default. */
function checked(title: string, name: string, value: unknown, usual: unknown): unknown {
  if (name === "type") return value;
  if (name === "learningRate" && title === "optimizer.learningRate") {
    return checkLearningRate(title, value as LearningRate);
  }
  if (typeof usual === "boolean") {
    if (typeof value === "boolean") return value;
    throw new TypeError(`\`${title}\` must be true or false, not ${String(value)}`);
  }
  if (Array.isArray(usual)) {
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    throw new TypeError(`\`${title}\` must be a list of names`);
  }
  if (typeof usual === "object") {
    if (typeof value === "object") return checkedFields(title, value ?? {}, usual ?? {});
    throw new TypeError(`\`${title}\` must be an object of options`);
  }
  const number = checkNumber(title, value as number, 0);
  if (number >= 1 && BELOW_ONE.includes(name)) {
    throw new RangeError(`\`${title}\` must be at least 0 and below 1, not ${number}`);
  }
  return number;
}
