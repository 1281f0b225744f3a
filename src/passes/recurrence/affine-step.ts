/**
 * @file The step of a linear group as a matrix and an offset a channel, written as IR: s' = A s + b. The body is done again
 * with other arrays in place of the states: without its constant terms and with ones for A, with zeros for b.
 */

import type { Builder } from "../../ir/builder.js";
import { reads } from "../../ir/traverse.js";
import type { Instr, Op, Value, ValueId } from "../../ir/types.js";
import { invariant, present } from "../../support/assert.js";
import { uniformConstant } from "../constant.js";
import type { Loop } from "../loop.js";
import type { RecurrenceGroup } from "./types.js";

/** Which element of a channel: of a state, and its index on each axis of it that is no channel axis. */
export interface Coupled {
  readonly state: number;
  readonly place: readonly number[];
}

/**
 * All values have the shape of the group's channel axes in the first state's order: of a diagonal group, the state's own.
 * Undefined stands for zero.
 */
export interface AffineStep {
  /** The k elements of a channel; rows and columns follow this order. */
  readonly elements: readonly Coupled[];
  /** `matrix[i][j]`: what element j before the step adds to element i after it, for each unit. */
  readonly matrix: readonly (readonly (Value | undefined)[])[];
  readonly offset: readonly (Value | undefined)[];
}

/**
 * Adds to `b`, whose instructions stand behind those of the body, what computes the coefficients of a step. They read values of
 * the body that are free of the group's states: steps, captured values, states and next values of groups before.
 * @param group of class `linear-diagonal` or `linear-block`.
 */
export function affineStep(b: Builder, loop: Loop, group: RecurrenceGroup): AffineStep {
  const { states, channelAxes, proof } = group;
  const linear = proof.degree === "linear" || proof.degree === "affine";
  invariant(linear && Number.isFinite(proof.width), "recurrence", `no coefficients of a group that is ${group.class}`);
  const channel = channelAxes[0].map((axis) => loop.states[states[0]].previous.type.shape[axis]);
  const elements = states.flatMap((state, i) => placesOf(loop, state, channelAxes[i]));

  const at = (value: Value | undefined, { state, place }: Coupled): Value | undefined => {
    if (value === undefined) return undefined;
    const own = channelAxes[states.indexOf(state)];
    const others = value.type.shape.map((_, axis) => axis).filter((axis) => !own.includes(axis));
    const part = others.reduce((whole, axis, i) => b.slice(whole, axis, place[i], 1), value);
    const kept = own.toSorted((x, y) => x - y).map((axis) => own.indexOf(axis));
    return b.broadcast(b.reduce("sum", part, others), channel, kept);
  };
  const next = ({ state }: Coupled) => loop.states[state].next;
  const columns = elements.map((element) => {
    const { previous } = loop.states[element.state];
    const unit = unitOf(b, previous, channelAxes[states.indexOf(element.state)], element.place);
    const step = new Linearised(b, loop, states, { constants: false, given: new Map([[previous.id, unit]]) });
    return elements.map((row) => at(step.term(next(row)), row));
  });
  const still = new Linearised(b, loop, states, { constants: true, given: new Map() });
  return {
    elements,
    matrix: elements.map((_, i) => columns.map((column) => column[i])),
    offset: elements.map((row) => at(still.term(next(row)), row)),
  };
}

function placesOf(loop: Loop, state: number, own: readonly number[]): readonly Coupled[] {
  const extents = loop.states[state].previous.type.shape.filter((_, axis) => !own.includes(axis)).map(Number);
  const places = extents.reduce<readonly (readonly number[])[]>(
    (found, n) => found.flatMap((place) => Array.from({ length: n }, (_, i) => [...place, i])),
    [[]],
  );
  return places.map((place) => ({ state, place }));
}

/** One at a place of every channel, else zero. */
function unitOf(b: Builder, { type: { shape } }: Value, own: readonly number[], place: readonly number[]): Value {
  const others = shape.map((_, axis) => axis).filter((axis) => !own.includes(axis));
  if (others.length === 0) return b.fill(1, shape);
  return others
    .map((axis, i) => b.unary("to_f32", b.binary("eq", b.iota(shape, axis), b.constant(place[i], "i32"))))
    .reduce((product, mask) => b.binary("mul", product, mask));
}

interface At {
  /** Whether terms without a state count. */
  readonly constants: boolean;
  /** By the ids of the states' previous values; a state that is not there is zero. */
  readonly given: ReadonlyMap<ValueId, Value>;
}

/** The values of a body that depend linearly on some states, for given values of those. Undefined is zero. */
class Linearised {
  /** What depends on the states; all else is as it is in the body. */
  readonly #values = new Map<ValueId, Value | undefined>();

  constructor(
    readonly b: Builder,
    loop: Loop,
    states: readonly number[],
    readonly at: At,
  ) {
    for (const state of states) {
      const { id } = loop.states[state].previous;
      this.#values.set(id, at.given.get(id));
    }
    for (const instr of loop.instrs) {
      if (!reads(instr).some(({ id }) => this.#values.has(id))) continue;
      invariant(instr.op !== "scan", "recurrence", "a loop within a linear step");
      this.#values.set(instr.results[0].id, this.#apply(instr));
    }
  }

  /** As a term of a sum. */
  term(value: Value): Value | undefined {
    return this.#values.has(value.id) ? this.#values.get(value.id) : this.at.constants ? value : undefined;
  }

  #apply(instr: Instr): Value | undefined {
    const { b } = this;
    const { op, args, results } = instr;
    const zeros = ({ type }: Value) => b.fill(0, type.shape);
    switch (op) {
      case "add":
      case "sub": {
        const [x, y] = args.map((arg) => this.term(arg));
        if (y === undefined) return x;
        if (x === undefined) return op === "sub" ? b.unary("neg", y) : y;
        return b.binary(op, x, y);
      }
      case "select":
      case "concat": {
        const [fixed, terms] = op === "select" ? [args.slice(0, 1), args.slice(1)] : [[], args];
        const found = terms.map((arg) => this.term(arg));
        if (found.every((term) => term === undefined)) return undefined;
        return this.#emit(instr, [...fixed, ...found.map((term, i) => term ?? zeros(terms[i]))]);
      }
      case "shift": {
        const attrs = this.at.constants ? instr.attrs : { ...instr.attrs, fill: 0 };
        const term = this.term(args[0]);
        if (term === undefined && attrs.fill === 0) return undefined;
        return b.op("shift", attrs, [term ?? zeros(args[0])], results[0].hint);
      }
      default: {
        // Linear in the one argument that depends on the states.
        const factors = args.map((arg) => (this.#values.has(arg.id) ? this.#values.get(arg.id) : arg));
        if (factors.includes(undefined)) return undefined;
        const [x, y] = factors.map((factor) => present(factor, "recurrence", "a factor"));
        if (op === "mul" && this.#isOne(x)) return y;
        if (op === "mul" && this.#isOne(y)) return x;
        return this.#emit(instr, y === undefined ? [x] : [x, y]);
      }
    }
  }

  #emit(instr: Instr, args: readonly Value[]): Value {
    return this.b.op<Op>(instr.op, instr.attrs, args, instr.results[0].hint);
  }

  #isOne(value: Value): boolean {
    return uniformConstant(value, (id) => this.b.instrs.findLast((by) => by.results[0].id === id)) === 1;
  }
}
