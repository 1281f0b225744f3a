/** @file The learning rate over a run. */

/**
 * Linear warm-up over the first 5% of the steps, then a cosine down to a tenth of the peak at the last step.
 * `step` counts from 0.
 */
export function learningRate(step: number, steps: number, peak: number): number {
  const warmUp = Math.ceil(steps * 0.05);
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  const progress = (step - warmUp) / Math.max(1, steps - 1 - warmUp);
  return peak * (0.1 + 0.45 * (1 + Math.cos(Math.PI * progress)));
}
