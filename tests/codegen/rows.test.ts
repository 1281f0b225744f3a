/** @file Work with a long sum for each element: a thread an element, or several, which compute what the interpreter does. */

import { describe, expect, test } from "vitest";
import { chooseVariants, variantsOf } from "../../runtime/variants.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { agreesOnDevice, compiles } from "../fuzz/properties.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** A norm over features, a softmax over classes, an index of the largest, a sum that is no product's. */
const text = (D: number, K: number) => `
model M {
  input x: [T, ${D}]
  target label: [T] id(${K})
  param W: [${K}, ${D}] ~ uniform(-0.5, 0.5), g: [${D}] ~ uniform(0.5, 1.5)
  mu[t] = sum[d](x[t, d]) / ${D}
  var[t] = sum[d]((x[t, d] - mu[t]) ** 2) / ${D}
  y[t, d] = g[d] * (x[t, d] - mu[t]) / sqrt(var[t] + 0.1)
  near[t] = max[d](y[t, d] * g[d])
  z[t, k] = sum[d](W[k, d] * y[t, d]) + near[t]
  output z
  loss cross_entropy(z, label)
}`;

const shapes = [
  { D: 32, K: 40, batch: 1, T: 1 },
  { D: 37, K: 33, batch: 3, T: 5 },
  { D: 129, K: 64, batch: 2, T: 7 },
] as const;

test.each([
  ["a GPU", false, "_rows"],
  ["a software adapter", true, ""],
])("on %s a thread takes what reads best", (_, isFallbackAdapter, end) => {
  const spec = { text: text(64, 64), lengths: { [BATCH]: 8, T: 64 }, seed: 1 };
  const { module } = present(compiles(spec), "test", "the model");
  const { program } = compileGraph(present(module.graphs.predict, "test", "the prediction"));
  const device = {
    adapterInfo: { vendor: "", architecture: "", device: "", description: "", isFallbackAdapter },
    limits: {
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupStorageSize: 16384,
    },
    features: new Set(),
  } as unknown as GPUDevice;
  const chosen = chooseVariants(program, spec.lengths, device);
  const kernels = program.dispatches.map((dispatch, at) => variantsOf(dispatch)[chosen[at]].kernel);
  const shared = program.dispatches.flatMap((dispatch, at) =>
    variantsOf(dispatch).some(({ kernel }) => kernel.endsWith("_rows")) ? [kernels[at]] : [],
  );
  expect(shared.length).toBeGreaterThan(0);
  for (const kernel of shared) expect(kernel.endsWith("_rows")).toBe(end === "_rows");
});

describe.each(shapes)("$D features, $K classes, batch $batch, T $T", ({ D, K, batch, T }) => {
  const spec = { text: text(D, K), lengths: { [BATCH]: batch, T }, seed: D };
  const compiled = present(compiles(spec), "test", "the model");

  test("has kernels with several threads an element", () => {
    const { program } = compileGraph(present(compiled.module.graphs.train, "test", "a training step"));
    const labels = program.dispatches.flatMap(variantsOf).map(({ kernel }) => kernel);
    expect(labels.filter((name) => name.endsWith("_rows")).length).toBeGreaterThan(0);
  });

  test.each([0, 1])("variant %i", async (variant) => {
    await agreesOnDevice(spec, compiled, (...run) => runOnDevice(...run, variant));
  });
});
