/** @file Walks over instructions: what they read, how they are renamed and copied. Knows about regions, so passes need not. */

import { Builder, IdSource } from "./builder.js";
import type { Graph, Instr, Op, Region, Value, ValueId } from "./types.js";

/** Values that stand for others. */
export type Substitution = ReadonlyMap<ValueId, Value>;

/** Visits every instruction, those of regions right before the instruction that holds them. */
export function forEachInstr(instrs: readonly Instr[], visit: (instr: Instr) => void): void {
  for (const instr of instrs) {
    if (instr.op === "scan") forEachInstr(instr.attrs.body.instrs, visit);
    visit(instr);
  }
}

/** Ids that no value of the graph has. */
export function idsBeyond(graph: Graph): IdSource {
  let last = -1;
  const see = (values: readonly Value[]) => {
    for (const value of values) last = Math.max(last, value.id);
  };
  see(graph.args.map((arg) => arg.value));
  forEachInstr(graph.instrs, (instr) => {
    see(instr.results);
    if (instr.op === "scan") see(instr.attrs.body.params);
  });
  return new IdSource(last + 1);
}

/** What a region reads of the enclosing graph: each value once, in order of first use. */
export function captured(region: Region): readonly Value[] {
  const own = new Set(region.params.map((p) => p.id));
  const found = new Map<ValueId, Value>();
  const read = (value: Value) => {
    if (!own.has(value.id)) found.set(value.id, value);
  };
  for (const instr of region.instrs) {
    reads(instr).forEach(read);
    for (const result of instr.results) own.add(result.id);
  }
  region.results.forEach(read);
  return [...found.values()];
}

/** Arguments of an instruction and what its region captures. */
export function reads(instr: Instr): readonly Value[] {
  return instr.op === "scan" ? [...instr.args, ...captured(instr.attrs.body)] : instr.args;
}

export function substitute(value: Value, by: Substitution): Value {
  return by.get(value.id) ?? value;
}

/** The instruction with other arguments; its results keep their ids. Reads inside a region are renamed too. */
export function substituteReads(instr: Instr, by: Substitution): Instr {
  if (by.size === 0) return instr;
  const args = instr.args.map((a) => substitute(a, by));
  if (instr.op !== "scan") return { ...instr, args } as Instr;
  const { body } = instr.attrs;
  const region: Region = {
    params: body.params,
    instrs: body.instrs.map((inner) => substituteReads(inner, by)),
    results: body.results.map((r) => substitute(r, by)),
  };
  return { ...instr, args, attrs: { ...instr.attrs, body: region } };
}

/**
 * Builds a graph anew: `visit` adds to `b` what shall stand for an instruction, whose arguments are up to date, and
 * notes in `renamed` what became of results that it does not define again.
 */
export function rebuild(graph: Graph, visit: (b: Builder, instr: Instr, renamed: Map<ValueId, Value>) => void): Graph {
  const b = new Builder(idsBeyond(graph));
  const renamed = new Map<ValueId, Value>();
  for (const instr of graph.instrs) visit(b, substituteReads(instr, renamed), renamed);
  const results = graph.results.map((r) => ({ ...r, value: substitute(r.value, renamed) }));
  return { args: graph.args, instrs: b.instrs, results };
}

/** Adds the instruction anew, with fresh results, and notes in `by` what its results became. No regions. */
export function copyInstr(b: Builder, instr: Exclude<Instr, Instr<"scan">>, by: Map<ValueId, Value>): void {
  const fresh = b.emit<Op>(
    instr.op,
    instr.attrs,
    instr.args.map((a) => substitute(a, by)),
    instr.results.map((r) => r.hint),
  );
  instr.results.forEach((result, i) => {
    by.set(result.id, fresh[i]);
  });
}

/** The instruction that defines each value, those of regions included. */
export function definitions(instrs: readonly Instr[]): ReadonlyMap<ValueId, Instr> {
  const found = new Map<ValueId, Instr>();
  forEachInstr(instrs, (instr) => {
    for (const result of instr.results) found.set(result.id, instr);
  });
  return found;
}
