/** @file The compiler's table of contents between lowering and code generation: every pass, in order. */

import type { Graph, GraphName, Module } from "../ir/types.js";
import { verifyModule } from "../ir/verify.js";
import { present } from "../support/assert.js";
import { accumulate } from "./accumulate.js";
import { autodiff } from "./autodiff.js";
import { carry } from "./carry.js";
import { cse } from "./cse.js";
import { dce } from "./dce.js";
import { evaluation, prediction, probing, settle } from "./derive-graphs.js";
import { eraseStopGradient } from "./erase-stop-gradient.js";
import { hoist } from "./hoist.js";
import { profile } from "./profile.js";
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
  ...tidy("lowered"),
  everywhere("reassociate", reassociate),
  // Before the derivative, so that it is taken of matrix products over all steps, not of a product a step.
  everywhere("hoist", hoist),
  everywhere("sink", sink),
  // States that only delay become shifts; loops that had no others can then go as a whole.
  ...tidy("moved"),
  everywhere("hoist delayed", hoist),
  ...tidy("delayed"),
  // From here on each graph goes its own way.
  { name: "carry", run: carry },
  derived("evaluate", trained, (forward) => (hasLoss(forward) ? evaluation(forward) : undefined)),
  derived("predict", ({ graphs }) => graphs.forward, prediction),
  { name: "stream", run: streamEndless },
  derived("train", trained, (forward, { parameters, precision }) =>
    hasLoss(forward) ? autodiff(settle(forward, true), parameters, precision === "f16") : undefined,
  ),
  instead("probe", probing),
  // Dropout is off, as in prediction: what is looked at is the model as it is.
  instead("profile", (perturbed) => profile(settle(perturbed, false))),
  everywhere("erase stop_gradient", eraseStopGradient),
  ...tidy("derived"),
  // The reverse loops have come into being: the gradients of weights and inputs leave them.
  everywhere("hoist derived", hoist),
  everywhere("sink derived", sink),
  // Sums over time of products become products that sum over time.
  ...tidy("moved derived"),
  // After the streaming form, which cannot keep what is no state of the model.
  everywhere("accumulate", accumulate),
  everywhere("dce", dce),
];

/** Merging comes first because several rules want an operand that nothing else reads, and last because they copy. */
function tidy(what: string): readonly Pass[] {
  return [
    everywhere(`cse before simplify, ${what}`, cse),
    everywhere(`simplify, ${what}`, simplify),
    everywhere(`cse after simplify, ${what}`, cse),
  ];
}

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

/** In a stream no example ever ends along its length. */
function streamEndless(module: Module): Module {
  const { endless, ...graphs } = module.graphs;
  const streaming = stream({ ...module, graphs: endless === undefined ? graphs : { predict: prediction(endless) } });
  const { start, stream: steps } = streaming.graphs;
  const length = streaming.streamLength;
  // Where the loops of the loss made the lowering choose another length than the outputs do.
  const ends = [start, steps].some((graph) =>
    graph?.args.some(({ kind, name }) => kind === "input" && name === length),
  );
  if (ends) return { ...module, graphs, streamRefusal: `examples that end along ${length}` };
  return { ...streaming, graphs: { ...streaming.graphs, ...graphs } };
}

/** A model without a loss can be run but not trained. */
function hasLoss(forward: Graph): boolean {
  return forward.results.some((result) => result.kind === "loss");
}

/** What comes of a graph that the lowering made on request. */
function instead(name: GraphName, derive: (graph: Graph) => Graph): Pass {
  return {
    name,
    run: (module) => {
      const graph = module.graphs[name];
      return graph === undefined ? module : { ...module, graphs: { ...module.graphs, [name]: derive(graph) } };
    },
  };
}

/** What training and evaluation are made of. */
function trained({ graphs }: Module): Graph | undefined {
  return graphs.carried ?? graphs.forward;
}

function derived(
  name: GraphName,
  from: (module: Module) => Graph | undefined,
  derive: (forward: Graph, module: Module) => Graph | undefined,
): Pass {
  return {
    name,
    run: (module) => {
      const derived = derive(present(from(module), name, "the forward graph"), module);
      return derived === undefined ? module : { ...module, graphs: { ...module.graphs, [name]: derived } };
    },
  };
}
