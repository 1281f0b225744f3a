/** @file Kernels against the f64 interpreter: loops of many kinds and their derivatives, after every pass, on the device. */

import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import type { Graph, Module } from "../../src/ir/types.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { present } from "../../src/support/assert.js";
import { cells, type GraphWriter } from "../passes/cells.js";
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

function optimised(writer: GraphWriter): Module {
  return runPipeline({
    name: "Test",
    lengths: ["T", "S"],
    parameters: writer.parameters(),
    inputs: [],
    targets: [],
    outputs: [],
    metrics: [],
    states: [],
    graphs: { forward: writer.graph() },
  });
}

describe.each(Object.entries(cells))("%s", (_, make) => {
  test("forward, as written", () => compare(make().graph(), 1));
  test("forward", () => compare(present(optimised(make()).graphs.forward, "test", "forward"), 2));
  test("derivative", () => compare(present(optimised(make()).graphs.train, "test", "train"), 3));
});
