/** @file Once the derivative has been taken, `stop_gradient` is the identity; without it more rewrites and fusions fit. */

import type { Graph } from "../ir/types.js";
import { rewrite, rule } from "./rewriter.js";

export function eraseStopGradient(graph: Graph): Graph {
  return rewrite(graph, [rule("stop_gradient x", ["stop_gradient"], (_, { args: [x] }) => x)]);
}
