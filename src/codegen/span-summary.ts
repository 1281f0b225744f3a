/**
 * @file What a span does to the states of some channels, s ↦ A s + b, as a thread finds it that goes through the span's
 * steps: b from a state of zeros, A as the product of the steps' matrices.
 */

import { BATCH, SPANS } from "../../runtime/manifest.js";
import { present } from "../support/assert.js";
import type { Block } from "./block.js";
import { add, call, type Expr, f32, infix, mul, planWord, u32 } from "./kernel-ir.js";
import type { LaneBody, LaneResult } from "./lane-body.js";
import { indexAt, productOf } from "./lane-plan.js";
import { type Index, keyOfIndex, linear } from "./scalarize.js";
import type { SpanGroup } from "./span-plan.js";

/** Beyond this a product of factors stays where it is: what it is multiplied with may be zero. */
const LARGEST = 3e38;

/** Where the numbers of a group's spans lie: entries one after another, each with all channels of all rows. */
export class SpanNumbers {
  /** The shape of the memory. */
  static shape({ channels, width }: SpanGroup): readonly (string | number)[] {
    return [BATCH, SPANS, ...channels, width * (width + 1)];
  }

  constructor(
    readonly group: SpanGroup,
    readonly base: Expr,
  ) {}

  /** b, and in its place, once that is known, the state at the span's start. @param channel the row, then the places. */
  start(span: Expr, channel: Index, element: number): Expr {
    return this.#place(span, channel, element);
  }

  factor(span: Expr, channel: Index, row: number, column: number): Expr {
    const { width } = this.group;
    return this.#place(span, channel, width + row * width + column);
  }

  #place(span: Expr, [row, ...places]: Index, entry: number): Expr {
    const { channels, width } = this.group;
    const perRow = productOf(channels);
    const before = add(mul(span, u32(width * (width + 1))), u32(entry));
    const own = add(mul(row, u32(perRow)), linear(channels, places));
    return add(this.base, add(mul(before, mul(planWord(BATCH), u32(perRow))), own));
  }
}

/** The channel of the group to which an element of one of its states belongs, the row first. @param state within the group. */
export function channelOf({ channels, plan }: SpanGroup, state: number, [row, ...places]: Index): Index {
  return [row, ...channels.map((_, slot) => places[plan.states[state].indexOf(slot)])];
}

interface Channel {
  readonly index: Index;
  readonly factors: readonly (readonly Expr[])[];
}

export class SpanSummary {
  readonly #channels = new Map<string, Channel>();

  /** @param body of `group.instr`, whose results are the elements of a step's matrix. */
  constructor(
    readonly block: Block,
    readonly body: LaneBody,
    readonly numbers: SpanNumbers,
  ) {}

  /** Makes the registers. */
  start(): void {
    this.body.start(() => f32(0));
    const { width } = this.numbers.group;
    for (const { state, index } of this.body.elements) {
      const channel = channelOf(this.numbers.group, state, index);
      const key = keyOfIndex(channel);
      if (this.#channels.has(key)) continue;
      const factors = Array.from({ length: width }, (_, i) =>
        Array.from({ length: width }, (_, j) => this.block.variable(f32(i === j ? 1 : 0), "factor")),
      );
      this.#channels.set(key, { index: channel, factors });
    }
  }

  /** @param results of the body's step: A of the step, which joins that of the steps before. */
  step(results: readonly LaneResult[]): void {
    const { entries } = this.numbers.group;
    const matrix = new Map<string, Expr>();
    for (const { output, position, inner, values } of results) {
      this.body.places.forEach(({ row, coordinates }, i) => {
        const channel = [row, ...indexAt(output.kept, coordinates, inner)];
        matrix.set(`${keyOfIndex(channel)}:${entries[position]}`, values[i]);
      });
    }
    for (const [key, { factors }] of this.#channels) {
      const before = factors.map((row) => row.map((held) => this.block.snapshot(held, "factor")));
      factors.forEach((row, i) => {
        row.forEach((held, j) => {
          const terms = before.flatMap((column, l) => {
            const factor = matrix.get(`${key}:${[i, l]}`);
            return factor === undefined ? [] : [infix("*", factor, column[j])];
          });
          const sum = terms.length === 0 ? f32(0) : terms.reduce((a, b) => add(a, b));
          this.block.assign(held, call("clamp", "f32", sum, f32(-LARGEST), f32(LARGEST)));
        });
      });
    }
  }

  store(span: Expr): void {
    const held = this.body.held();
    const counts = new Map<string, number>();
    this.body.elements.forEach(({ state, index }, i) => {
      const channel = channelOf(this.numbers.group, state, index);
      const element = counts.get(keyOfIndex(channel)) ?? 0;
      counts.set(keyOfIndex(channel), element + 1);
      this.block.store("arena", this.numbers.start(span, channel, element), held[i]);
    });
    for (const { index, factors } of this.#channels.values()) {
      factors.forEach((row, i) => {
        row.forEach((factor, j) => {
          this.block.store("arena", this.numbers.factor(span, index, i, j), factor);
        });
      });
    }
  }
}

/** The number of an element among those of its channel. @param inner its places along the axes that are no channel's. */
export function elementOf(group: SpanGroup, state: number, inner: Index): number {
  const key = (own: number, places: Index) => `${own}:${keyOfIndex(places)}`;
  const names = group.elements.map((element) => key(element.state, element.inner));
  const number = names.indexOf(key(state, inner));
  return present(number < 0 ? undefined : number, "span-summary", "an element of a channel");
}
