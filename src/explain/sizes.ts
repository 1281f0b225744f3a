/** @file Numbers that stand for sizes: a cell alone is looked at with sample sizes, which no reader should see. */

import { call, number, over, plus, symbol, type Term, times } from "./term.js";

/** Multiples and parts of a size as specs have them; more would find sizes in numbers that are none. */
const RATIOS: readonly (readonly [number, number])[] = [
  ...[1, 2, 3, 4, 5, 6].map((n) => [n, 1] as const),
  ...[2, 3, 4, 8, 16].map((n) => [1, n] as const),
  [2, 3],
  [3, 4],
  [3, 8],
  [5, 8],
  [7, 8],
];

/** How a number is written, given samples of sizes: as an expression of these sizes if it is one. */
export function sizeWriter(sizes: ReadonlyMap<string, number>): (value: number) => Term {
  const known = [...sizes].flatMap(([name, size]) =>
    RATIOS.filter(([, part]) => size % part === 0).map(([multiple, part]) => ({
      name,
      value: (multiple * size) / part,
      term: over(times(number(multiple), symbol(name)), number(part)),
    })),
  );
  const pairs = known.flatMap((a, i) => known.slice(i + 1).flatMap((b) => (a.name === b.name ? [] : [{ a, b }])));
  const whole = new Map<number, Term>([
    ...pairs.map(({ a, b }) => [a.value * b.value, times(a.term, b.term)] as const),
    ...pairs.map(({ a, b }) => [a.value + b.value, plus(a.term, b.term)] as const),
    ...known.map(({ value, term }) => [value, term] as const).reverse(),
  ]);
  const near = (value: number) => {
    const rounded = Math.round(value);
    return Math.abs(value - rounded) < 1e-9 * rounded ? whole.get(rounded) : undefined;
  };
  return (value) => {
    const size = Math.abs(value);
    if (size === 0 || !Number.isFinite(size)) return number(value);
    const found =
      near(size) ??
      reciprocal(near(1 / size)) ??
      root(Number.isInteger(size) ? undefined : near(size * size)) ??
      reciprocal(root(Number.isInteger(1 / size) ? undefined : near(1 / (size * size))));
    if (found === undefined) return number(value);
    return value < 0 ? { kind: "negative", arg: found } : found;
  };
}

const root = (term: Term | undefined) => term && call("sqrt", term);
const reciprocal = (term: Term | undefined) => term && over(number(1), term);
