/** @file Random specs that carry states: a batch of examples that begin is a plain batch, and two batches are one of all their steps. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { SEED, STEP } from "../../src/ir/types.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { present } from "../../src/support/assert.js";
import { moduleOf, randomArguments } from "../lower/support.js";
import { cut, runBatch } from "../passes/carrying.js";
import type { Arrays } from "../passes/support.js";
import { compiles } from "./properties.js";
import { type Spec, specs } from "./spec.js";

function expectSame(got: Arrays, want: Arrays, what: string): void {
  for (const [name, { data }] of Object.entries(got)) {
    if (!(name in want) || name.startsWith("metric:hits")) continue;
    const difference = Math.hypot(...data.map((x, i) => x - want[name].data[i]));
    const error = difference / Math.max(Math.hypot(...want[name].data), 1e-3);
    if (!(error <= 1e-9)) throw new Error(`${what}: ${name} is off by ${error}`);
  }
}

/** @returns whether the spec carries states. */
function carries(spec: Spec): boolean {
  const plain = compiles(spec)?.module;
  if (plain === undefined) return false;
  const module = runPipeline(moduleOf(spec.text, { stateful: true }), { verify: true });
  const { carryRefusal, carryLength: length, graphs } = module;
  if (carryRefusal !== undefined || length === undefined) return false;
  const sizes: Spec["lengths"] = { ...spec.lengths, [SEED]: 1, [STEP]: 1 };
  const args = randomArguments(module, sizes, spec.seed);
  for (const name of ["train", "evaluate"] as const) {
    const want = evaluateGraph(present(plain.graphs[name], "test", name), args, sizes);
    expectSame(runBatch(present(graphs[name], "test", name), args, sizes), want, "a batch of examples that begin");
  }
  const evaluate = present(graphs.evaluate, "test", "evaluation");
  const part = (from: number, to: number, states?: Arrays) => {
    const own = cut(module, args, from, to);
    // No example ends before its batch does.
    if (module.ragged?.includes(length))
      own[length] = ndarray(
        own[length].shape,
        own[length].data.map(() => to - from),
      );
    return runBatch(evaluate, own, { ...sizes, [length]: to - from }, states);
  };
  const end = sizes[length];
  const whole = part(0, end);
  const states = Object.fromEntries(Object.entries(whole).filter(([name]) => name.startsWith("state:")));
  for (const at of [1, Math.ceil(end / 2)]) {
    if (at < end) expectSame(states, part(at, end, part(0, at)), `batches up to step ${at} and from there`);
  }
  return true;
}

test("a batch of examples that begin is a plain batch, and two batches are one of all their steps", {
  timeout: 600_000,
}, () => {
  let count = 0;
  fc.assert(
    fc.property(specs, (spec) => {
      count += Number(carries(spec));
    }),
    { seed: 11, numRuns: 60, endOnFailure: true },
  );
  expect(count).toBeGreaterThan(6);
});
