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
