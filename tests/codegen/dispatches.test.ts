/** @file What a training step costs whatever the machine: its dispatches, and the largest thing it keeps. */

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { evaluateCount } from "../../runtime/arena.js";
import { BATCH, SPANS } from "../../runtime/manifest.js";
import { nodeHost } from "../../src/cli/host.js";
import { compile } from "../../src/compile.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";

function trainingStep(name: string) {
  const file = fileURLToPath(new URL(`../../bench/specs/${name}.seq`, import.meta.url));
  const { models } = compile({ files: [file], host: nodeHost() });
  return present(models[0]?.manifest.programs.train, "test", "a training step");
}

describe("a classifier behind one layer", () => {
  test.each([
    ["rnn", 14],
    ["gru", 14],
    ["lstm", 14],
    ["ssm", 16],
  ])("%s takes at most %i dispatches, however long the sequence", (name, most) => {
    expect(trainingStep(name).dispatches.length).toBeLessThanOrEqual(most);
  });
});

test("no step of S4D at its own size keeps its states of all steps", () => {
  const [batch, T, D, N] = [4, 512, 8, 32];
  const text = `import { S4D } from "std/s4d"
  model M(D = ${D}) {
    input x: [T, D]
    target y: [T, D]
    use loop = S4D(D, ${N})
    v = scan loop(x)
    output v
    loss mse(v, y)
  }`;
  const { slots } = present(compileText(text).manifest.programs.train, "test", "a training step");
  const sizes = slots.map(({ size }) => evaluateCount(size, { [BATCH]: batch, T, [SPANS]: 1 }));
  expect(Math.max(...sizes)).toBeLessThan((batch * T * D * N) / 2);
});

test("no step of a selective state space keeps its states of all steps", () => {
  const [batch, T, D, N] = [4, 512, 64, 16];
  const { slots } = trainingStep("ssm");
  const sizes = slots.map(({ size }) => evaluateCount(size, { [BATCH]: batch, T, [SPANS]: 1 }));
  expect(Math.max(...sizes)).toBeLessThan((batch * T * D * N) / 4);
});
