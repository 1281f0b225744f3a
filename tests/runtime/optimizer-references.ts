/** @file The optimizers once more, in f64 and from the papers, one parameter at a time. */

/** Of one parameter: changes it and what is remembered of it. @param n the number of the update, from 1. */
export type Reference = (p: number[], g: readonly number[], rate: number, decay: number, n: number) => void;

const zeros = (p: readonly number[]) => new Array<number>(p.length).fill(0);

/** Sutskever et al. 2013 as torch writes it, with L2. */
export function sgd(momentum: number, nesterov: boolean): Reference {
  let velocity: number[] = [];
  return (p, g, rate, decay) => {
    if (velocity.length === 0) velocity = zeros(p);
    p.forEach((value, i) => {
      const gradient = g[i] + decay * value;
      velocity[i] = momentum * velocity[i] + gradient;
      p[i] -= rate * (nesterov ? gradient + momentum * velocity[i] : velocity[i]);
    });
  };
}

/** Tieleman and Hinton 2012; centered as Graves 2013, but with ε outside of the root. */
export function rmsprop(alpha: number, eps: number, momentum: number, centered: boolean): Reference {
  let state: { square: number; mean: number; move: number }[] = [];
  return (p, g, rate, decay) => {
    if (state.length === 0) state = p.map(() => ({ square: 0, mean: 0, move: 0 }));
    p.forEach((value, i) => {
      const of = state[i];
      const gradient = g[i] + decay * value;
      of.square = alpha * of.square + (1 - alpha) * gradient ** 2;
      of.mean = alpha * of.mean + (1 - alpha) * gradient;
      const variance = centered ? of.square - of.mean ** 2 : of.square;
      of.move = momentum * of.move + gradient / (Math.sqrt(variance) + eps);
      p[i] -= rate * of.move;
    });
  };
}

/** Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2 where decoupled. */
export function adam(beta1: number, beta2: number, eps: number, decoupled: boolean): Reference {
  let [m, v]: number[][] = [[], []];
  return (p, g, rate, decay, n) => {
    if (m.length === 0) [m, v] = [zeros(p), zeros(p)];
    p.forEach((value, i) => {
      const gradient = decoupled ? g[i] : g[i] + decay * value;
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient ** 2;
      const direction = m[i] / (1 - beta1 ** n) / (Math.sqrt(v[i] / (1 - beta2 ** n)) + eps);
      p[i] = value - rate * (direction + (decoupled ? decay * value : 0));
    });
  };
}

/** Chen et al. 2023, algorithm 2. */
export function lion(beta1: number, beta2: number): Reference {
  let m: number[] = [];
  return (p, g, rate, decay) => {
    if (m.length === 0) m = zeros(p);
    p.forEach((value, i) => {
      p[i] = value - rate * (Math.sign(beta1 * m[i] + (1 - beta1) * g[i]) + decay * value);
      m[i] = beta2 * m[i] + (1 - beta2) * g[i];
    });
  };
}

const COEFFICIENTS = [3.4445, -4.775, 2.0315];

/** Jordan et al. 2024, of a matrix of so many columns. */
export function muon(momentum: number, nesterov: boolean, columns: number): Reference {
  let b: number[] = [];
  return (p, g, rate, decay) => {
    if (b.length === 0) b = zeros(p);
    b = b.map((value, i) => momentum * value + (1 - momentum) * g[i]);
    const rows = p.length / columns;
    const u = nesterov ? b.map((value, i) => momentum * value + (1 - momentum) * g[i]) : b;
    const norm = Math.max(1e-7, Math.hypot(...u));
    let x = Array.from({ length: rows }, (_, i) => u.slice(i * columns, (i + 1) * columns).map((y) => y / norm));
    const wide = rows <= columns;
    if (!wide) x = transposed(x);
    for (let k = 0; k < 5; k++) {
      const a = product(x, transposed(x));
      const aa = product(a, a);
      const polynomial = a.map((row, i) => row.map((y, j) => COEFFICIENTS[1] * y + COEFFICIENTS[2] * aa[i][j]));
      const moved = product(polynomial, x);
      x = x.map((row, i) => row.map((y, j) => COEFFICIENTS[0] * y + moved[i][j]));
    }
    if (!wide) x = transposed(x);
    const scale = Math.sqrt(Math.max(1, rows / columns));
    x.flat().forEach((y, i) => {
      p[i] -= rate * (decay * p[i] + scale * y);
    });
  };
}

const transposed = (a: readonly (readonly number[])[]): number[][] => a[0].map((_, j) => a.map((row) => row[j]));
const product = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, y, k) => sum + y * b[k][j], 0)));
