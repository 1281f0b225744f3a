/**
 * @file The library of specs against implementations that did not come from its equations (float64, committed values):
 * outputs, loss and every gradient, in the interpreter and on the device, and the outputs a few steps at a time.
 */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import type { NdArray } from "../../src/ir/ndarray.js";
import { BATCH, type Graph, type Module } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { LIBRARY_FIXTURES, type LibraryFixture, libraryFixture } from "../fixtures/library.js";
import { runChunks, steps } from "../passes/streaming.js";
import { compileText, relativeError } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";
import { arraysOf, compare, type Results } from "../support/reference.js";

const IN_F64 = 1e-9;
const ON_DEVICE = 1e-4;
/** A software adapter takes seconds for the kernels of a model of blocks, and many times that on a busy machine. */
const COMPILING = 600_000;
/** What reads the whole sequence before its first output. */
const LOOKING_AHEAD = ["bidirectional-tagger"];
const models = new URL("../../specs/models/", import.meta.url);

function moduleOf(fixture: LibraryFixture): Module {
  const text = fixture.text ?? readFileSync(new URL(present(fixture.file, "test", "the file"), models), "utf8");
  return compileText(text, fixture.set).module;
}

const row = ({ shape: [batch], data }: NdArray, b: number) =>
  data.subarray((b * data.length) / batch, ((b + 1) * data.length) / batch);

/** The examples as long as the batch: in a stream none ends. */
function unended(module: Module, args: Results, sizes: LibraryFixture["sizes"]): number[] {
  const examples = Array.from({ length: sizes[BATCH] }, (_, b) => b);
  return examples.filter((b) => (module.ragged ?? []).every((length) => args[length].data[b] === sizes[length]));
}

describe.each(LIBRARY_FIXTURES)("%s", (name) => {
  const fixture = libraryFixture(name);
  const { sizes } = fixture;
  const args = { ...arraysOf(fixture.parameters), ...arraysOf(fixture.data) };
  const outputs = Object.entries(arraysOf(fixture.outputs));
  let module: Module;
  let train: Graph;
  beforeAll(() => {
    module = moduleOf(fixture);
    train = present(module.graphs.train, "test", "train");
  });

  test(`in the interpreter as ${fixture.by}`, () => {
    expect(Object.keys(fixture.gradients).sort()).toEqual(Object.keys(fixture.parameters).sort());
    compare(fixture, evaluateGraph(train, args, sizes), IN_F64);
    const predicted = evaluateGraph(present(module.graphs.predict, "test", "predict"), args, sizes);
    for (const [output, { data }] of outputs) {
      expect(relativeError(predicted[`output:${output}`].data, data), output).toBeLessThan(IN_F64);
    }
  });

  test("a few steps at a time too, where nothing looks ahead", () => {
    if (LOOKING_AHEAD.includes(name)) return expect(module.streamRefusal).toMatch(/scan reverse/);
    const length = present(module.streamLength, "test", "its length");
    const bounds = [0, 2, sizes[length]];
    const examples = unended(module, args, sizes);
    expect(examples).not.toEqual([]);
    const chunks = runChunks(module, args, sizes, bounds);
    for (const [output, whole] of outputs) {
      const hasSteps = module.outputs.some((port) => port.name === output && port.shape.includes(length));
      for (const [i, chunk] of chunks.entries()) {
        if (!hasSteps && i < chunks.length - 1) continue;
        const [got, want] = [chunk[`output:${output}`], hasSteps ? steps(whole, bounds[i], bounds[i + 1]) : whole];
        for (const b of examples) {
          expect(relativeError(row(got, b), row(want, b)), `${output}, chunk ${i}`).toBeLessThan(IN_F64);
        }
      }
    }
  });

  test(
    `on the device as ${fixture.by}`,
    async () => {
      compare(fixture, await runOnDevice(train, args, sizes), ON_DEVICE);
    },
    COMPILING,
  );
});
