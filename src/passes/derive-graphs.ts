/** @file Cuts the forward graph down to what evaluation and prediction need, and settles which of them is training. */

import { reads } from "../ir/traverse.js";
import type { Graph } from "../ir/types.js";
import { dce } from "./dce.js";
import { rewrite, rule } from "./rewriter.js";
import { simplify } from "./simplify.js";

/** Loss and metrics, and the states that are carried. */
export function evaluation(forward: Graph): Graph {
  return settle(withoutOutputs(forward), false);
}

/** What training and evaluation have in common. */
export function withoutOutputs(forward: Graph): Graph {
  return dce({ ...forward, results: forward.results.filter(({ kind }) => kind !== "output") });
}

/** Outputs. Targets are not given in prediction, so they are no arguments any more. */
export function prediction(forward: Graph): Graph {
  const results = forward.results.filter(({ kind }) => kind === "output");
  const graph = settle(dce({ ...forward, results }), false);
  return { ...graph, args: graph.args.filter((arg) => arg.kind !== "target") };
}

/** Named values as in prediction. Targets are arguments where one of them depends on them. */
export function probing(graph: Graph): Graph {
  const settled = settle(graph, false);
  const read = new Set([...settled.instrs.flatMap(reads), ...settled.results.map((r) => r.value)].map(({ id }) => id));
  return { ...settled, args: settled.args.filter(({ kind, value }) => kind !== "target" || read.has(value.id)) };
}

/** The graph as a step of training, or outside of training; the choices that depend on it are made. */
export function settle(graph: Graph, training: boolean): Graph {
  return simplify(rewrite(graph, [rule("training", ["training"], (b) => b.constant(Number(training), "bool"))]));
}
