/**
 * @file The steps of one loop as a single thread does them that owns a channel of a row, or several: states in registers,
 * a step written out for each of their elements. A kernel has one such body, or two: a reverse loop that replays the
 * forward one.
 */

import { stackAxis } from "../ir/builder.js";
import type { Dim, Instr, Value, ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import type { Block } from "./block.js";
import type { Expr } from "./kernel-ir.js";
import { indexAt, type LaneOutput, type LanePlan, type Placement } from "./lane-plan.js";
import { accumulation, type Element, type Index, keyOfIndex, places, type Scalarizer } from "./scalarize.js";

/** A channel: its row of the batch, and its place along each slot. */
export interface LanePlace {
  readonly row: Expr;
  readonly coordinates: readonly Expr[];
}

/** An element of a state that the thread has. */
export interface LaneElement {
  readonly state: number;
  /** The number of the channel among the thread's, and that of the element among the channel's. */
  readonly channel: number;
  readonly number: number;
  /** Places along the axes without a slot, in order. */
  readonly inner: Index;
  /** Its place in the state, the row first. */
  readonly index: Index;
}

/** A result of the step at one place of the axes that the thread has whole. */
export interface LaneResult {
  readonly output: LaneOutput;
  /** Its number among the results of the loop. */
  readonly position: number;
  /** Places along the axes without a slot, in order. */
  readonly inner: Index;
  /** For each of the thread's channels; of a sum over channels the part of each. */
  readonly values: readonly Expr[];
}

export class LaneBody {
  readonly states: readonly Value[];
  readonly own: ReadonlySet<ValueId>;
  /** The states' elements that the thread has, channel by channel. */
  readonly elements: readonly LaneElement[];
  readonly #registers = new Map<string, Expr>();
  readonly #now = new Map<string, Expr>();
  readonly #sequences: ReadonlyMap<ValueId, Value>;
  #time: Expr | undefined;

  /**
   * @param places the thread's channels.
   * @param needed numbers of the states that are computed.
   */
  constructor(
    readonly instr: Instr<"scan">,
    readonly plan: Pick<LanePlan, "states" | "outputs">,
    readonly places: readonly LanePlace[],
    readonly block: Block,
    needed: readonly number[] = plan.states.map((_, state) => state),
  ) {
    const { body, states } = instr.attrs;
    this.states = body.params.slice(0, states);
    this.own = new Set([...body.params, ...body.instrs.flatMap((i) => i.results)].map((v) => v.id));
    this.#sequences = new Map(body.params.slice(states).map((p, i) => [p.id, instr.args[states + i]]));
    this.elements = places.flatMap((place, channel) =>
      needed
        .flatMap((state) =>
          innerIndices(this.states[state].type.shape.slice(1), plan.states[state]).map((inner) => ({ state, inner })),
        )
        .map(({ state, inner }, number) => ({
          state,
          channel,
          number,
          inner,
          index: at(place, plan.states[state], inner),
        })),
    );
  }

  /** Where an element of the body is; undefined if it is computed, or none of the body's. */
  locate(scalars: Scalarizer, { value, index }: Element): Expr | undefined {
    const sequence = this.#sequences.get(value.id);
    if (sequence !== undefined) {
      const t = present(this.#time, "lane-body", "step");
      const axis = stackAxis(value.type);
      return scalars.at({ value: sequence, index: [...index.slice(0, axis), t, ...index.slice(axis)] });
    }
    const state = this.states.findIndex(({ id }) => id === value.id);
    if (state < 0) return undefined;
    return present(this.#now.get(register(state, index)), "lane-body", "the register of a state");
  }

  /** Makes the registers. */
  start(initial: (state: number, index: Index) => Expr): void {
    for (const { state, index } of this.elements) {
      const held = this.block.variable(initial(state, index), this.states[state].hint ?? "state");
      this.#registers.set(register(state, index), held);
    }
  }

  /** Sets the registers anew, in the order of `elements`. */
  restart(values: readonly Expr[]): void {
    this.elements.forEach(({ state, index }, i) => {
      this.block.assign(this.#register(state, index), values[i]);
    });
  }

  /** What the registers hold, in the order of `elements`. */
  held(): readonly Expr[] {
    return this.elements.map(({ state, index }) => this.#register(state, index));
  }

  #register(state: number, index: Index): Expr {
    return present(this.#registers.get(register(state, index)), "lane-body", "a register");
  }

  /** Does step `t`; gives those of the loop's results that are wanted. */
  step(scalars: Scalarizer, t: Expr, wanted: (position: number) => boolean): readonly LaneResult[] {
    this.#time = t;
    // Named at the start of the step, since the registers change within it.
    for (const [key, held] of this.#registers) this.#now.set(key, this.block.snapshot(held, "now"));
    const { body } = this.instr.attrs;
    const nexts = this.elements.map(({ state, index }) => {
      return { state, index, value: scalars.at({ value: body.results[state], index }) };
    });
    const results = this.plan.outputs.flatMap((output, position) =>
      wanted(position) ? this.#results(scalars, output, position) : [],
    );
    for (const { state, index, value } of nexts) this.block.assign(this.#register(state, index), value);
    this.#time = undefined;
    return results;
  }

  #results(scalars: Scalarizer, output: LaneOutput, position: number): readonly LaneResult[] {
    const { value, kept, sum } = output;
    return innerIndices(value.type.shape.slice(1), kept).map((inner) => {
      const values = this.places.map((place) => {
        const index = at(place, kept, inner);
        if (sum === undefined) return scalars.at({ value, index });
        const { dims, factors } = accumulation(sum.instr);
        const terms = innerIndices(dims, sum.summed).map((summed) =>
          scalars.product(factors(index, indexAt(sum.summed, place.coordinates, summed))),
        );
        return scalars.joined("sum", terms, value.hint ?? "part");
      });
      return { output, position, inner, values };
    });
  }
}

const at = ({ row, coordinates }: LanePlace, placement: Placement, inner: Index): Index => [
  row,
  ...indexAt(placement, coordinates, inner),
];

const register = (state: number, index: Index): string => `${state}[${keyOfIndex(index)}]`;

/** All places along the axes without a slot, row-major. */
export function innerIndices(shape: readonly Dim[], placement: Placement): readonly Index[] {
  return places(shape.filter((_, axis) => placement[axis] === undefined));
}
