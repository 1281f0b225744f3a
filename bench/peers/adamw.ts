/** @file Clipping by the global norm, then AdamW, in a library's own operations: as `torch` and seqc define them. */

import { OPTIMIZER } from "../workload.js";
import type { Ops } from "./ops.js";

/** Parameters and both moments. The libraries' own types of trees want mutable arrays and no interface. */
export type State<T> = { p: T[]; m: T[]; v: T[] };

/**
 * One update. @param corrections 1 − β₁ᵗ and 1 − β₂ᵗ, as arrays, since a compiled step is the same at every t
 * @param decays which parameters have weight decay
 */
export function update<T>(
  ops: Ops<T>,
  { p, m, v }: State<T>,
  gradients: readonly T[],
  corrections: readonly [T, T],
  decays: readonly boolean[],
): State<T> {
  const { add, mul, scale } = ops;
  const { learningRate, beta1, beta2, eps, weightDecay, clipNorm } = OPTIMIZER;
  const norm = ops.sqrt(gradients.map((g) => ops.sum(mul(g, g))).reduce(add));
  const factor = ops.min(ops.div(ops.constant(Float32Array.of(clipNorm), []), ops.shift(norm, 1e-6)), 1);
  const clipped = gradients.map((g) => mul(g, factor));
  const nextM = m.map((old, i) => add(scale(old, beta1), scale(clipped[i], 1 - beta1)));
  const nextV = v.map((old, i) => add(scale(old, beta2), scale(mul(clipped[i], clipped[i]), 1 - beta2)));
  const nextP = p.map((old, i) => {
    const root = ops.shift(ops.sqrt(ops.div(nextV[i], corrections[1])), eps);
    const step = scale(ops.div(ops.div(nextM[i], corrections[0]), root), -learningRate);
    return add(decays[i] ? scale(old, 1 - learningRate * weightDecay) : old, step);
  });
  return { p: nextP, m: nextM, v: nextV };
}

/** 1 − β₁ᵗ and 1 − β₂ᵗ. */
export function corrections(step: number): readonly [number, number] {
  return [1 - OPTIMIZER.beta1 ** step, 1 - OPTIMIZER.beta2 ** step];
}
