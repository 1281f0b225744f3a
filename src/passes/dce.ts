/**
 * @file Dead code elimination: what no result needs goes, inside loops too (unused outputs and sequences, states that
 * only feed themselves). The other passes leave their dead code behind and rely on this one.
 */

import { reads } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";
import { closeLoop, type LoopState, openLoop } from "./loop.js";

export function dce(graph: Graph): Graph {
  return {
    ...graph,
    instrs: prune(
      graph.instrs,
      graph.results.map((r) => r.value),
    ).instrs,
  };
}

interface Pruned {
  readonly instrs: readonly Instr[];
  /** Everything that is needed, also values that are defined elsewhere. */
  readonly live: ReadonlySet<ValueId>;
}

/** The instructions that the roots need. */
export function prune(instrs: readonly Instr[], roots: Iterable<Value>): Pruned {
  const live = new Set<ValueId>();
  for (const root of roots) live.add(root.id);
  const kept: Instr[] = [];
  for (const instr of instrs.toReversed()) {
    if (!instr.results.some((r) => live.has(r.id))) continue;
    const slim = instr.op === "scan" ? pruneLoop(instr, live) : instr;
    for (const read of reads(slim)) live.add(read.id);
    kept.push(slim);
  }
  return { instrs: kept.reverse(), live };
}

function pruneLoop(instr: Instr<"scan">, live: ReadonlySet<ValueId>): Instr {
  const loop = openLoop(instr);
  const outputs = loop.outputs.filter((o) => live.has(o.all.id));
  let states: readonly LoopState[] = loop.states.filter((s) => live.has(s.last.id));
  for (;;) {
    const body = prune(loop.instrs, [...states.map((s) => s.next), ...outputs.map((o) => o.step)]);
    const needed = loop.states.filter((s) => states.includes(s) || body.live.has(s.previous.id));
    if (needed.length === states.length) {
      const sequences = loop.sequences.filter((s) => body.live.has(s.step.id));
      return closeLoop({ ...loop, states, sequences, instrs: body.instrs, outputs });
    }
    states = needed;
  }
}
