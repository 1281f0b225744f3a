/** @file Products that are alike and stand alongside each other: written once, and each with its own arrays. */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { BATCH } from "../../src/ir/types.js";
import { GraphWriter } from "../passes/cells.js";
import { distance, randomArgs } from "../passes/support.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** Three like products, one of other extents between them; two of the three have an argument in common. */
function products() {
  const writer = new GraphWriter();
  const arg = (name: string, rows: number, columns: number) => writer.arg("input", name, [rows, columns]);
  const [x, y] = [arg("x", 70, 24), arg("y", 70, 24)];
  const pairs = [
    [x, arg("a", 24, 40)],
    [x, arg("wide", 24, 90)],
    [x, arg("b", 24, 40)],
    [y, arg("c", 24, 40)],
  ];
  pairs.forEach(([lhs, rhs], i) => {
    writer.result("output", `p${i}`, writer.b.contract(lhs, rhs, "mk", "kn", "mn"));
  });
  return writer.graph();
}

describe("like products alongside each other", () => {
  test("are written once", () => {
    const { program, kernels } = compileGraph(products());
    const [{ variants = [] }] = program.dispatches;
    expect(variants).toHaveLength(1);
    const text = kernels.kernels[variants[0].kernel];
    expect(text.match(/for \(var k_/g)).toHaveLength(2);
  });

  test.each([0, 1])("have their own arrays (variant %i)", async (variant) => {
    const graph = products();
    const args = randomArgs(graph, 7, { [BATCH]: 1 });
    const want = evaluateGraph(graph, args, { [BATCH]: 1 });
    const got = await runOnDevice(graph, args, { [BATCH]: 1 }, variant);
    for (const name of Object.keys(want)) expect(distance(got[name].data, want[name].data), name).toBeLessThan(1e-5);
  });
});
