/**
 * @file The library of specs against implementations that did not come from its equations (float64, committed values):
 * outputs, loss and every gradient, in the interpreter and on the device.
 */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import type { Graph } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { LIBRARY_FIXTURES, type LibraryFixture, libraryFixture } from "../fixtures/library.js";
import { compileText, relativeError } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";

const IN_F64 = 1e-9;
const ON_DEVICE = 1e-4;
const NOISE = 1e-12;
/** A software adapter takes seconds for the kernels of a model of blocks, and many times that on a busy machine. */
const COMPILING = 600_000;
const models = new URL("../../specs/models/", import.meta.url);

interface Graphs {
  readonly train: Graph;
  readonly predict: Graph;
}

function graphsOf(fixture: LibraryFixture): Graphs {
  const text = fixture.text ?? readFileSync(new URL(present(fixture.file, "test", "the file"), models), "utf8");
  const { graphs } = compileText(text, fixture.set).module;
  return { train: present(graphs.train, "test", "train"), predict: present(graphs.predict, "test", "predict") };
}

function argumentsOf({ parameters, data }: LibraryFixture): Record<string, NdArray> {
  const arrays = Object.entries({ ...parameters, ...data });
  return Object.fromEntries(arrays.map(([name, array]) => [name, ndarray(array.shape, array.data.map(Number))]));
}

type Results = Readonly<Record<string, NdArray>>;

const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

/**
 * ‖got − want‖ against ‖want‖. A gradient that is zero in theory, as that of a bias which cancels, is noise in every
 * implementation; it has to vanish beside all gradients together.
 */
function errorOf(got: ArrayLike<number>, want: readonly number[], all: number): number {
  return norm(want) > NOISE * all ? relativeError(got, want) : norm(got) / all;
}

function compare(fixture: LibraryFixture, results: Results, tolerance: number): void {
  const losses = Object.entries(results).filter(([name]) => name.startsWith("loss:"));
  const loss = losses.reduce((sum, [, { data }]) => sum + data[0], 0);
  expect(relativeError([loss], [fixture.loss]), "loss").toBeLessThan(tolerance);
  const all = Math.hypot(...Object.values(fixture.gradients).map(({ data }) => norm(data.map(Number))));
  for (const [name, { data }] of Object.entries(fixture.gradients)) {
    expect(errorOf(results[`grad:${name}`].data, data.map(Number), all), name).toBeLessThan(tolerance);
  }
}

describe.each(LIBRARY_FIXTURES)("%s", (name) => {
  const fixture = libraryFixture(name);
  let graphs: Graphs;
  beforeAll(() => {
    graphs = graphsOf(fixture);
  });
  const args = argumentsOf(fixture);

  test(`in the interpreter as ${fixture.by}`, () => {
    expect(Object.keys(fixture.gradients).sort()).toEqual(Object.keys(fixture.parameters).sort());
    compare(fixture, evaluateGraph(graphs.train, args, fixture.sizes), IN_F64);
    const outputs = evaluateGraph(graphs.predict, args, fixture.sizes);
    for (const [output, { data }] of Object.entries(fixture.outputs)) {
      expect(relativeError(outputs[`output:${output}`].data, data.map(Number)), output).toBeLessThan(IN_F64);
    }
  });

  test(
    `on the device as ${fixture.by}`,
    async () => {
      compare(fixture, await runOnDevice(graphs.train, args, fixture.sizes), ON_DEVICE);
    },
    COMPILING,
  );
});
