/** @file Every example of a ragged batch behaves as it does alone: outputs, loss, metrics and gradients. */

import { describe, expect, test } from "vitest";
import { BATCH } from "../../src/ir/types.js";
import { relativeError } from "../lower/support.js";
import { compileText } from "../support/compiled.js";
import { alone, evaluate, example, mapPlaces, raggedArguments } from "./examples.js";
import { models } from "./models.js";

const TOLERANCE = 1e-13;

describe.each(Object.entries(models))("%s", (_, { text, weight = (_, own) => own.T }) => {
  const { module } = compileText(text);
  const { module: plain } = compileText(text.replaceAll(" ragged", ""));
  const sizes = Object.fromEntries(module.lengths.map((name, i) => [name, 5 - i]));
  const batch = { ...sizes, [BATCH]: 3 };
  const args = raggedArguments(module, batch, 7);
  const examples = [0, 1, 2].map((b) => alone(module, args, batch, b));

  test("outputs", () => {
    const got = evaluate(module, "predict", args, batch);
    for (const { name, shape } of module.outputs) {
      const output = got[`output:${name}`];
      const real = examples.flatMap(({ sizes: cut }, b) => [...example(output, b, shape, cut).data]);
      const want = examples.flatMap(({ args: own, sizes: cut }) => [
        ...evaluate(plain, "predict", own, cut)[`output:${name}`].data,
      ]);
      expect(relativeError(real, want)).toBeLessThan(TOLERANCE);
      const past = mapPlaces(output, [BATCH, ...shape], args, (value, real) => (real ? 0 : value));
      expect(past.data.every((value) => value === 0)).toBe(true);
    }
  });

  test("loss, metrics and gradients", () => {
    const got = evaluate(module, "train", args, batch);
    const weights = examples.map(({ args: own, sizes: cut }) => weight(own, cut));
    const total = weights.reduce((m, n) => m + n);
    const parts = examples.map(({ args: own, sizes: cut }) => evaluate(plain, "train", own, cut));
    for (const [name, { data }] of Object.entries(got)) {
      const want = Array.from(data, (_, i) => {
        return parts.reduce((sum, part, b) => sum + (weights[b] / total) * part[name].data[i], 0);
      });
      expect(relativeError(data, want), name).toBeLessThan(TOLERANCE);
    }
  });
});
