/** @file Counts that depend on the batch and the lengths: polynomials in them, as text and as numbers. */

import { type Count, SPANS } from "../../../runtime/manifest.js";
import { BATCH, type Dim } from "../../ir/types.js";

/** A coefficient for each product of lengths, which is named by them in order: `_B T`. */
export type Polynomial = ReadonlyMap<string, number>;

export const zero: Polynomial = new Map();

/** `factor` times the extents. */
export function monomial(dims: readonly Dim[], factor = 1): Polynomial {
  const numbers = dims.filter((dim) => typeof dim === "number");
  const lengths = dims.filter((dim) => typeof dim === "string");
  return new Map([[lengths.sort(batchFirst).join(" "), numbers.reduce((n, dim) => n * dim, factor)]]);
}

const batchFirst = (a: string, b: string) => Number(b === BATCH) - Number(a === BATCH) || (a < b ? -1 : a > b ? 1 : 0);

/** ⌈factor · Π lengths / divisor⌉, without the rounding, of loops that go step by step. */
export function fromCount({ factor, lengths, divisor, chunks = [] }: Count, times = 1): Polynomial {
  const steps = chunks.reduce((n, chunk) => n * chunk.steps, divisor);
  const dims = [...lengths, ...chunks.map(({ length }) => length)].filter((name) => name !== SPANS);
  return monomial(dims, (times * factor) / steps);
}

export function sum(terms: Iterable<Polynomial>): Polynomial {
  const total = new Map<string, number>();
  for (const term of terms) for (const [key, n] of term) total.set(key, (total.get(key) ?? 0) + n);
  return total;
}

export function valueAt(polynomial: Polynomial, lengths: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const [key, n] of polynomial) total += factorsOf(key).reduce((product, name) => product * lengths[name], n);
  return total;
}

const factorsOf = (key: string) => (key === "" ? [] : key.split(" "));

/** `B·T·12,288 + B/4 + 20`: highest powers first. */
export function show(polynomial: Polynomial): string {
  const terms = [...polynomial].filter(([, n]) => n !== 0);
  terms.sort(([a], [b]) => factorsOf(b).length - factorsOf(a).length || (a < b ? -1 : 1));
  const shown = terms.map(([key, n]) => {
    const lengths = factorsOf(key).map((name) => (name === BATCH ? "B" : name));
    if (lengths.length === 0) return grouped(n);
    if (n < 1 && Number.isInteger(1 / n)) return `${lengths.join("·")}/${grouped(1 / n)}`;
    return [...lengths, ...(n === 1 ? [] : [grouped(n)])].join("·");
  });
  return shown.length === 0 ? "0" : shown.join(" + ");
}

export function grouped(n: number): string {
  const [whole, fraction] = String(Math.round(n * 100) / 100).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction === undefined ? "" : `.${fraction}`);
}
