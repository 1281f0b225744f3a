/**
 * @file Few results of many terms: the threads of a workgroup share each accumulation and join their partial results
 * in a tree. Where there are many results, neighbouring threads take neighbouring results, so that they read
 * neighbouring memory.
 */

import type { Work } from "../../runtime/manifest.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, namesOf, storeElement } from "./context.js";
import { joinInTree } from "./join-tree.js";
import { add, GROUP, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { mapKernel } from "./map-kernel.js";
import { reductions } from "./scalar-ops.js";
import { accumulation, decode, delinear, elementKey, encode, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

const WORKGROUP = 256;
/** Results a workgroup, where there are that many. */
const COLUMNS = 16;

type Tree = Extract<Group, { kind: "tree" }>;

/** The default comes first. Where there are results enough for the few threads of a software adapter, trees are not worth their barriers. */
export function treeKernels(name: string, group: Tree, context: KernelContext): readonly Kernel[] {
  const { anchors, roots, shape } = group;
  const tree = treeKernel(name, group, context);
  if (count(shape).factor < COLUMNS) return [tree];
  const serial = mapKernel(`${name}_serial`, { kind: "map", shape, roots }, context);
  return [tree, { ...serial, work: [workOf(anchors, 1)] }];
}

function workOf(anchors: Tree["anchors"], lanes: number): Work {
  const reads = anchors.reduce((n, { args }) => n + args.length, 0);
  const { dims } = accumulation(anchors[0]);
  return { terms: count(dims, lanes), reads, shared: 0, products: anchors.length, turns: 1 };
}

function treeKernel(name: string, group: Tree, context: KernelContext): Kernel {
  const { anchors, roots, shape } = group;
  const results = shape.reduce((n: number, d) => n * Number(d), 1);
  const columns = results >= COLUMNS ? COLUMNS : 1;
  const lanes = WORKGROUP / columns;

  const block = new Block();
  const scalars = new Scalarizer(block, context.definitions, located(context, new Set(roots.map((r) => r.id))));
  const lane = block.let(infix("/", THREAD, u32(columns)), "lane");
  const element = block.let(add(mul(GROUP, u32(columns)), infix("%", THREAD, u32(columns))), "element");
  const index = delinear(shape, element);
  const accumulations = anchors.map(accumulation);
  const { dims } = accumulations[0];

  const totals = accumulations.map((a) => block.variable(reductions[a.kind].start(a.type), "partial"));
  block.loop(
    "term",
    product(dims),
    (term) => {
      const reduced = delinear(dims, term);
      accumulations.forEach((a, i) => {
        block.assign(totals[i], reductions[a.kind].join(totals[i], scalars.product(a.factors(index, reduced))));
      });
    },
    lane,
    u32(lanes),
  );

  const arrays = anchors.map((_, i) => ({ name: `${name}_partial_${i}`, size: WORKGROUP }));
  const finals = totals.map((total, i) => {
    block.store(arrays[i].name, THREAD, encode(total));
    return { memory: arrays[i].name, kind: accumulations[i].kind };
  });
  joinInTree(block, lane, lanes, columns, finals);
  const inside = infix("==", lane, u32(0));
  block.if(results % columns === 0 ? inside : infix("&&", inside, infix("<", element, u32(results))), () => {
    anchors.forEach((anchor, i) => {
      const total = decode(block.read(load(finals[i].memory, THREAD), "total"), anchor.results[0].type);
      block.remember(elementKey({ value: anchor.results[0], index }), total);
    });
    for (const value of roots) storeElement(block, context, value, index, scalars.at({ value, index }));
  });
  return {
    name,
    comment: `${namesOf(roots)} [${shape.join(", ")}] by trees over [${dims.join(", ")}]`,
    workgroupSize: WORKGROUP,
    arrays,
    groups: [[{ factor: results, lengths: [], divisor: columns }]],
    work: [workOf(anchors, lanes)],
    body: block.stmts,
  };
}
