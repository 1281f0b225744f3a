/** @file How much a value would add to a line if it were written out there, and how often it is read. */

import { registry } from "../ir/registry.js";
import type { Instr, Op, Value, ValueId } from "../ir/types.js";

const SILENT: ReadonlySet<Op> = new Set(["to_f32", "to_i32", "stop_gradient", "length"] as const);

/** The number of operators that an instruction shows. */
export function ownWeight({ op }: Instr): number {
  const { lowering } = registry[op];
  if (SILENT.has(op) || lowering === "view" || lowering === "source") return op === "concat" ? 1 : 0;
  return lowering === "pointwise" ? 1 : 2;
}

/** How often each value is shown if views and casts are written out wherever they are read. */
export function countReads(
  instrs: readonly Instr[],
  shown: Iterable<Value>,
  isLeaf: (value: Value) => boolean,
): ReadonlyMap<ValueId, number> {
  const reads = new Map<ValueId, number>();
  const read = (value: Value, times: number) => reads.set(value.id, (reads.get(value.id) ?? 0) + times);
  for (const value of shown) read(value, 1);
  const roots = new Set([...shown].map((value) => value.id));
  for (const instr of instrs.toReversed()) {
    const times = Math.max(...instr.results.map((result) => reads.get(result.id) ?? 0));
    const leaf = instr.results.every((result) => isLeaf(result) && !roots.has(result.id));
    if (times === 0 || leaf) continue;
    const passed = ownWeight(instr) === 0 ? times : 1;
    // `x + x` and `x * x` show x once.
    for (const arg of new Map(instr.args.map((a) => [a.id, a])).values()) read(arg, passed);
  }
  return reads;
}
