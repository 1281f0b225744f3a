/** @file Random specs, looked into: what they name survives the passes, and profiles are those of central differences. */

import fc from "fast-check";
import { expect, test } from "vitest";

import { compile } from "../../src/compile.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import type { Graph, Module } from "../../src/ir/types.js";
import { ProbeSelection } from "../../src/lower/probes.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { type Arrays, moduleOf, randomArguments, randomSource, relativeError } from "../lower/support.js";
import { runOnDevice } from "../support/ladder.js";
import { type Spec, specs } from "./spec.js";

/** The module after all passes; undefined for what is not compiled yet. */
function compiled({ text }: Spec, probe: true | readonly string[]): Module | undefined {
  const { models, diagnostics } = compile({ files: ["a.seq"], host: hostOf({ "a.seq": text }), verify: true, probe });
  if (models.length > 0) return models[0].module;
  const mistakes = diagnostics.filter(({ severity }) => severity === "error");
  expect(mistakes.map(({ code }) => code)).toEqual(["SEQ9002"]);
  return undefined;
}

test("every named value is after the passes what it was lowered to", { timeout: 600_000 }, () => {
  let values = 0;
  const property = fc.property(specs, (spec) => {
    const module = compiled(spec, ["*"]);
    if (module === undefined) return;
    const lowered = present(moduleOf(spec.text, { probe: new ProbeSelection(["*"]) }).graphs.probe, "test", "lowered");
    const args = randomArguments(module, spec.lengths, spec.seed);
    const want = evaluateGraph(lowered, args, spec.lengths);
    const got = evaluateGraph(present(module.graphs.probe, "test", "probe"), args, spec.lengths);
    expect(Object.keys(got)).toEqual(Object.keys(want));
    for (const [name, { data }] of Object.entries(got)) {
      values++;
      const size = Math.hypot(...want[name].data);
      if (size === 0) expect(Math.hypot(...data), name).toBeLessThan(1e-12);
      else expect(relativeError(data, want[name].data), `${name}\n${spec.text}`).toBeLessThan(1e-10);
    }
    // A probed module trains and predicts by the same graphs as a plain one.
    const { probe: _probe, profile: _profile, ...others } = module.graphs;
    expect(others).toEqual(runPipeline(moduleOf(spec.text)).graphs);
  });
  fc.assert(property, { seed: 11, numRuns: 40, endOnFailure: true });
  expect(values).toBeGreaterThan(500);
});

const STEPS = [1e-3, 1e-4, 1e-5];

test("profiles are those of central differences of perturbed states", { timeout: 600_000 }, () => {
  let states = 0;
  const property = fc.property(specs, (spec) => {
    // A derivative that is told to leave something out is not the one of differences.
    if (/\bstop_gradient\(/.test(spec.text)) return;
    const module = moduleOf(spec.text, { probe: new ProbeSelection([]) });
    const lowered = module.graphs.profile;
    if (lowered === undefined) return;
    const profile = present(runPipeline(module).graphs.profile, "test", "the profile");
    const random = randomSource(spec.seed + 3);
    const args = randomArguments(module, spec.lengths, spec.seed);
    const got = evaluateGraph(profile, args, spec.lengths);
    expect(Object.keys(got)).toEqual(perturbations(lowered).map(({ name }) => `probe:${name}`));
    const scale = Math.max(...Object.values(got).map(({ data }) => Math.hypot(...data)));
    for (const { name, value } of perturbations(lowered).slice(0, 3)) {
      states++;
      const shape = extents(value.type.shape, spec.lengths);
      const t = Math.floor(random() * shape[1]);
      const norm = Math.hypot(...got[`probe:${name}`].data.filter((_, at) => at % shape[1] === t));
      const errors = STEPS.map((h) => Math.abs(normOfDifferences(lowered, args, spec, name, shape, t, h) - norm));
      expect(Math.min(...errors) / (norm + 1e-2 * scale + 1e-4), `${name} at ${t}\n${spec.text}`).toBeLessThan(1e-6);
    }
  });
  fc.assert(property, { seed: 12, numRuns: 50, endOnFailure: true });
  expect(states).toBeGreaterThan(30);
});

function perturbations({ args }: Graph) {
  return args.filter(({ kind }) => kind === "perturbation");
}

/** ‖∂L/∂h_t‖, an element of the state after step t of each example varied at a time. */
function normOfDifferences(
  lowered: Graph,
  args: Arrays,
  { lengths }: Spec,
  name: string,
  shape: readonly number[],
  t: number,
  h: number,
): number {
  const zeros = perturbations(lowered).map(({ name, value }): [string, NdArray] => {
    return [name, ndarray(extents(value.type.shape, lengths))];
  });
  const loss = (at: number, by: number) => {
    const moved = ndarray(shape);
    moved.data[at] = by;
    const results = evaluateGraph(lowered, { ...args, ...Object.fromEntries(zeros), [name]: moved }, lengths);
    return results["loss:loss"].data[0];
  };
  const inner = numel(shape.slice(2));
  const places = Array.from({ length: numel(shape) }, (_, at) => at).filter(
    (at) => Math.floor(at / inner) % shape[1] === t,
  );
  return Math.hypot(
    ...places.map((at) => {
      const [near, far] = [h, 2 * h].map((step) => loss(at, step) - loss(at, -step));
      return (8 * near - far) / (12 * h);
    }),
  );
}

test("give on the device what they give in the interpreter", { timeout: 600_000 }, async () => {
  let compared = 0;
  const property = fc.asyncProperty(specs, async (spec) => {
    const module = compiled(spec, ["*"]);
    if (module === undefined) return;
    const args = randomArguments(module, spec.lengths, spec.seed);
    for (const graph of [module.graphs.probe, module.graphs.profile]) {
      if (graph === undefined) continue;
      const want = evaluateGraph(graph, args, spec.lengths);
      // Named values, unlike losses, have no bound: exp(exp(exp(x))) is more than f32 holds.
      if (Object.values(want).some(({ data }) => data.some((x) => Math.abs(x) > 1e20))) continue;
      compared++;
      const got = await runOnDevice(graph, args, spec.lengths);
      const scale = Math.max(1e-2, ...Object.values(want).map(({ data }) => Math.hypot(...data)));
      for (const [name, { data }] of Object.entries(want)) {
        const error = Math.hypot(...got[name].data.map((x, i) => x - data[i]));
        expect(error / (Math.hypot(...data) + 1e-2 * scale), `${name}\n${spec.text}`).toBeLessThan(1e-4);
      }
    }
  });
  await fc.assert(property, { seed: 13, numRuns: 15, endOnFailure: true });
  expect(compared).toBeGreaterThan(15);
});
