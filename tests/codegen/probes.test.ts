/** @file Loops that give what is named in them, and the derivative with respect to their states, by each of their kernels. */

import { describe, expect, test } from "vitest";
import { SPANS } from "../../runtime/manifest.js";
import { variantsOf } from "../../runtime/variants.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { randomArguments } from "../lower/support.js";
import { compileText, relativeError } from "../support/compiled.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

const over = (cell: string, file: string, sizes: string) => `
import { ${cell} } from "std/${file}"
model M(D = 5) {
  input x: [T, D]
  target y: [T, D]
  use loop = ${cell}(${sizes})
  v = scan loop(x)
  output v
  loss mse(v, y)
}`;

/** With what its loops have a kernel for. */
const CELLS = [
  ["LSTM", over("LSTM", "lstm", "D, D"), "steps"],
  ["GRU", over("GRU", "gru", "D, D"), "steps"],
  ["SelectiveSSM", over("SelectiveSSM", "selective-ssm", "D, 3"), "spans"],
  ["S4D", over("S4D", "s4d", "D, 3"), "spans"],
] as const;

describe.each(CELLS)("%s", (_, text, kind) => {
  const { module } = compileText(text, {}, "f32", { probe: ["*"] });
  const sizes = { [BATCH]: 3, T: 70 };
  const args = randomArguments(module, sizes, 3);

  test("has kernels of several kinds", () => {
    for (const graph of [module.graphs.probe, module.graphs.profile]) {
      const { dispatches } = compileGraph(present(graph, "test", "a graph"), "f32", 1).program;
      expect(dispatches.flatMap(variantsOf).some((variant) => variant[kind] !== undefined)).toBe(true);
    }
  });

  /** By the runtime's choice; in spans; a dispatch a step; by the kernels that come first and last of each dispatch. */
  test.each([
    ["as chosen", undefined, 0, 1],
    ["first", 0, 0, 1],
    ["second", 1, 0, 3],
    ["last, a dispatch a step", Number.POSITIVE_INFINITY, 1, 1],
  ])("%s", async (_, variant, wide, spans) => {
    for (const name of ["probe", "profile"] as const) {
      const graph = present(module.graphs[name], "test", name);
      const want = evaluateGraph(graph, args, sizes);
      const got = await runOnDevice(graph, args, { ...sizes, [SPANS]: spans }, variant, "f32", wide || undefined);
      for (const [key, { data }] of Object.entries(want)) {
        expect(relativeError(got[key].data, data), key).toBeLessThan(2e-5);
      }
    }
  });
});
