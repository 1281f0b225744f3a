/** @file Random specs go down the whole road. `npm run fuzz` does the same for as long as wanted. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { lower } from "../../src/lower/lower.js";
import { parse } from "../../src/parser/parse.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { randomSource } from "../lower/support.js";
import { runOnDevice } from "../support/ladder.js";
import { mutate } from "../support/mutate.js";
import { agreesOnDevice, agreesWithItself, compiles, streams } from "./properties.js";
import { specs } from "./spec.js";

test("compile; graphs agree before and after the passes, gradients with central differences, streams with the whole", () => {
  let compiled = 0;
  const property = fc.property(specs, (spec) => {
    const model = compiles(spec);
    if (model === undefined) return;
    compiled++;
    agreesWithItself(spec, model);
    streams(spec, model);
  });
  fc.assert(property, { seed: 1, numRuns: 50, endOnFailure: true });
  expect(compiled).toBeGreaterThan(40);
});

test("give on the device what they give in the interpreter", { timeout: 300_000 }, async () => {
  const property = fc.asyncProperty(specs, async (spec) => {
    const model = compiles(spec);
    if (model !== undefined) await agreesOnDevice(spec, model, runOnDevice);
  });
  await fc.assert(property, { seed: 2, numRuns: 8, endOnFailure: true });
});

test("with mistakes give diagnostics", () => {
  let [mistaken, sound] = [0, 0];
  const property = fc.property(specs, fc.nat(), ({ text }, seed) => {
    const random = randomSource(seed);
    for (let run = 0; run < 5; run++) {
      const file = { "a.seq": mutate(text, random) };
      const { models, diagnostics } = checkProgram({ files: ["a.seq"], host: hostOf(file), parse });
      if (models.length === 0) expect(diagnostics.length, file["a.seq"]).toBeGreaterThan(0);
      for (const model of models) verifyGraph(present(lower(model).graphs.forward, "test", "the graph"), "lower");
      if (models.length === 0) mistaken++;
      else sound++;
    }
  });
  fc.assert(property, { seed: 3, numRuns: 40, endOnFailure: true });
  expect(Math.min(mistaken, sound)).toBeGreaterThan(0);
});
