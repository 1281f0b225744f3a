/**
 * @file Which loops run a channel a thread. What is computed from sums over channels leaves the loop where it then has more
 * of them; sums that several workgroups share are finished behind it.
 */

import { definitions, rebuild } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";
import { withoutTails } from "../passes/tails.js";
import { type LanePlan, partsOf, planLanes, productOf } from "./lane-plan.js";
import { planSpans, type Spans } from "./span-plan.js";

export interface Loops {
  readonly graph: Graph;
  /** By the id of a loop's first result. */
  readonly lanes: ReadonlyMap<ValueId, { readonly lanes: LanePlan; readonly spans: Spans }>;
}

export function planLoops(graph: Graph): Loops {
  const outside = new Map(definitions(graph.instrs));
  const lanes = new Map<ValueId, { lanes: LanePlan; spans: Spans }>();
  const planOf = (scan: Instr<"scan">) => lanes.get(scan.results[0].id)?.lanes;
  const channels = (plan?: LanePlan) => (plan === undefined ? 0 : productOf(plan.extents));
  const divided = rebuild(graph, (b, instr, renamed) => {
    if (instr.op !== "scan") {
      b.instrs.push(instr);
      return;
    }
    const plain = planLanes(instr, outside, planOf);
    const bare = withoutTails(instr, b.ids, outside);
    const plan = bare && planLanes(bare.scan, outside, planOf);
    if (bare === undefined || plan === undefined || channels(plan) <= channels(plain)) {
      if (plain === undefined) b.instrs.push(instr);
      else b.instrs.push(...lanesOf(instr, plain));
      return;
    }
    for (const [id, value] of bare.became) renamed.set(id, value);
    for (const [id, by] of definitions([bare.scan, ...bare.behind])) outside.set(id, by);
    b.instrs.push(...lanesOf(bare.scan, plan), ...bare.behind);

    function lanesOf(scan: Instr<"scan">, plan: LanePlan): readonly Instr[] {
      const { states } = scan.attrs;
      const sums: Instr[] = [];
      const results = scan.results.map((result, i): Value => {
        const parts = i < states ? 1 : partsOf(plan, plan.outputs[i - states]);
        if (parts === 1) return result;
        // Parts stand behind the batch and the steps.
        const shape = result.type.shape.toSpliced(2, 0, parts);
        const value = b.fresh({ elem: "f32", shape }, result.hint);
        sums.push({ op: "reduce", attrs: { kind: "sum", axes: [2] }, args: [value], results: [result] });
        return value;
      });
      lanes.set(results[0].id, { lanes: plan, spans: planSpans(scan, plan, outside, b.ids) });
      return [{ ...scan, results }, ...sums];
    }
  });
  return { graph: divided, lanes };
}
