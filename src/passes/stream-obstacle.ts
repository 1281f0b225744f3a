/** @file Why a graph cannot be run some steps at a time, in words that name the culprit; the proof that it can if none. */

import { captured, definitions, reads } from "../ir/traverse.js";
import type { Graph, Instr, ReduceKind, Type, Value, ValueId } from "../ir/types.js";
import { uniformConstant } from "./constant.js";
import { openLoop } from "./loop.js";

const KIND: { readonly [K in ReduceKind]: string } = { sum: "sum", max: "maximum", min: "minimum" };

/**
 * Every value with the length must be, at each step, a function of that step and kept states alone: then a graph over
 * some steps gives what the graph over all steps gives at those.
 */
export function streamObstacle(graph: Graph, length: string): string | undefined {
  const defined = definitions(graph.instrs);
  const isZero = (value: Value) => uniformConstant(value, (id) => defined.get(id)) === 0;
  /** Values that last states of loops over the length lead to: right after the newest step only. */
  const final = new Set<ValueId>();
  for (const instr of graph.instrs) {
    const reason = obstacle(instr, length, isZero);
    if (reason !== undefined) return reason;
    const fromEnd = reads(instr).some((value) => final.has(value.id));
    if (fromEnd && instr.results.some((r) => has(r.type, length)))
      return `a last state over ${length} read at every step`;
    const ends = instr.op === "scan" && instr.attrs.length === length ? openLoop(instr).states.map((s) => s.last) : [];
    for (const value of fromEnd ? instr.results : ends) final.add(value.id);
  }
  return undefined;
}

function has(type: Type, length: string): boolean {
  return type.shape.includes(length);
}

function obstacle(instr: Instr, length: string, isZero: (value: Value) => boolean): string | undefined {
  const pairs = instr.results.some(({ type }) => type.shape.filter((dim) => dim === length).length > 1);
  if (pairs) return `every pair of steps of ${length}`;
  switch (instr.op) {
    case "length":
      return instr.attrs.name === length ? `the number of steps ${length}` : undefined;
    case "iota":
      return instr.attrs.shape[instr.attrs.axis] === length ? `the position along ${length}` : undefined;
    case "reduce": {
      const along = instr.attrs.axes.some((axis) => instr.args[0].type.shape[axis] === length);
      return along ? `a ${KIND[instr.attrs.kind]} over ${length}` : undefined;
    }
    case "contract": {
      const { lhs, out } = instr.attrs;
      const summed = [...lhs].some((label, axis) => !out.includes(label) && instr.args[0].type.shape[axis] === length);
      return summed ? `a sum over ${length}` : undefined;
    }
    case "shift":
      if (instr.args[0].type.shape[instr.attrs.axis] !== length) return undefined;
      return instr.attrs.offset < 0 ? `a look ahead along ${length}` : `a shift along ${length} that cannot be kept`;
    case "gather":
      return has(instr.args[0].type, length) ? `a look-up of steps of ${length}` : undefined;
    case "scan":
      return loopObstacle(instr, length, isZero);
    default:
      return undefined;
  }
}

function loopObstacle(instr: Instr<"scan">, length: string, isZero: (value: Value) => boolean): string | undefined {
  const { attrs } = instr;
  if (attrs.length === length) {
    if (attrs.reverse) return `a scan reverse over ${length}`;
    if (captured(attrs.body).some((value) => has(value.type, length))) return `all of ${length} read at every step`;
    if (!openLoop(instr).states.every((state) => isZero(state.initial))) {
      return `a scan over ${length} that does not start from zero`;
    }
  }
  for (const inner of attrs.body.instrs) {
    const reason = obstacle(inner, length, isZero);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
