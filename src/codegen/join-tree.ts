/** @file Partial results of threads, joined in a tree in memory of the workgroup. */

import type { ReduceKind } from "../ir/types.js";
import type { Block } from "./block.js";
import { add, type Expr, infix, load, type Memory, THREAD, u32 } from "./kernel-ir.js";
import { reductions } from "./scalar-ops.js";

/**
 * Each thread has stored its part at its own place; the results are then at the places of the threads of lane 0, which may read
 * them at once, others behind a barrier.
 * @param lane among `lanes`, a power of two, the threads of which lie `stride` apart.
 */
export function joinInTree(
  block: Block,
  lane: Expr,
  lanes: number,
  stride: number,
  parts: readonly { readonly memory: Memory; readonly kind: ReduceKind }[],
): void {
  for (let half = lanes / 2; half >= 1; half /= 2) {
    block.barrier(false);
    block.if(infix("<", lane, u32(half)), () => {
      for (const { memory, kind } of parts) {
        const [mine, theirs] = [THREAD, add(THREAD, u32(half * stride))].map((i) =>
          block.read(load(memory, i), "part"),
        );
        block.store(memory, THREAD, reductions[kind].join(mine, theirs));
      }
    });
  }
}
