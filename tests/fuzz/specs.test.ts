/** @file Random specs go down the whole road. `npm run fuzz` does the same for as long as wanted. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { registry } from "../../src/ir/registry.js";
import { forEachInstr } from "../../src/ir/traverse.js";
import { moduleOf } from "../lower/support.js";
import { runOnDevice } from "../support/ladder.js";
import {
  agreesOnDevice,
  agreesWithItself,
  compiles,
  examplesStandAlone,
  streams,
  survivesMistakes,
} from "./properties.js";
import { specs } from "./spec.js";

test("compile; graphs agree before and after the passes, gradients with central differences, streams and examples with the whole", () => {
  let compiled = 0;
  const property = fc.property(specs, (spec) => {
    const model = compiles(spec);
    if (model === undefined) return;
    compiled++;
    agreesWithItself(spec, model);
    streams(spec, model);
    examplesStandAlone(spec, model);
  });
  fc.assert(property, { seed: 1, numRuns: 50, endOnFailure: true });
  expect(compiled).toBeGreaterThan(40);
});

test("give on the device what they give in the interpreter", { timeout: 900_000 }, async () => {
  const property = fc.asyncProperty(specs, async (spec) => {
    const model = compiles(spec);
    if (model !== undefined) await agreesOnDevice(spec, model, runOnDevice);
  });
  await fc.assert(property, { seed: 1, numRuns: 50, endOnFailure: true });
});

test("with mistakes give diagnostics or still compile", () => {
  const sound: boolean[] = [];
  fc.assert(
    fc.property(specs, (spec) => {
      sound.push(survivesMistakes(spec));
    }),
    { seed: 3, numRuns: 60, endOnFailure: true },
  );
  expect(new Set(sound)).toEqual(new Set([true, false]));
});

/** No spelling of the language lowers to these: the derivative negates a condition, and a rewrite may join two. */
const ELSEWHERE = ["not", "or"];

test("have every op that the language can reach, and every kind of block", () => {
  const [ops, blocks] = [new Set<string>(), { ragged: 0, idsInCells: 0, idsInLayers: 0, dropoutInCells: 0 }];
  for (const { text } of fc.sample(specs, { seed: 5, numRuns: 150 })) {
    const { forward } = moduleOf(text).graphs;
    forEachInstr(forward?.instrs ?? [], ({ op }) => ops.add(op));
    const cells = text.match(/^cell [\s\S]*?^\}/gm) ?? [];
    const layers = text.match(/^layer [\s\S]*?^\}/gm) ?? [];
    blocks.ragged += Number(/^ *length \w+ ragged$/m.test(text));
    blocks.idsInCells += Number(cells.some((cell) => /input token\d+/.test(cell)));
    blocks.idsInLayers += Number(layers.some((layer) => /input token\d+/.test(layer)));
    blocks.dropoutInCells += Number(cells.some((cell) => /\bdropout\(/.test(cell)));
  }
  expect(Object.keys(registry).filter((op) => !ops.has(op))).toEqual(ELSEWHERE);
  for (const [what, count] of Object.entries(blocks)) expect(count, what).toBeGreaterThan(10);
});
