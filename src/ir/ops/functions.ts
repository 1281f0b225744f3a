/** @file Functions of one number that JavaScript lacks, accurate to f64 and without overflow. */

export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/**
 * The error function by its series in e^(−x²) (DLMF 7.6.2): 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!. All terms have
 * one sign, so nothing cancels; beyond |x| = 6 the result is ±1 in f64.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
