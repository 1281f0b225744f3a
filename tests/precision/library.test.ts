/**
 * @file Models stored as f16 against implementations of others: on a device that has f16 as it is, on any other with halves
 * that are f32, where all but the rounding is the same; and on both with every half rounded to f16, which WGSL does in f32 too.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SPANS } from "../../runtime/manifest.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { type Graph, LOSS_SCALE } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { type LibraryFixture, libraryFixture } from "../fixtures/library.js";
import { compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";
import { arraysOf, compare, type Results } from "../support/reference.js";

const models = new URL("../../specs/models/", import.meta.url);

/** f16 is off by up to 2⁻¹¹ of a number, some on the way to a gradient make more of it. */
const ROUNDED = 4 * 2 ** -11;
const COMPILING = 600_000;

/** A gated cell, a selective state space model, a matrix memory, attention with examples of different lengths. */
const NAMES = ["lstm-peephole", "selective-ssm", "mlstm", "seq2seq-attention"];

const SCALE = 1024;
/** The graph's gradients are those of the scaled loss. */
const unscaled = (results: Results): Results =>
  Object.fromEntries(
    Object.entries(results).map(([name, { shape, data }]) => [
      name,
      ndarray(shape, name.startsWith("grad:") ? data.map((x) => x / SCALE) : data),
    ]),
  );
const all = (arrays: readonly ArrayLike<number>[]) => arrays.flatMap((each) => Array.from(each));

/** ‖all gradients − those of the fixture‖ / ‖those‖. */
function errorOf({ gradients }: LibraryFixture, results: Results): number {
  const names = Object.keys(gradients);
  return relativeError(
    all(names.map((name) => results[`grad:${name}`].data)),
    all(names.map((name) => gradients[name].data.map(Number))),
  );
}

function prepared(name: string) {
  const fixture = libraryFixture(name);
  const text = fixture.text ?? readFileSync(new URL(present(fixture.file, "test", "the file"), models), "utf8");
  const train: Graph = present(compileText(text, fixture.set, "f16").module.graphs.train, "test", "train");
  const args = { ...arraysOf(fixture.parameters), ...arraysOf(fixture.data) };
  return { fixture, train, args, sizes: { ...fixture.sizes, [LOSS_SCALE]: SCALE } };
}

test.each(NAMES)(
  "%s",
  async (name) => {
    const { fixture, train, args, sizes } = prepared(name);

    compare(fixture, unscaled(evaluateGraph(train, args, sizes)), 1e-9);
    const { slots } = compileGraph(train, "f16").program;
    expect(slots.some(({ half }) => half)).toBe(true);
    const { features } = await testDevice();
    const stored = unscaled(await runOnDevice(train, args, sizes, undefined, "f16"));
    if (features.has("shader-f16")) expect(errorOf(fixture, stored)).toBeLessThan(ROUNDED);
    else compare(fixture, stored, 1e-4);
    const rounded = unscaled(await runOnDevice(train, args, sizes, undefined, "rounded to f16"));
    const error = errorOf(fixture, rounded);
    expect(error).toBeLessThan(ROUNDED);
    // It was rounded indeed.
    expect(error).toBeGreaterThan(1e-5);
  },
  COMPILING,
);

test(
  "loops in spans of time store and read halves alike",
  async () => {
    const { fixture, train, args, sizes } = prepared("selective-ssm");
    const rounded = unscaled(await runOnDevice(train, args, { ...sizes, [SPANS]: 2 }, 1, "rounded to f16"));
    const error = errorOf(fixture, rounded);
    expect(error).toBeLessThan(ROUNDED);
    expect(error).toBeGreaterThan(1e-5);
  },
  COMPILING,
);
