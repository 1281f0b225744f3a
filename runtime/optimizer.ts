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

/** An optimizer with all its options. */
export type Optimizer = Sgd | RmsProp | Adam | AdamW | Lion;

/** The name of an optimizer, or some of its options. Without a type they are those of AdamW. */
export type OptimizerOptions = Optimizer["type"] | Some<Sgd> | Some<RmsProp> | Some<Adam> | Partial<AdamW> | Some<Lion>;

type Some<O extends Optimizer> = Pick<O, "type"> & Partial<O>;

/** Options at which a sum of the past would not fade. */
const BELOW_ONE = ["momentum", "alpha", "beta1", "beta2"];

/** The options with defaults where they are missing. @throws TypeError or RangeError naming the option. */
export function checkOptimizer(options: OptimizerOptions = {}): Optimizer {
  const given: Readonly<Record<string, unknown>> = typeof options === "string" ? { type: options } : { ...options };
  const types = Object.keys(OPTIMIZERS) as Optimizer["type"][];
  const type = checkOneOf("optimizer.type", given.type ?? "adamw", types);
  const { defaults } = OPTIMIZERS[type];
  checkFields("optimizer", given, ["type", ...Object.keys(defaults)]);
  const chosen: Record<string, unknown> = { type };
  for (const [name, usual] of Object.entries(defaults)) chosen[name] = checked(name, given[name] ?? usual, usual);
  const optimizer = chosen as unknown as Optimizer;
  if (optimizer.type === "sgd" && optimizer.nesterov && optimizer.momentum === 0) {
    throw new RangeError("`optimizer.nesterov` needs an `optimizer.momentum` above 0");
  }
  return optimizer;
}

function checked(name: string, value: unknown, usual: unknown): unknown {
  const title = `optimizer.${name}`;
  if (name === "learningRate") return checkLearningRate(title, value as LearningRate);
  if (typeof usual === "boolean") {
    if (typeof value === "boolean") return value;
    throw new TypeError(`\`${title}\` must be true or false, not ${String(value)}`);
  }
  const number = checkNumber(title, value as number, 0);
  if (number >= 1 && BELOW_ONE.includes(name)) {
    throw new RangeError(`\`${title}\` must be at least 0 and below 1, not ${number}`);
  }
  return number;
}
