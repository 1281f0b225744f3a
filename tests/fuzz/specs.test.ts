/** @file Random specs go down the whole road. `npm run fuzz` does the same for as long as wanted. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { runOnDevice } from "../support/ladder.js";
import { agreesOnDevice, agreesWithItself, compiles, streams, survivesMistakes } from "./properties.js";
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
