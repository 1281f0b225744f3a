/** @file Random specs with ragged lengths: an example that ends early gives what it gives alone. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { BATCH, type Module } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { specs } from "../fuzz/spec.js";
import { alone, evaluate, example, raggedArguments } from "./examples.js";

/** The same model with these lengths ragged. */
function ragged(text: string, names: readonly string[]): string {
  const declared = names.map((name) => `length ${name} ragged`).join(" ");
  return text.replace(/^(model [^{]*\{)/m, `$1 ${declared}\n`);
}

function moduleOf(text: string): Module | undefined {
  return compile({ files: ["a.seq"], host: hostOf({ "a.seq": text }), verify: true }).models[0]?.module;
}

test("outputs, loss and gradients", () => {
  let compared = 0;
  const property = fc.property(specs, (spec) => {
    const even = spec.text.replace(/^ *length \w+ ragged\n/gm, "");
    const plain = moduleOf(even);
    if (plain === undefined) return;
    const text = ragged(even, plain.lengths);
    const module = present(moduleOf(text), "test", "the ragged module");
    if (module.ragged === undefined) return;
    const longer = module.ragged.map((name) => [name, spec.lengths[name] + 2]);
    const batch = { ...spec.lengths, [BATCH]: 1, ...Object.fromEntries(longer) };
    const args = raggedArguments(module, batch, spec.seed);
    for (const name of module.ragged) args[name] = ndarray([1], [spec.lengths[name]]);
    const own = alone(module, args, batch, 0);
    for (const graph of ["predict", "train"] as const) {
      // Masks of dropout depend on the extents of the batch.
      if (module.graphs[graph] === undefined || (graph === "train" && /\bdropout\(/.test(text))) continue;
      const got = evaluate(module, graph, args, batch);
      const want = evaluate(plain, graph, own.args, own.sizes);
      for (const [name, array] of Object.entries(got)) {
        const port = module.outputs.find((output) => `output:${output.name}` === name);
        const real = port === undefined ? array : example(array, 0, port.shape, own.sizes);
        if (!want[name].data.every(Number.isFinite)) continue;
        const size = Math.max(1e-3, Math.hypot(...want[name].data));
        const error = Math.hypot(...real.data.map((x, i) => x - want[name].data[i]));
        if (!(error <= 1e-11 * size)) throw new Error(`${name}: ${error / size}\n${text}`);
        compared++;
      }
    }
  });
  fc.assert(property, {
    seed: Number(process.env.SEED ?? 4),
    numRuns: Number(process.env.RUNS ?? 40),
    endOnFailure: true,
  });
  expect(compared).toBeGreaterThan(100);
});
