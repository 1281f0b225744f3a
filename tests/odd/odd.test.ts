/**
 * @file Cells and models that stand in no library, as the reference of the language lets one write them, against plain
 * loops over one example in PyTorch (float64, committed values).
 */

import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import type { Graph, Module } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import type { LibraryFixture } from "../fixtures/library.js";
import { compileText } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";
import { arraysOf, compare } from "../support/reference.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const names = readdirSync(new URL(".", import.meta.url)).flatMap((file) => file.match(/(.*)\.seq$/)?.[1] ?? []);

/** The others take a software adapter too long. */
const ON_DEVICE = ["legendre", "best-path", "soft-dtw", "coverage", "window"];

describe.each(names)("%s", (name) => {
  const fixture = JSON.parse(read(`fixtures/${name}.json`)) as LibraryFixture;
  const { sizes } = fixture;
  const args = { ...arraysOf(fixture.parameters), ...arraysOf(fixture.data) };
  let module: Module;
  let train: Graph;
  beforeAll(() => {
    ({ module } = compileText(read(`${name}.seq`)));
    train = present(module.graphs.train, "test", "train");
  });

  test(`in the interpreter as ${fixture.by}`, () => {
    expect(module.parameters.map((parameter) => parameter.name).sort()).toEqual(Object.keys(fixture.parameters).sort());
    compare(fixture, evaluateGraph(train, args, sizes), 1e-9);
  });

  if (ON_DEVICE.includes(name))
    test(`on the device as ${fixture.by}`, async () => {
      compare(fixture, await runOnDevice(train, args, sizes), 1e-4);
    });
});
