/** @file A training graph's results against committed values of others. */

import { expect } from "vitest";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import type { LibraryArrays, LibraryFixture } from "../fixtures/library.js";
import { relativeError } from "./compiled.js";

const NOISE = 1e-12;

export const arraysOf = (arrays: LibraryArrays): Results =>
  Object.fromEntries(Object.entries(arrays).map(([name, { shape, data }]) => [name, ndarray(shape, data.map(Number))]));

export type Results = Readonly<Record<string, NdArray>>;

const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

/**
 * ‖got − want‖ against ‖want‖. A gradient that is zero in theory, as that of a bias which cancels, is noise in every
 * implementation; it has to vanish beside all gradients together.
 */
function errorOf(got: ArrayLike<number>, want: readonly number[], all: number): number {
  return norm(want) > NOISE * all ? relativeError(got, want) : norm(got) / all;
}

/** Loss and gradients of a training graph are those of the reference. */
export function compare(fixture: LibraryFixture, results: Results, tolerance: number): void {
  const losses = Object.entries(results).filter(([name]) => name.startsWith("loss:"));
  const loss = losses.reduce((sum, [, { data }]) => sum + data[0], 0);
  expect(relativeError([loss], [fixture.loss]), "loss").toBeLessThan(tolerance);
  const all = Math.hypot(...Object.values(fixture.gradients).map(({ data }) => norm(data.map(Number))));
  for (const [name, { data }] of Object.entries(fixture.gradients)) {
    expect(errorOf(results[`grad:${name}`].data, data.map(Number), all), name).toBeLessThan(tolerance);
  }
}
