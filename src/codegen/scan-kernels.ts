/** @file Which kernels may do a loop whose states meet other places of themselves: few threads or many, few rows or many. */

import type { Instr } from "../ir/types.js";
import type { KernelContext } from "./context.js";
import type { Kernel } from "./kernel-ir.js";
import { ScanKernel } from "./scan-kernel.js";
import { planScan } from "./scan-plan.js";

/** Elements of a state a thread, in a variant for adapters on which threads are dear and loads of memory dearer. */
const OWN = [4, 2];
/** Sums that a thread has at a time, all rows together: beyond, kernels are long to compile. */
const MOST_SUMS = 64;

/** The loop as kernels that differ in the rows that a workgroup has. The default comes first, under the plain name. */
export function scanKernels(name: string, instr: Instr<"scan">, context: KernelContext): readonly Kernel[] {
  const usual = planScan(instr);
  const shapes = usual.rows.map((rows) => ({ plan: usual, rows, byFours: false }));
  for (const own of OWN) {
    const plan = planScan(instr, own);
    const rows = Math.max(...plan.rows);
    if (plan.own < own || rows < own || own * rows * plan.sums > MOST_SUMS) continue;
    shapes.push({ plan, rows, byFours: true });
    break;
  }
  return shapes.map(({ plan, rows, byFours }, i) => {
    const kernel = i === 0 ? name : `${name}_rows_${rows}_own_${plan.own}`;
    return new ScanKernel(kernel, instr, context, plan, rows, byFours).kernel();
  });
}
