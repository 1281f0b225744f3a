/**
 * @file Common subexpressions: the same op on the same arguments is done once. A loop's body is looked at by itself:
 * what it shares with the outside is for hoisting to decide, which knows what a captured array costs.
 */

import { substitute, substituteReads } from "../ir/traverse.js";
import type { Graph, Instr, Op, Value, ValueId } from "../ir/types.js";

const COMMUTATIVE: ReadonlySet<Op> = new Set(["add", "mul", "max", "min", "eq", "ne", "and", "or"] as const);

export function cse(graph: Graph): Graph {
  const renamed = new Map<ValueId, Value>();
  const instrs = merge(graph.instrs, renamed);
  return { ...graph, instrs, results: graph.results.map((r) => ({ ...r, value: substitute(r.value, renamed) })) };
}

function merge(instrs: readonly Instr[], renamed: Map<ValueId, Value>): readonly Instr[] {
  const seen = new Map<string, Instr>();
  return instrs.flatMap((before): readonly Instr[] => {
    if (before.op === "scan") {
      const { body } = before.attrs;
      const inner = merge(body.instrs, renamed);
      const results = body.results.map((r) => substitute(r, renamed));
      const loop = { ...before, attrs: { ...before.attrs, body: { ...body, instrs: inner, results } } };
      return [substituteReads(loop, renamed)];
    }
    const instr = substituteReads(before, renamed);
    const key = fingerprint(instr);
    const twin = seen.get(key);
    if (twin === undefined) {
      seen.set(key, instr);
      return [instr];
    }
    instr.results.forEach((result, i) => {
      renamed.set(result.id, twin.results[i]);
    });
    return [];
  });
}

function fingerprint({ op, attrs, args }: Instr): string {
  const ids = args.map((arg) => arg.id);
  if (COMMUTATIVE.has(op)) ids.sort((m, n) => m - n);
  // JSON has no infinities: as text they would all be null.
  const text = JSON.stringify(attrs, (_, value) => (typeof value === "number" ? String(value) : value));
  return `${op} ${ids.join(" ")} ${text}`;
}
