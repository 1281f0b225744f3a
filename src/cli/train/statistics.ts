/** @file Small figures over a run's numbers. */

/** The middle value (mean of the two middle ones); NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `values` averaged into at most `columns` equal stretches, to be drawn in as many columns. */
export function stretches(values: readonly number[], columns: number): number[] {
  const count = Math.min(columns, values.length);
  return Array.from({ length: count }, (_, i) =>
    mean(values.slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count))),
  );
}

/** An index drawn from softmax(logits / temperature); `u` is uniform in [0, 1). Temperature 0 takes the largest. */
export function drawIndex(logits: Float32Array, temperature: number, u: number): number {
  const best = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  if (temperature === 0) return best;
  const weights = Array.from(logits, (logit) => Math.exp((logit - logits[best]) / temperature));
  let rest = u * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return best;
}
