/** @file The compiler's table of contents between lowering and code generation: every pass, in order. */

import type { Graph, GraphName, Module } from "../ir/types.js";
import { verifyModule } from "../ir/verify.js";
import { present } from "../support/assert.js";
import { accumulate } from "./accumulate.js";
import { autodiff } from "./autodiff.js";
import { cse } from "./cse.js";
import { dce } from "./dce.js";
import { evaluation, prediction } from "./derive-graphs.js";
import { hoist } from "./hoist.js";
import { reassociate } from "./reassociate.js";
import { simplify } from "./simplify.js";
import { sink } from "./sink.js";
import { stream } from "./stream.js";

/** One step of the pipeline; `name` is what an internal error blames. */
export interface Pass {
  readonly name: string;
  readonly run: (module: Module) => Module;
}

export const pipeline: readonly Pass[] = [
  // Index notation becomes contractions, which the next passes look for.
  everywhere("simplify", simplify),
  everywhere("cse", cse),
  everywhere("reassociate", reassociate),
  // Before the derivative, so that it is taken of matrix products over all steps, not of a product a step.
  everywhere("hoist", hoist),
  everywhere("sink", sink),
  everywhere("simplify moved", simplify),
  everywhere("cse moved", cse),
  // From here on each graph goes its own way.
  fromForward("evaluate", evaluation),
  fromForward("predict", prediction),
  { name: "stream", run: stream },
  fromForward("train", (forward, module) => autodiff(forward, module.parameters)),
  everywhere("simplify derivative", simplify),
  everywhere("cse derivative", cse),
  // The reverse loops have come into being: the gradients of weights and inputs leave them.
  everywhere("hoist derivative", hoist),
  everywhere("sink derivative", sink),
  // Sums over time of products become products that sum over time.
  everywhere("simplify moved derivative", simplify),
  everywhere("cse moved derivative", cse),
  everywhere("accumulate", accumulate),
  everywhere("dce", dce),
];

/** Runs all passes; with `verify` the invariants of the IR are checked before the first and after each of them. */
export function runPipeline(module: Module, { verify = false }: { readonly verify?: boolean } = {}): Module {
  if (verify) verifyModule(module, "lower");
  return pipeline.reduce((before, pass) => {
    const after = pass.run(before);
    if (verify) verifyModule(after, pass.name);
    return after;
  }, module);
}

function everywhere(name: string, pass: (graph: Graph) => Graph): Pass {
  return {
    name,
    run: (module) => {
      const entries = Object.entries(module.graphs).map(([key, graph]) => [key, pass(graph)]);
      return { ...module, graphs: Object.fromEntries(entries) };
    },
  };
}

function fromForward(name: GraphName, derive: (forward: Graph, module: Module) => Graph): Pass {
  return {
    name,
    run: (module) => {
      const forward = present(module.graphs.forward, name, "the forward graph");
      return { ...module, graphs: { ...module.graphs, [name]: derive(forward, module) } };
    },
  };
}
