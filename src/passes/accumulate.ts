/**
 * @file An output of a loop that is only ever summed over the steps becomes a state that adds up, so that it is never
 * written at every step. This is how the gradient of `A` in `exp(dt[d] * A[d, n]) * h[d, n]` costs no array over time.
 */

import { Builder } from "../ir/builder.js";
import { moveAxis } from "../ir/ops/shared.js";
import { stackAxis } from "../ir/shape.js";
import { reads, rebuild } from "../ir/traverse.js";
import { BATCH, type Graph, type Instr, type Value, type ValueId } from "../ir/types.js";
import { closeLoop, type LoopOutput, type LoopState, openLoop } from "./loop.js";

export function accumulate(graph: Graph): Graph {
  const sums = soleSums(graph);
  return rebuild(graph, (b, instr, renamed) => {
    if (instr.op === "scan") accumulateOutputs(b, instr, sums, renamed);
    else if (!instr.results.some((r) => renamed.has(r.id))) b.instrs.push(instr);
  });
}

/** Values that a sum, and nothing else, reads. */
function soleSums(graph: Graph): ReadonlyMap<ValueId, Instr<"reduce">> {
  const readers = new Map<ValueId, (Instr | undefined)[]>();
  const note = (value: Value, reader?: Instr) => readers.set(value.id, [...(readers.get(value.id) ?? []), reader]);
  for (const instr of graph.instrs) for (const value of reads(instr)) note(value, instr);
  for (const result of graph.results) note(result.value);
  const found = new Map<ValueId, Instr<"reduce">>();
  for (const [id, [only, ...others]] of readers) {
    if (others.length === 0 && only?.op === "reduce" && only.attrs.kind === "sum") found.set(id, only);
  }
  return found;
}

function accumulateOutputs(
  b: Builder,
  instr: Instr<"scan">,
  sums: ReadonlyMap<ValueId, Instr<"reduce">>,
  renamed: Map<ValueId, Value>,
): void {
  const loop = openLoop(instr);
  const sumOf = ({ step, all }: LoopOutput) => {
    const sum = sums.get(all.id);
    return sum?.attrs.axes.includes(stackAxis(step.type)) ? sum : undefined;
  };
  const inner = new Builder(b.ids);
  const behind = new Builder(b.ids);
  const totals: LoopState[] = [];
  const outputs = loop.outputs.filter((output) => {
    const sum = sumOf(output);
    if (sum === undefined) return true;
    // A state has the batch in front, as a loop's kernel wants it; a step value may have it behind.
    const at = Math.max(output.step.type.shape.indexOf(BATCH), 0);
    const step = moveAxis(inner, output.step, at, 0);
    const total = inner.fresh(step.type);
    totals.push({
      initial: b.fill(0, step.type.shape, step.type.elem),
      previous: total,
      next: inner.binary("add", total, step),
      last: b.fresh(step.type),
    });
    const stacked = stackAxis(output.step.type);
    const rest = sum.attrs.axes.filter((axis) => axis !== stacked);
    const axes = rest.map((axis) => (axis > stacked ? axis - 1 : axis));
    const last = moveAxis(behind, totals[totals.length - 1].last, 0, at);
    renamed.set(sum.results[0].id, behind.reduce("sum", last, axes, sum.results[0].hint));
    return false;
  });
  const states = [...loop.states, ...totals];
  const instrs = [...loop.instrs, ...inner.instrs];
  b.instrs.push(closeLoop({ ...loop, states, instrs, outputs }), ...behind.instrs);
}
