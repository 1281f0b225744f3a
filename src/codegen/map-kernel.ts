/** @file One thread an element: pointwise work, with short accumulations run serially. */

import type { Value } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, namesOf, storeElement } from "./context.js";
import { add, GROUP, infix, type Kernel, mul, THREAD, u32 } from "./kernel-ir.js";
import { rowKernel, sharedSums, workOfSums } from "./row-kernel.js";
import { delinear, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

const WORKGROUP = 64;

type MapGroup = Extract<Group, { kind: "map" }>;

/** The default comes first: it has no barriers, and so suits any kind of adapter. */
export function mapKernels(name: string, group: MapGroup, context: KernelContext): readonly [Kernel, ...Kernel[]] {
  const usual = mapKernel(name, group, context);
  const sums = sharedSums(group, context);
  if (sums.length === 0) return [usual];
  return [{ ...usual, work: [workOfSums(sums, 1)] }, rowKernel(`${name}_rows`, group, sums, context)];
}

export function mapKernel(name: string, group: MapGroup, context: KernelContext): Kernel {
  const block = new Block();
  const { shape, roots } = group;
  const element = block.let(add(mul(GROUP, u32(WORKGROUP)), THREAD), "element");
  block.if(infix("<", element, product(shape)), () => {
    const index = delinear(shape, element);
    const scalars = new Scalarizer(block, context.definitions, located(context, new Set(roots.map((r) => r.id))));
    for (const value of roots) {
      const defined = context.definitions.has(value.id);
      const result = defined ? scalars.at({ value, index }) : copied(block, context, value, index);
      storeElement(block, context, value, index, result);
    }
  });
  return {
    name,
    comment: `${namesOf(roots)} over [${shape.join(", ")}]`,
    workgroupSize: WORKGROUP,
    arrays: [],
    groups: [[count(shape, WORKGROUP)]],
    body: block.stmts,
  };
}

/** A result that is an argument: read as an argument, although the kernel writes it too. */
function copied(block: Block, context: KernelContext, value: Value, index: ReturnType<typeof delinear>) {
  return new Scalarizer(block, context.definitions, located(context)).at({ value, index });
}
