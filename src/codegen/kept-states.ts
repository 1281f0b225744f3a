/** @file Where the states of loops lie between kernels, and within a chunk that is replayed: all channels of one number together. */

import { BATCH, type Instr } from "../ir/types.js";
import type { Block } from "./block.js";
import { add, type Expr, load, mul, planWord, u32 } from "./kernel-ir.js";
import type { LaneBody } from "./lane-body.js";
import type { ThreadPlace } from "./lane-places.js";
import { innerSize, type LanePlan } from "./lane-plan.js";

/** Elements that a channel has of some of a loop's states. */
export function statesSize(
  { attrs }: Instr<"scan">,
  plan: Pick<LanePlan, "states">,
  states: readonly number[],
): number {
  return states.reduce((n, state) => n + innerSize(attrs.body.params[state], plan.states[state]), 0);
}

export class KeptStates {
  /** @param perRow channels of a row. */
  constructor(
    readonly block: Block,
    readonly places: readonly ThreadPlace[],
    readonly perRow: number,
  ) {}

  /** Writes what a body holds of some states: entry `at` of the array at `base`. */
  write(body: LaneBody, states: readonly number[], base: Expr, at: Expr): void {
    const held = body.held();
    const size = statesSize(body.instr, body.plan, states);
    this.places.forEach((place, channel) => {
      this.block.guarded(place.valid, () => {
        let number = 0;
        body.elements.forEach((element, i) => {
          if (element.channel !== channel || !states.includes(element.state)) return;
          this.block.store("arena", this.#index(base, at, number++, size, place), held[i]);
        });
      });
    });
  }

  /** Reads what was written of all states that a body has. */
  read(body: LaneBody, base: Expr, at: Expr): readonly Expr[] {
    const size = body.elements.length / this.places.length;
    return body.elements.map(({ channel, number }) =>
      this.block.read(load("arena", this.#index(base, at, number, size, this.places[channel])), "kept"),
    );
  }

  #index(base: Expr, at: Expr, number: number, size: number, { row, channel }: ThreadPlace): Expr {
    const before = mul(add(mul(at, u32(size)), u32(number)), mul(planWord(BATCH), u32(this.perRow)));
    return add(add(base, before), add(mul(row, u32(this.perRow)), channel));
  }
}
