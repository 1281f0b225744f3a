/**
 * @file Sums over the channels of a workgroup: the parts of a few steps lie in workgroup memory until all of these are
 * added up, so that one pair of barriers serves several steps.
 */

import type { Value } from "../ir/types.js";
import type { Block } from "./block.js";
import { type KernelContext, storeElement } from "./context.js";
import { add, type Expr, f32, infix, load, mul, THREAD, u32, type WorkgroupArray } from "./kernel-ir.js";
import type { LaneResult } from "./lane-body.js";
import type { LanePlaces } from "./lane-places.js";
import { indexAt, type LanePlan, partsOf, tilesOf } from "./lane-plan.js";
import { delinear, encode, type Index, linear } from "./scalarize.js";

/** Parts that a thread adds up at a time. */
const UNROLL = 8;

/** A sum of the step: what it is of, and the thread's part of it. */
export interface Part {
  readonly result: LaneResult;
  readonly value: Expr;
}

export class LaneSums {
  #array: WorkgroupArray | undefined;
  /** The results whose sums are in memory, each with the number of its sums. */
  #summed: readonly { readonly result: LaneResult; readonly count: number }[] = [];

  /**
   * @param together steps whose parts are added up at a time; those of one time stand at a multiple of it.
   * @param resultAt the value of the loop that a result of the step is an element of.
   */
  constructor(
    readonly block: Block,
    readonly context: KernelContext,
    readonly memory: string,
    readonly plan: LanePlan,
    readonly layout: { readonly threads: number; readonly together: number } & LanePlaces,
    readonly resultAt: (position: number) => Value,
  ) {}

  get arrays(): readonly WorkgroupArray[] {
    return this.#array === undefined ? [] : [this.#array];
  }

  get #count(): number {
    return this.#summed.reduce((n, { count }) => n + count, 0);
  }

  /** Each sum's parts are turned by its number, so that threads that add up different sums read different banks. */
  #at(sum: Expr, thread: Expr): Expr {
    const { threads } = this.layout;
    return add(mul(sum, u32(threads)), infix("%", add(thread, sum), u32(threads)));
  }

  /** Keeps the parts of step `t`. */
  keep(parts: readonly Part[], t: Expr): void {
    if (parts.length === 0) return;
    const { block, layout } = this;
    const positions = [...new Set(parts.map(({ result }) => result.position))];
    this.#summed = positions.map((position) => {
      const own = parts.filter(({ result }) => result.position === position);
      return { result: own[0].result, count: own.length };
    });
    this.#array = { name: this.memory, size: layout.together * parts.length * layout.threads };
    const first = block.let(mul(infix("%", t, u32(layout.together)), u32(parts.length * layout.threads)), "kept");
    parts.forEach(({ value }, i) => {
      block.store(this.memory, add(first, this.#at(u32(i), THREAD)), value);
    });
  }

  /** Adds up what has been kept of `count` steps from `first` on. */
  addUp(first: Expr, count: Expr): void {
    if (this.#array === undefined) return;
    const { block, layout } = this;
    block.barrier(false);
    block.loop(
      "sum",
      mul(count, u32(this.#count)),
      (sum) => {
        const total = block.variable(f32(0), "total");
        block.loop(
          "lane",
          u32(layout.threads),
          (lane) => {
            for (let i = 0; i < Math.min(UNROLL, layout.threads); i++) {
              block.assign(total, infix("+", total, load(this.memory, this.#at(sum, add(lane, u32(i))))));
            }
          },
          u32(0),
          u32(UNROLL),
        );
        const t = block.let(add(first, infix("/", sum, u32(this.#count))), "t");
        this.#store(block.let(infix("%", sum, u32(this.#count)), "sum"), t, total);
      },
      THREAD,
      u32(layout.threads),
    );
    block.barrier(false);
  }

  /** @param sum its number among those of a step. */
  #store(sum: Expr, t: Expr, total: Expr): void {
    let from = 0;
    for (const { result, count } of this.#summed) {
      const end = from + count;
      const inside = [
        ...(from > 0 ? [infix(">=", sum, u32(from))] : []),
        ...(end < this.#count ? [infix("<", sum, u32(end))] : []),
      ];
      const number = infix("-", sum, u32(from));
      this.block.guarded(inside.length === 0 ? undefined : inside.reduce((a, b) => infix("&&", a, b)), () => {
        this.#storeSum(result, number, t, total);
      });
      from = end;
    }
  }

  /** @param number of the sum among those of its result. */
  #storeSum({ output, position }: LaneResult, number: Expr, t: Expr, total: Expr): void {
    const { kept, value } = output;
    const { plan, layout } = this;
    const [{ row, coordinates }] = layout.places;
    const shape = value.type.shape.slice(1).filter((_, axis) => kept[axis] === undefined);
    const own = indexAt(kept, coordinates, delinear(shape, number));
    const parts = partsOf(plan, output);
    const folded = plan.outer.filter((slot) => !kept.includes(slot));
    const within = linear(
      folded.map((slot) => plan.extents[slot]),
      folded.map((slot) => coordinates[slot]),
    );
    const part = add(mul(within, u32(tilesOf(plan))), layout.tile);
    const index: Index = [row, t, ...(parts > 1 ? [part] : []), ...own];
    storeElement(this.block, this.context, this.resultAt(position), index, encode(total));
  }
}
