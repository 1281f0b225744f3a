/**
 * @file Regroups sums in loop bodies: terms that depend on no state first. `W x + b + (U h) + c` becomes
 * `(W x + b + c) + (U h)`, so that hoisting takes all but the last sum out of the loop.
 */

import { Builder } from "../ir/builder.js";
import { idsBeyond, reads } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";
import { dce } from "./dce.js";
import { closeLoop, type Loop, openLoop } from "./loop.js";

export function reassociate(graph: Graph): Graph {
  const ids = idsBeyond(graph);
  const instrs = graph.instrs.map((instr) => {
    if (instr.op !== "scan") return instr;
    const loop = openLoop(instr);
    return closeLoop({ ...loop, instrs: regroup(new Builder(ids), loop) });
  });
  // Left where they are, the old sums would count as readers of what is to be hoisted.
  return dce({ ...graph, instrs });
}

function regroup(b: Builder, loop: Loop): readonly Instr[] {
  const stateful = new Set(loop.states.map((s) => s.previous.id));
  const uses = new Map<ValueId, number>();
  const definition = new Map<ValueId, Instr>();
  const count = (value: Value) => uses.set(value.id, (uses.get(value.id) ?? 0) + 1);
  for (const instr of loop.instrs) {
    const read = reads(instr);
    read.forEach(count);
    for (const result of instr.results) {
      definition.set(result.id, instr);
      if (read.some((value) => stateful.has(value.id))) stateful.add(result.id);
    }
  }
  for (const { next } of loop.states) count(next);
  for (const { step } of loop.outputs) count(step);

  /** The terms of a sum, through sums that nothing else reads. */
  const terms = (value: Value): readonly Value[] => {
    const instr = definition.get(value.id);
    return instr?.op === "add" && uses.get(value.id) === 1 ? instr.args.flatMap(terms) : [value];
  };
  for (const instr of loop.instrs) {
    const all = instr.op === "add" ? instr.args.flatMap(terms) : [];
    const free = all.filter((value) => !stateful.has(value.id));
    const grouped = instr.args.some(
      (arg) => terms(arg).every((value) => free.includes(value)) && terms(arg).length === free.length,
    );
    if (free.length < 2 || free.length === all.length || grouped) {
      b.instrs.push(instr);
      continue;
    }
    const add = (x: Value, y: Value) => b.binary("add", x, y);
    const known = free.reduce(add);
    const rest = all.filter((value) => stateful.has(value.id)).reduce(add);
    b.instrs.push({ op: "add", attrs: {}, args: [known, rest], results: instr.results });
  }
  return b.instrs;
}
