/** @file Every kernel that may do a loop, forced in turn, on awkward shapes, against the f64 interpreter. */

import { describe, expect, test } from "vitest";
import { variantsOf } from "../../runtime/variants.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { agreesOnDevice, compiles } from "../fuzz/properties.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** Two gates over one state, and a second state that looks at its neighbours by a sum. */
const gated = (H: number, I: number) => `
  cell Gated(I, H) {
    input x: [I]
    state h: [H], c: [H]
    param W: [2 * H, I] ~ uniform(-0.5, 0.5), U: [2 * H, H] ~ uniform(-0.4, 0.4), u: [H] ~ uniform(-0.5, 0.5)
    forget, value = split(W @ x + U @ h, 2)
    c' = sigmoid(forget) * c + (1 - sigmoid(forget)) * tanh(value)
    h' = c' / (1 + mean[i](abs(c'[i]))) + 0.1 * u * h
    output h'
  }
  model M(I = ${I}, H = ${H}) {
    input x: [T, I]
    target goal: [T, H]
    use loop = Gated(I, H)
    v = scan loop(x)
    output v
    loss mse(v, goal)
  }`;

const shapes = [
  { H: 64, I: 3, batch: 9, T: 3 },
  { H: 67, I: 5, batch: 2, T: 4 },
  { H: 128, I: 1, batch: 5, T: 2 },
  // What several rows share is more than memory of the workgroup holds.
  { H: 320, I: 1, batch: 9, T: 2 },
  { H: 1, I: 1, batch: 1, T: 1 },
] as const;

describe.each(shapes)("H $H, I $I, batch $batch, T $T", ({ H, I, batch, T }) => {
  const spec = { text: gated(H, I), lengths: { [BATCH]: batch, T }, seed: H };
  const compiled = present(compiles(spec), "test", "the model");
  const { dispatches } = compileGraph(present(compiled.module.graphs.train, "test", "a training step")).program;
  const most = Math.max(...dispatches.map((dispatch) => variantsOf(dispatch).length));
  test("has variants of its loops", () => expect(most).toBeGreaterThan(1));
  test.each(Array.from({ length: most }, (_, variant) => variant))("variant %i", async (variant) => {
    await agreesOnDevice(spec, compiled, (...run) => runOnDevice(...run, variant));
  });
});
