/**
 * @file The steps of one loop as a single thread does them that owns a channel of a row: states in registers, a step
 * written out for each of their elements. A kernel has one such body, or two: a reverse loop that replays the forward one.
 */

import { stackAxis } from "../ir/builder.js";
import type { Dim, Instr, Value, ValueId } from "../ir/types.js";
import { invariant, present } from "../support/assert.js";
import type { Block } from "./block.js";
import { type Expr, keyOf } from "./kernel-ir.js";
import { indexAt, type LaneOutput, type LanePlan, type Placement } from "./lane-plan.js";
import { accumulation, type Element, type Index, places, type Scalarizer } from "./scalarize.js";

/** A thread's place: its row of the batch, and its place along each slot. */
export interface LanePlace {
  readonly row: Expr;
  readonly coordinates: readonly Expr[];
}

/** A result of the step at one place of the axes that the thread has whole. */
export interface LaneResult {
  readonly output: LaneOutput;
  /** Its number among the results of the loop. */
  readonly position: number;
  /** Places along the axes without a slot, in order. */
  readonly inner: Index;
  readonly value: Expr;
}

export class LaneBody {
  readonly states: readonly Value[];
  readonly own: ReadonlySet<ValueId>;
  readonly #registers = new Map<string, Expr>();
  readonly #now = new Map<string, Expr>();
  readonly #sequences: ReadonlyMap<ValueId, Value>;
  #time: Expr | undefined;

  constructor(
    readonly instr: Instr<"scan">,
    readonly plan: Pick<LanePlan, "states" | "outputs">,
    readonly place: LanePlace,
    readonly block: Block,
  ) {
    const { body, states } = instr.attrs;
    this.states = body.params.slice(0, states);
    this.own = new Set([...body.params, ...body.instrs.flatMap((i) => i.results)].map((v) => v.id));
    this.#sequences = new Map(body.params.slice(states).map((p, i) => [p.id, instr.args[states + i]]));
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
    const inner = index.slice(1).filter((_, axis) => this.plan.states[state][axis] === undefined);
    return present(this.#now.get(register(state, inner)), "lane-body", "the register of a state");
  }

  /** The states' elements that the thread has, in order. */
  elements(): readonly { readonly state: number; readonly inner: Index; readonly index: Index }[] {
    return this.states.flatMap((value, state) =>
      innerIndices(value.type.shape.slice(1), this.plan.states[state]).map((inner) => ({
        state,
        inner,
        index: this.#at(this.plan.states[state], inner),
      })),
    );
  }

  #at(placement: Placement, inner: Index): Index {
    return [this.place.row, ...indexAt(placement, this.place.coordinates, inner)];
  }

  /** Makes the registers. */
  start(initial: (state: number, index: Index, position: number) => Expr): void {
    this.elements().forEach(({ state, inner, index }, position) => {
      const held = this.block.variable(initial(state, index, position), this.states[state].hint ?? "state");
      this.#registers.set(register(state, inner), held);
    });
  }

  /** Sets the registers anew. */
  restart(value: (position: number) => Expr): void {
    this.elements().forEach(({ state, inner }, position) => {
      this.block.assign(this.#register(state, inner), value(position));
    });
  }

  /** What the registers hold, in the order of `elements`. */
  held(): readonly Expr[] {
    return this.elements().map(({ state, inner }) => this.#register(state, inner));
  }

  #register(state: number, inner: Index): Expr {
    return present(this.#registers.get(register(state, inner)), "lane-body", "a register");
  }

  /** Does step `t`; gives those of the loop's results that are wanted. */
  step(scalars: Scalarizer, t: Expr, wanted: (position: number) => boolean): readonly LaneResult[] {
    this.#time = t;
    // Named at the start of the step, since the registers change within it.
    for (const [key, held] of this.#registers) this.#now.set(key, this.block.snapshot(held, "now"));
    const { body } = this.instr.attrs;
    const nexts = this.elements().map(({ state, inner, index }) => {
      return { state, inner, value: scalars.at({ value: body.results[state], index }) };
    });
    const results = this.plan.outputs.flatMap((output, position) =>
      wanted(position) ? this.#results(scalars, output, position) : [],
    );
    for (const { state, inner, value } of nexts) this.block.assign(this.#register(state, inner), value);
    this.#time = undefined;
    return results;
  }

  #results(scalars: Scalarizer, output: LaneOutput, position: number): readonly LaneResult[] {
    const { value, kept, sum } = output;
    return innerIndices(value.type.shape.slice(1), kept).map((inner) => {
      const index = this.#at(kept, inner);
      if (sum === undefined) return { output, position, inner, value: scalars.at({ value, index }) };
      const { dims, factors } = accumulation(sum.instr);
      const terms = innerIndices(dims, sum.summed).map((summed) =>
        scalars.product(factors(index, indexAt(sum.summed, this.place.coordinates, summed))),
      );
      return { output, position, inner, value: scalars.joined("sum", terms, value.hint ?? "part") };
    });
  }
}

const register = (state: number, inner: Index): string => {
  invariant(
    inner.every((e) => e.kind === "literal"),
    "lane-body",
    `state ${state} is read at a place known only as it runs`,
  );
  return `${state}[${inner.map(keyOf).join(",")}]`;
};

/** All places along the axes without a slot, row-major. */
export function innerIndices(shape: readonly Dim[], placement: Placement): readonly Index[] {
  return places(shape.filter((_, axis) => placement[axis] === undefined));
}
