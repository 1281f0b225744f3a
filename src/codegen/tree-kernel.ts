/**
 * @file Few results of many terms: the threads of a workgroup share each accumulation and join their partial results
 * in a tree. Where there are many results, neighbouring threads take neighbouring results, so that they read
 * neighbouring memory.
 */

import { Block } from "./block.js";
import { type KernelContext, located, storeElement } from "./context.js";
import { add, GROUP, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { reductions } from "./scalar-ops.js";
import { accumulation, decode, delinear, elementKey, encode, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

const WORKGROUP = 256;
/** Results a workgroup, where there are that many. */
const COLUMNS = 16;

export function treeKernel(name: string, group: Extract<Group, { kind: "tree" }>, context: KernelContext): Kernel {
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
  for (let half = lanes / 2; half >= 1; half /= 2) {
    block.barrier(false);
    block.if(infix("<", lane, u32(half)), () => {
      for (const { memory, kind } of finals) {
        const [mine, theirs] = [THREAD, add(THREAD, u32(half * columns))].map((i) =>
          block.read(load(memory, i), "part"),
        );
        block.store(memory, THREAD, reductions[kind].join(mine, theirs));
      }
    });
  }
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
    comment: `${roots.map((r) => r.hint ?? `%${r.id}`).join(", ")} [${shape.join(", ")}] by trees over [${dims.join(", ")}]`,
    layout: "step",
    workgroupSize: WORKGROUP,
    arrays,
    groups: [[{ factor: results, lengths: [], divisor: columns }]],
    body: block.stmts,
  };
}
