/**
 * @file The recurrent cells of the library against PyTorch's own (float64, committed values): the interpreter, the
 * kernels, the gradients and ten steps of AdamW with clipping.
 */

import { describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { type FixtureArrays, TORCH_CELLS, torchFixture } from "../fixtures/torch.js";
import { checkpointOf, compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

const ON_DEVICE = 1e-4;
const IN_F64 = 1e-12;

const source = (cell: string) => `
import { ${cell.toUpperCase()} } from "std/${cell}"
import { Embedding } from "std/embedding"
import { Linear } from "std/linear"
model Tiny(V, E, H) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use embed = Embedding(V, E), rnn = ${cell.toUpperCase()}(E, H), head = Linear(H, V)
  logits = head(scan rnn(embed(tokens)))
  output logits
  loss cross_entropy(logits, next)
}`;

const dataOf = (arrays: FixtureArrays) =>
  Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data]));

describe.each(TORCH_CELLS)("%s", (cell) => {
  const { model: fixture } = torchFixture(cell);
  const [batch, length] = fixture.tokens.shape;
  const sizes = { [BATCH]: batch, T: length };
  const given = { tokens: Int32Array.from(fixture.tokens.data), next: Int32Array.from(fixture.next.data) };
  const compiled = compileText(source(cell), fixture.sizes);

  /** Everything the training graph gives, in f64. */
  const oracle = (parameters: Readonly<Record<string, ArrayLike<number>>>) => {
    const args = [
      ...compiled.module.parameters.map((p) => [p.name, ndarray(p.shape, parameters[p.name])] as const),
      ...Object.entries(given).map(([name, data]) => [name, ndarray([batch, length], data)] as const),
    ];
    return evaluateGraph(present(compiled.module.graphs.train, "test", "train"), Object.fromEntries(args), sizes);
  };

  test("the interpreter's loss and gradients are PyTorch's", () => {
    const results = oracle(dataOf(fixture.parameters));
    expect(relativeError(results["loss:loss"].data, [fixture.loss])).toBeLessThan(IN_F64);
    for (const [name, { data }] of Object.entries(fixture.gradients)) {
      expect(relativeError(results[`grad:${name}`].data, data), name).toBeLessThan(IN_F64);
    }
  });

  test("ten steps written out over the interpreter end where PyTorch's do", () => {
    const { training } = fixture;
    const parameters = Object.fromEntries(
      Object.entries(fixture.parameters).map(([name, { data }]) => [name, Float64Array.from(data)]),
    );
    const zeros = () => Object.fromEntries(Object.entries(parameters).map(([n, p]) => [n, new Float64Array(p.length)]));
    const [first, second] = [zeros(), zeros()];
    const [beta1, beta2] = training.betas;
    training.losses.forEach((loss, i) => {
      const results = oracle(parameters);
      expect(relativeError(results["loss:loss"].data, [loss])).toBeLessThan(1e-9);
      const gradients = Object.keys(parameters).map((name) => [name, results[`grad:${name}`].data] as const);
      const norm = Math.sqrt(gradients.reduce((sum, [, g]) => sum + g.reduce((s, x) => s + x * x, 0), 0));
      const scale = Math.min(1, training.clipNorm / (norm + 1e-6));
      for (const [name, g] of gradients) {
        const [p, m, v] = [parameters[name], first[name], second[name]];
        for (let j = 0; j < p.length; j++) {
          const clipped = g[j] * scale;
          m[j] = beta1 * m[j] + (1 - beta1) * clipped;
          v[j] = beta2 * v[j] + (1 - beta2) * clipped * clipped;
          const root = Math.sqrt(v[j] / (1 - beta2 ** (i + 1))) + training.eps;
          p[j] -= training.lr * (training.weightDecay * p[j] + m[j] / (1 - beta1 ** (i + 1)) / root);
        }
      }
    });
    for (const [name, { data }] of Object.entries(training.parameters)) {
      expect(relativeError(parameters[name], data), name).toBeLessThan(1e-9);
    }
  });

  test("kernels: outputs, loss, gradients and ten steps", async () => {
    const device = await testDevice();
    const { manifest } = compiled;
    const model = await Model.create(device, manifest, { seed: 5 });
    model.load(checkpointOf(manifest, dataOf(fixture.parameters)));
    const { logits } = await model.predict({ tokens: given.tokens }, { batch, length });
    expect(relativeError(logits, fixture.logits.data)).toBeLessThan(ON_DEVICE);

    const { training } = fixture;
    const [beta1, beta2] = training.betas;
    const { lr: learningRate, eps, weightDecay, clipNorm } = training;
    const optimizer = { learningRate, beta1, beta2, eps, weightDecay };
    const trainer = await model.trainer({ batch, length, optimizer, clipNorm });
    for (const [i, loss] of training.losses.entries()) {
      const step = await trainer.trainStep(given);
      expect(relativeError([await step.loss], [loss]), `loss ${i}`).toBeLessThan(ON_DEVICE);
      if (i > 0) continue;
      expect(relativeError([await step.gradNorm], [fixture.gradientNorm])).toBeLessThan(ON_DEVICE);
      const gradients = await trainer.gradients();
      for (const [name, { data }] of Object.entries(fixture.gradients)) {
        expect(relativeError(gradients[name], data), name).toBeLessThan(ON_DEVICE);
      }
    }
    const parameters = await model.parameters();
    for (const [name, { data }] of Object.entries(training.parameters)) {
      expect(relativeError(parameters[name], data), name).toBeLessThan(ON_DEVICE);
    }
    model.destroy();
  });
});
