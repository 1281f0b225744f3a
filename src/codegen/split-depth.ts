/**
 * @file Long sums of products with few results. The gradient of a weight is a product of a matrix's size that sums over
 * all examples and steps: a few tiles, so a few workgroups, each with a long run. Its sum is divided into parts, each
 * a product in workgroups of its own, that are added up behind it: in the same order always, unlike by atomic addition.
 */

import { reads, rebuild } from "../ir/traverse.js";
import { BATCH, type Graph, type Instr } from "../ir/types.js";
import { isMatmul, tilesOf } from "./matmul-axes.js";

/** Workgroups that a product shall have, roughly: gradients of several weights run alongside each other. */
const WORKGROUPS = 16;
/** More parts are more to store and to add up. */
const MOST_PARTS = 16;
/** The label of parts: no letter, as the labels of axes are. */
const PART = "#";

export function splitDepths(graph: Graph): Graph {
  const used = new Set(graph.instrs.flatMap((instr) => reads(instr).map(({ id }) => id)));
  // Sums that nothing waits for come last, where one dispatch has them all.
  const last: Instr[] = [];
  const divided = rebuild(graph, (b, instr) => {
    const parts = isMatmul(instr) ? partsOf(instr) : 1;
    if (!isMatmul(instr) || parts === 1) {
      b.instrs.push(instr);
      return;
    }
    const [result] = instr.results;
    const partial = b.fresh({ elem: "f32", shape: [parts, ...result.type.shape] }, result.hint);
    b.instrs.push({ ...instr, attrs: { ...instr.attrs, out: `${PART}${instr.attrs.out}` }, results: [partial] });
    const sums = used.has(result.id) ? b.instrs : last;
    sums.push({ op: "reduce", attrs: { kind: "sum", axes: [0] }, args: [partial], results: [result] });
  });
  return { ...divided, instrs: [...divided.instrs, ...last] };
}

/** Into how many parts the sum is divided. Over examples alone it is short. */
function partsOf(instr: Instr<"contract">): number {
  const { lhs, out } = instr.attrs;
  const depth = instr.args[0].type.shape.filter((_, axis) => !out.includes(lhs[axis]));
  const long = depth.some((dim) => typeof dim === "string" && dim !== BATCH);
  const tiles = tilesOf(instr);
  if (!long || tiles === undefined) return 1;
  return Math.max(1, Math.min(MOST_PARTS, Math.floor(WORKGROUPS / tiles)));
}
