import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import type { Graph } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { autodiff } from "../../src/passes/autodiff.js";
import { cells } from "./cells.js";
import { type Arrays, distance, lengths, randomArgs } from "./support.js";

/** Central differences of the loss in each element of a parameter. */
function differences(forward: Graph, args: Arrays, name: string): number[] {
  const step = 1e-5;
  const lossAt = (i: number, change: number) => {
    const moved = ndarray(args[name].shape, args[name].data);
    moved.data[i] += change;
    return evaluateGraph(forward, { ...args, [name]: moved }, lengths)["loss:loss"].data[0];
  };
  return Array.from(args[name].data, (_, i) => (lossAt(i, step) - lossAt(i, -step)) / (2 * step));
}

describe("autodiff", () => {
  it.each(Object.keys(cells))("gives the gradients of central differences: %s", (name) => {
    const writer = cells[name]();
    const forward = writer.graph();
    const train = autodiff(forward, writer.parameters());
    verifyGraph(train, "autodiff");
    const args = randomArgs(forward, 7);
    const results = evaluateGraph(train, args, lengths);
    expect(results["loss:loss"].data[0]).toBeCloseTo(evaluateGraph(forward, args, lengths)["loss:loss"].data[0], 12);
    for (const parameter of writer.parameters()) {
      const gradient = results[`grad:${parameter.name}`];
      if (parameter.frozen) {
        expect(gradient).toBeUndefined();
        continue;
      }
      const expected = differences(forward, args, parameter.name);
      if (expected.every((x) => x === 0)) expect(gradient.data.every((x) => x === 0)).toBe(true);
      else expect(distance(gradient.data, expected), parameter.name).toBeLessThan(1e-6);
    }
  });
});
