/**
 * @file The pipeline run step by step with an eye on the loops: what each hoisting put in front of one and each sinking
 * behind it. Passes are functions from module to module, so it is enough to compare what went in with what came out.
 */

import { substitute, substituteReads } from "../../ir/traverse.js";
import type { Graph, GraphName, Instr, Module, Value, ValueId } from "../../ir/types.js";
import { type Loop, openLoop } from "../../passes/loop.js";
import { pipeline } from "../../passes/pipeline.js";
import { present } from "../../support/assert.js";

export type Place = "before" | "behind";

/** A value of a loop's body that is computed outside, for all steps at once, and the graph in which it still was inside. */
export interface Move {
  readonly to: Place;
  readonly loop: Loop;
  readonly value: Value;
  /** All steps of it, where it was an output of the loop. */
  readonly stacked?: Value;
  readonly graph: Graph;
}

export interface Trace {
  /** After all passes. */
  readonly module: Module;
  /** The graph as it is written, before any pass. */
  readonly written: Graph;
  /** Tidied, then with its derivative, each before anything moved, and at the end: the first that has a loop is its source. */
  readonly sources: readonly Graph[];
  readonly moves: readonly Move[];
}

const DERIVED = "derived";
const MOVING = /^(hoist|sink)( |$)/;

/** @param name of the graph that the trace is about. */
export function trace(lowered: Module, name: GraphName): Trace {
  const named: Module = { ...lowered, graphs: mapGraphs(lowered.graphs, withStateNames) };
  // Up to the derivative there is only what the others are made of: a stream of the graph in which no example ends.
  const origin = name === "stream" && named.graphs.endless !== undefined ? "endless" : "forward";
  let module = named;
  const sources: Graph[] = [];
  const moves: Move[] = [];
  for (const pass of pipeline) {
    const after = pass.run(module);
    if (MOVING.test(pass.name)) {
      const watched = pass.name.endsWith(DERIVED) ? name : origin;
      const [from, to] = [module.graphs[watched], after.graphs[watched]];
      if (from !== undefined && to !== undefined) {
        if (pass.name.startsWith("hoist")) sources.push(from);
        moves.push(...movesBetween(from, to, pass.name.startsWith("hoist") ? "before" : "behind"));
      }
    }
    module = after;
  }
  const final = module.graphs[name];
  const written = present(named.graphs[origin], "explain", "the forward graph");
  return { module, written, sources: final === undefined ? sources : [...sources, final], moves };
}

function mapGraphs(graphs: Module["graphs"], f: (graph: Graph) => Graph): Module["graphs"] {
  return Object.fromEntries(Object.entries(graphs).map(([key, graph]) => [key, f(graph)]));
}

/** States are called by the names that their last values have; the derivative names their adjoints after them. */
function withStateNames(graph: Graph): Graph {
  const instrs = graph.instrs.map((instr): Instr => {
    if (instr.op !== "scan") return instr;
    const { body, states } = instr.attrs;
    const params = body.params.map((param, i): Value => {
      const hint = i < states ? instr.results[i].hint : undefined;
      return hint === undefined ? param : { ...param, hint };
    });
    const names = new Map(params.map((param) => [param.id, param]));
    const region = {
      params,
      instrs: body.instrs.map((inner) => substituteReads(inner, names)),
      results: body.results.map((result) => substitute(result, names)),
    };
    return { ...instr, attrs: { ...instr.attrs, body: region } };
  });
  return { ...graph, instrs };
}

export function loopsOf(graph: Graph): readonly Loop[] {
  return graph.instrs.flatMap((instr) => (instr.op === "scan" ? [openLoop(instr)] : []));
}

/** Whether two loops are one before and after a pass: passes keep the ids of states. */
export function isSameLoop(a: Loop, b: Loop): boolean {
  return a.states.some((s) => b.states.some((t) => s.previous.id === t.previous.id));
}

function movesBetween(from: Graph, to: Graph, place: Place): readonly Move[] {
  const after = loopsOf(to);
  return loopsOf(from).flatMap((loop) => {
    const now = after.find((other) => isSameLoop(loop, other));
    return movedOut(loop, now).map((value): Move => {
      const stacked = loop.outputs.find(({ step }) => step.id === value.id)?.all;
      return { to: place, loop, value, graph: from, ...(stacked && { stacked }) };
    });
  });
}

/** What the body no longer computes although something still reads it: what is left of the loop, or what is behind it. */
function movedOut(loop: Loop, now: Loop | undefined): readonly Value[] {
  const kept = new Set(now?.instrs.flatMap((instr) => instr.results.map(({ id }) => id)));
  const gone = new Map<ValueId, Value>(
    loop.instrs.flatMap((instr) => instr.results.filter(({ id }) => !kept.has(id)).map((r) => [r.id, r] as const)),
  );
  const left = loop.instrs.filter((instr) => instr.results.some(({ id }) => kept.has(id)));
  const given = new Set(now?.outputs.map(({ all }) => all.id));
  const wanted = [
    ...left.flatMap((instr) => instr.args),
    ...loop.states.filter((s) => now?.states.some((t) => t.previous.id === s.previous.id)).map((s) => s.next),
    ...loop.outputs.filter(({ all }) => !given.has(all.id)).map(({ step }) => step),
  ];
  return [...new Map(wanted.flatMap(({ id }) => (gone.has(id) ? [[id, gone.get(id)!] as const] : []))).values()];
}
