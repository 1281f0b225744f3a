/** @file Which loops run a channel a thread. Sums over channels that several workgroups share are finished behind them. */

import { definitions, rebuild } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";
import { type LanePlan, partsOf, planLanes } from "./lane-plan.js";
import { planSpans, type Spans } from "./span-plan.js";

export interface Loops {
  readonly graph: Graph;
  /** By the id of a loop's first result. */
  readonly lanes: ReadonlyMap<ValueId, { readonly lanes: LanePlan; readonly spans: Spans }>;
}

export function planLoops(graph: Graph): Loops {
  const outside = definitions(graph.instrs);
  const lanes = new Map<ValueId, { lanes: LanePlan; spans: Spans }>();
  const planOf = (scan: Instr<"scan">) => lanes.get(scan.results[0].id)?.lanes;
  const divided = rebuild(graph, (b, instr) => {
    const plan = instr.op === "scan" ? planLanes(instr, outside, planOf) : undefined;
    if (instr.op !== "scan" || plan === undefined) {
      b.instrs.push(instr);
      return;
    }
    const { states } = instr.attrs;
    const sums: Instr[] = [];
    const results = instr.results.map((result, i): Value => {
      const parts = i < states ? 1 : partsOf(plan, plan.outputs[i - states]);
      if (parts === 1) return result;
      // Parts stand behind the batch and the steps.
      const shape = result.type.shape.toSpliced(2, 0, parts);
      const value = b.fresh({ elem: "f32", shape }, result.hint);
      sums.push({ op: "reduce", attrs: { kind: "sum", axes: [2] }, args: [value], results: [result] });
      return value;
    });
    lanes.set(results[0].id, { lanes: plan, spans: planSpans(instr, plan, outside, b.ids) });
    b.instrs.push({ ...instr, results }, ...sums);
  });
  return { graph: divided, lanes };
}
