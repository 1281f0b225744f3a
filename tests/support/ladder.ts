/** @file The last rung of the oracle ladder: a graph compiled to kernels and run on the test file's device. */

import type { NdArray } from "../../src/ir/ndarray.js";
import type { Graph } from "../../src/ir/types.js";
import { testDevice } from "./device.js";
import { executeGraph, type Stored } from "./execute.js";

/** @returns the results by `<kind>:<name>`, as `evaluateGraph` does. */
export async function runOnDevice(
  graph: Graph,
  args: Readonly<Record<string, NdArray>>,
  sizes: Readonly<Record<string, number>>,
  variant?: number,
  stored?: Stored,
  wide?: number,
): Promise<Record<string, NdArray>> {
  return executeGraph(await testDevice(), graph, args, sizes, variant, stored, wide);
}
