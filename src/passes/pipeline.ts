/** @file The compiler's table of contents between lowering and code generation: every pass, in order. */

import type { Graph, GraphName, Module } from "../ir/types.js";
import { verifyModule } from "../ir/verify.js";
import { present } from "../support/assert.js";
import { autodiff } from "./autodiff.js";
import { dce } from "./dce.js";
import { evaluation, prediction } from "./derive-graphs.js";

/** One step of the pipeline; `name` is what an internal error blames. */
export interface Pass {
  readonly name: string;
  readonly run: (module: Module) => Module;
}

export const pipeline: readonly Pass[] = [
  everywhere("dce", dce),
  // From here on each graph goes its own way.
  fromForward("evaluate", evaluation),
  fromForward("predict", prediction),
  fromForward("train", (forward, module) => autodiff(forward, module.parameters)),
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
