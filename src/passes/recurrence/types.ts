/** @file The central type of the recurrence analysis: what a loop's states do to each other, with the proof as data. */

import type { ValueId } from "../../ir/types.js";
import type { Access, Degree } from "./reading.js";

/**
 * delay: a next value reads no state of its group, or only further along an axis, so that nothing stays ·
 * linear-diagonal: s' = a ⊙ s + b, with a and b free of the group's states · linear-block: linear, and few elements
 * couple within a channel · linear-dense: s' = A s + b otherwise · pointwise: a next value reads the group's states at its own index
 * alone · coupled: the rest.
 */
export type RecurrenceClass = "delay" | "linear-diagonal" | "linear-block" | "linear-dense" | "pointwise" | "coupled";

/** The next value of state `next` reads state `state` in this way. */
export interface StateRead extends Access {
  readonly next: number;
}

/** Of A in s' = A s + b: the same at every step · a diagonal and a product through `rank` elements a channel · any. */
export type Matrix =
  | { readonly kind: "constant" }
  | { readonly kind: "low-rank"; readonly rank: number }
  | { readonly kind: "varying" };

export interface Proof {
  /** Of the next values in the group's states. Other states count as given. */
  readonly degree: Degree;
  /** Whether what multiplies the states differs from step to step. */
  readonly varies: boolean;
  /** Every way in which a next value of the group reads a state of the group. */
  readonly reads: readonly StateRead[];
  /** Elements that are coupled with each other in a channel: k of a k × k block. Infinite along a length. */
  readonly width: number;
  /** Of `linear-dense`. */
  readonly matrix?: Matrix;
  /** Of a `delay` that reads itself: the axis along which it moves. */
  readonly delay?: number;
}

export interface RecurrenceGroup {
  /** Positions in the loop, ascending. */
  readonly states: readonly number[];
  readonly class: RecurrenceClass;
  /**
   * For each of `states`, the axes (the batch's included) along which nothing is mixed: an element of a next value reads the
   * group's states only at its own index there. The i-th axis of one state goes with the i-th of every other.
   */
  readonly channelAxes: readonly (readonly number[])[];
  readonly proof: Proof;
}

export interface Recurrence {
  /** The results of the scan: last states, then stacked outputs. */
  readonly results: readonly ValueId[];
  /** In order of need: a group reads, of other states, those of groups before it. */
  readonly groups: readonly RecurrenceGroup[];
}
