/** @file The hyper-parameters of AdamW, and the words that the update kernel reads. */

import { HYPER_FIELDS } from "./manifest.js";

/** AdamW [Loshchilov and Hutter 2019], with the defaults of `torch.optim.AdamW`. */
export interface OptimizerOptions {
  readonly type?: "adamw";
  /** Default 1e-3. */
  readonly learningRate?: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly eps?: number;
  /** Decoupled; default 0.01. */
  readonly weightDecay?: number;
}

export type AdamW = Required<OptimizerOptions>;

/** @throws RangeError naming the option. */
export function checkOptimizer(options: OptimizerOptions = {}): AdamW {
  const { type = "adamw", learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01 } = options;
  if (type !== "adamw") throw new RangeError(`the optimizer ${String(type)} is unknown: there is "adamw"`);
  for (const [name, value] of Object.entries({ beta1, beta2 })) {
    if (!(value >= 0 && value < 1)) throw new RangeError(`\`${name}\` must be at least 0 and below 1, not ${value}`);
  }
  return {
    type,
    learningRate: checkNotNegative("learningRate", learningRate),
    beta1,
    beta2,
    eps: checkNotNegative("eps", eps),
    weightDecay: checkNotNegative("weightDecay", weightDecay),
  };
}

/** @throws RangeError naming the option. */
export function checkNotNegative(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`\`${name}\` must be a finite number of at least 0, not ${value}`);
}

/** The words of step `step` (from 1), in the order of `HYPER_FIELDS`. @param clipNorm 0 for no clipping. */
export function hyperWords(optimizer: AdamW, clipNorm: number, step: number): Float32Array<ArrayBuffer> {
  const fields: Readonly<Record<(typeof HYPER_FIELDS)[number], number>> = {
    lr: optimizer.learningRate,
    beta1: optimizer.beta1,
    beta2: optimizer.beta2,
    eps: optimizer.eps,
    weightDecay: optimizer.weightDecay,
    clipNorm,
    // In f64: 1 − 0.999ᵗ in f32 has three digits at the first step.
    correction1: 1 - optimizer.beta1 ** step,
    correction2: 1 - optimizer.beta2 ** step,
  };
  return Float32Array.from(HYPER_FIELDS, (name) => fields[name]);
}
