/** @file Cuts the forward graph down to what evaluation and prediction need. */

import type { Graph, ResultKind } from "../ir/types.js";
import { dce } from "./dce.js";

/** Loss and metrics. */
export function evaluation(forward: Graph): Graph {
  return restrict(forward, ["loss", "metric"]);
}

/** Outputs. Targets are not given in prediction, so they are no arguments any more. */
export function prediction(forward: Graph): Graph {
  const graph = restrict(forward, ["output"]);
  return { ...graph, args: graph.args.filter((arg) => arg.kind !== "target") };
}

function restrict(forward: Graph, kinds: readonly ResultKind[]): Graph {
  return dce({ ...forward, results: forward.results.filter((r) => kinds.includes(r.kind)) });
}
