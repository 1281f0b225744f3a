/** @file Kernels against the f64 interpreter: forward graphs and derivatives of loops of many kinds, on the device. */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import type { Graph } from "../../src/ir/types.js";
import { autodiff } from "../../src/passes/autodiff.js";
import * as cells from "../passes/cells.js";
import { distance, lengths, randomArgs } from "../passes/support.js";
import { runOnDevice } from "../support/ladder.js";

const TOLERANCE = 1e-4;

async function compare(graph: Graph, seed: number): Promise<void> {
  const args = randomArgs(graph, seed);
  const want = evaluateGraph(graph, args, lengths);
  const got = await runOnDevice(graph, args, lengths);
  for (const [name, { data }] of Object.entries(want)) {
    expect(distance(got[name].data, data), name).toBeLessThan(TOLERANCE);
  }
}

const graphs: Record<string, () => cells.GraphWriter> = {
  "gated cell": () => cells.gatedCell(),
  "gated cell, reverse": () => cells.gatedCell({ reverse: true }),
  "gated cell, learned start": () => cells.gatedCell({ learnedStart: true }),
  "elementwise cell": () => cells.elementwiseCell(),
  "matrix state": () => cells.matrixStateCell(),
};

describe.each(Object.entries(graphs))("%s", (_, make) => {
  test("forward", () => compare(make().graph(), 1));
  test("derivative", () => {
    const writer = make();
    return compare(autodiff(writer.graph(), writer.parameters()), 2);
  });
});
