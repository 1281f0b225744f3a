/**
 * @file The time loop with a channel a thread (see lane-plan.ts). No thread waits for another, but where sums over
 * channels are results: then each step's parts meet in workgroup memory, in two copies in turn, so that one barrier a
 * step suffices.
 *
 * A forward loop that a reverse one replays (replay.ts) writes its states at the start of each chunk. The reverse loop
 * goes through the chunks from the last to the first: it runs the forward loop from the chunk's start, keeps the states
 * of these few steps, and then goes back over them.
 */

import { SPANS } from "../../runtime/manifest.js";
import { BATCH, type Instr, type Value } from "../ir/types.js";
import { present } from "../support/assert.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, storeElement } from "./context.js";
import {
  add,
  call,
  type Expr,
  f32,
  GROUP,
  infix,
  type Kernel,
  load,
  mul,
  planWord,
  same,
  THREAD,
  u32,
  type WorkgroupArray,
} from "./kernel-ir.js";
import { LaneBody, type LanePlace, type LaneResult } from "./lane-body.js";
import { addedElements, heldBy, indexAt, type LanePlan, partsOf, productOf, stackOf, tilesOf } from "./lane-plan.js";
import { CHUNK, type Replay } from "./replay.js";
import { delinear, type Element, encode, type Index, linear, type Place, Scalarizer } from "./scalarize.js";
import {
  aroundSpans,
  overSteps,
  partPlace,
  type Range,
  rangeOf,
  readBySummary,
  type SpanForm,
  spanForm,
  startOf,
} from "./span-kernel.js";
import type { Spans } from "./span-plan.js";
import { sameIndex } from "./walk.js";

/** Parts that a thread adds up at a time. */
const UNROLL = 8;

const minus = (a: Expr, b: Expr) => infix("-", a, b);
const least = (a: Expr, b: Expr) => call("min", "u32", a, b);

export interface LaneOptions {
  readonly plan: LanePlan;
  /** Offset in the arena of the states at the chunks' starts: written by a forward loop, read by its reverse. */
  readonly starts?: Expr;
  readonly replay?: Replay;
  readonly spans: Spans;
  /** With `replay`: where each channel, of each span, keeps the states of a chunk. */
  readonly slab?: Expr;
}

/** The loop step by step, and, where it can be, cut into spans. */
export function laneKernels(
  name: string,
  instr: Instr<"scan">,
  options: LaneOptions,
  context: KernelContext,
): readonly Kernel[] {
  const { plan, starts, replay } = options;
  const spans = cuttable(instr, options, context);
  const cut = "serial" in spans ? [] : [SPANS];
  const slab =
    replay &&
    context.scratch("replayed", [BATCH, ...cut, productOf(plan.extents), heldBy(replay.forward, replay.plan), CHUNK]);
  const own = { ...options, spans, ...(slab && { slab }) };
  const serial = new LaneEmitter(name, instr, own, context).kernel();
  if ("serial" in spans) return [serial];
  const unit = starts === undefined ? 1 : CHUNK;
  const form = spanForm(spans, plan, instr, context);
  const spanned = new LaneEmitter(`${name}_spans`, instr, own, context, form).kernel();
  const around = aroundSpans(name, instr, plan, form, unit, context);
  return [serial, { ...spanned, ...around, spans: { length: instr.attrs.length, unit } }];
}

/** What a span does has to be known before the states are that it would compute again. */
function cuttable(instr: Instr<"scan">, { spans, replay }: LaneOptions, context: KernelContext): Spans {
  if (replay === undefined || "serial" in spans) return spans;
  const { forward, again } = replay;
  const gone = new Set(again.map((i) => forward.results[forward.attrs.states + i].id));
  const read = readBySummary(spans);
  const { body, states } = instr.attrs;
  const reads = body.params
    .slice(states)
    .some(({ id }, i) => read.has(id) && gone.has(stackOf(instr.args[states + i], context.definitions).id));
  return reads ? { serial: "what it reads of the other loop is computed again" } : spans;
}

class LaneEmitter {
  readonly #block = new Block();
  readonly #arrays: WorkgroupArray[] = [];
  readonly #scalars: Scalarizer;
  readonly #body: LaneBody;
  readonly #forward: LaneBody | undefined;
  readonly #place: LanePlace;
  readonly #valid: Expr;
  /** Number of the thread's channel among all of a row, and how many there are in the whole batch. */
  readonly #channel: Expr;
  readonly #channels: Expr;
  readonly #tile: Expr;
  readonly #span: Expr;
  readonly #added: number;
  readonly #plan: LanePlan;
  /** At the step at hand: the forward loop's states before and after it. */
  #replayed: { readonly t: Expr; readonly before: readonly Expr[]; readonly after: readonly Expr[] } | undefined;

  constructor(
    readonly name: string,
    readonly instr: Instr<"scan">,
    readonly options: LaneOptions,
    readonly context: KernelContext,
    readonly form?: SpanForm,
  ) {
    const { plan, replay } = options;
    const block = this.#block;
    this.#plan = plan;
    this.#added = addedElements(plan.outputs);
    const { extents, outer, lanes, workgroupSize } = plan;
    const perRow = productOf(extents);
    this.#channels = mul(planWord(BATCH), u32(perRow));
    // Spans are numbered before all else, so that a workgroup that waits at barriers has one.
    const divided = (all: Expr, each: Expr): readonly [span: Expr, rest: Expr] =>
      form === undefined
        ? [u32(0), all]
        : [block.let(infix("/", all, each), "span"), block.let(infix("%", all, each), "rest")];
    const coordinates: Expr[] = [];
    let row: Expr;
    if (this.#added === 0) {
      const channel = block.let(add(mul(GROUP, u32(workgroupSize)), THREAD), "channel");
      const all = form === undefined ? this.#channels : mul(this.#channels, planWord(SPANS));
      this.#valid = block.let(infix("<", channel, all), "valid");
      // Threads past the end compute what the last one does and store nothing.
      const inside = block.let(least(channel, minus(all, u32(1))), "channel");
      const [span, within] = divided(inside, this.#channels);
      this.#span = span;
      row = block.let(infix("/", within, u32(perRow)), "row");
      this.#channel = block.let(infix("%", within, u32(perRow)), "place");
      delinear(extents, this.#channel).forEach((e, slot) => {
        coordinates[slot] = block.let(e, "c");
      });
      this.#tile = u32(0);
    } else {
      const along = productOf(lanes.map((slot) => extents[slot]));
      const tiles = tilesOf(plan);
      const around = outer.map((slot) => extents[slot]);
      const [span, own] = divided(GROUP, mul(planWord(BATCH), u32(productOf(around) * tiles)));
      this.#span = span;
      const lane = block.let(add(mul(infix("%", own, u32(tiles)), u32(workgroupSize)), THREAD), "lane");
      this.#valid = block.let(infix("<", lane, u32(along)), "valid");
      const within = block.let(least(lane, u32(along - 1)), "lane");
      const group = block.let(infix("/", own, u32(tiles)), "outer");
      row = block.let(infix("/", group, u32(productOf(around))), "row");
      const places = delinear(around, block.let(infix("%", group, u32(productOf(around))), "outer"));
      outer.forEach((slot, i) => {
        coordinates[slot] = block.let(places[i], "c");
      });
      delinear(
        lanes.map((slot) => extents[slot]),
        within,
      ).forEach((e, i) => {
        coordinates[lanes[i]] = block.let(e, "c");
      });
      this.#channel = block.let(linear(extents, coordinates), "place");
      this.#tile = infix("%", own, u32(tiles));
    }
    this.#place = { row, coordinates };
    this.#body = new LaneBody(instr, plan, this.#place, block);
    this.#forward =
      replay &&
      new LaneBody(replay.forward, replay.plan, { row, coordinates: replay.slots.map((s) => coordinates[s]) }, block);

    const bodies = [this.#body, ...(this.#forward ? [this.#forward] : [])];
    const outside = located(context, new Set(bodies.flatMap((body) => [...body.own])));
    this.#scalars = new Scalarizer(
      block,
      context.definitions,
      (element): Place | Expr | undefined => {
        for (const body of bodies) {
          const found = body.locate(this.#scalars, element);
          if (found !== undefined) return found;
        }
        return this.#again(element) ?? outside(element);
      },
      true,
    );
  }

  kernel(): Kernel {
    const { instr, options } = this;
    const steps = planWord(instr.attrs.length);
    if (options.replay !== undefined) this.#replay(steps);
    else {
      this.#start();
      if (options.starts === undefined) {
        overSteps(this.#block, instr, 1, this.#range(1), (t) => this.#step(t));
      } else {
        this.#chunks(false, steps, (first, length, chunk) => {
          this.#keep(this.#body, present(options.starts, "lane-kernel", "starts"), chunk);
          this.#block.loop("k", length, (k) => this.#step(this.#block.let(add(first, k), "t")));
        });
      }
    }
    this.#finish();
    const { plan } = options;
    const around = productOf(plan.outer.map((slot) => plan.extents[slot]));
    const spanned = this.form === undefined ? [] : [SPANS];
    return {
      name: this.name,
      comment: this.#comment(),
      layout: "step",
      workgroupSize: plan.workgroupSize,
      arrays: this.#arrays,
      groups:
        this.#added === 0
          ? [[count([BATCH, ...spanned, productOf(plan.extents)], plan.workgroupSize)]]
          : [[count([BATCH, ...spanned, around * tilesOf(plan)])]],
      body: this.#block.stmts,
    };
  }

  #comment(): string {
    const { attrs } = this.instr;
    const states = this.#body.states.map((s) => s.hint ?? `%${s.id}`).join(", ");
    const chunks = this.options.replay === undefined ? "" : `; replays the forward loop ${CHUNK} steps at a time`;
    const added = this.#added === 0 ? "" : `; adds up ${this.#added} sums a step`;
    return `scan${attrs.reverse ? " reverse" : ""} over ${attrs.length}: states ${states}; a channel${this.form ? " and span" : ""} a thread${chunks}${added}${this.#why()}`;
  }

  /** Why the loop goes step by step, or that it need not. */
  #why(): string {
    const { spans } = this.options;
    return "serial" in spans ? `; step by step, since ${spans.serial}` : "";
  }

  /** The blocks of `unit` steps that this thread goes through. */
  #range(unit: number): Range {
    if (this.form !== undefined) return rangeOf(this.#block, this.instr, unit, this.#span);
    const steps = planWord(this.instr.attrs.length);
    return { low: u32(0), high: this.#block.let(infix("/", add(steps, u32(unit - 1)), u32(unit)), "units") };
  }

  #start(): void {
    const { form, instr } = this;
    this.#body.start((state, index) => {
      const known = form && startOf(form, state, index, this.#span);
      if (known !== undefined) return known;
      const initial = this.#scalars.at({ value: instr.args[state], index });
      return form === undefined ? initial : call("select", "f32", f32(0), initial, infix("==", this.#span, u32(0)));
    });
  }

  /** The chunks in the forward loop's order, or against it. */
  #chunks(backwards: boolean, steps: Expr, body: (first: Expr, length: Expr, chunk: Expr) => void): void {
    const block = this.#block;
    const { low, high } = this.#range(CHUNK);
    block.loop("chunk", minus(high, low), (n) => {
      const chunk = block.let(backwards ? minus(minus(high, u32(1)), n) : add(low, n), "chunk");
      const first = block.let(mul(chunk, u32(CHUNK)), "first");
      body(first, block.let(least(minus(steps, first), u32(CHUNK)), "length"), chunk);
    });
  }

  /** Where element `position` of all that a thread holds lies in a block of such arrays. */
  #own(base: Expr, place: Expr, position: number, held: number): Expr {
    const row = add(mul(place, u32(held)), u32(position));
    const channel = add(mul(this.#place.row, u32(productOf(this.#plan.extents))), this.#channel);
    return add(add(base, mul(row, this.#channels)), channel);
  }

  /** Writes the states that a loop stands at to a block of such arrays. */
  #keep(body: LaneBody, base: Expr, place: Expr): void {
    const held = body.held();
    this.#block.if(this.#valid, () => {
      held.forEach((value, i) => {
        this.#block.store("arena", this.#own(base, place, i, held.length), value);
      });
    });
  }

  /** A reverse loop over a forward one that is run again, chunk by chunk. */
  #replay(steps: Expr): void {
    const block = this.#block;
    const forward = present(this.#forward, "lane-kernel", "the forward loop");
    const starts = present(this.options.starts, "lane-kernel", "starts");
    const slab = present(this.options.slab, "lane-kernel", "slab");
    const elements = forward.elements().length;
    const kept = (k: Expr) => add(mul(this.#span, u32(CHUNK)), k);
    this.#start();
    forward.start(() => f32(0));
    this.#chunks(true, steps, (first, length, chunk) => {
      forward.restart((i) => block.read(load("arena", this.#own(starts, chunk, i, elements)), "start"));
      block.loop("k", length, (k) => {
        this.#keep(forward, slab, kept(k));
        forward.step(this.#scalars, block.let(add(first, k), "t"), () => false);
      });
      // The registers of the forward loop now hold what stood after the step, and are set back one step at a time.
      block.loop("k", length, (k) => {
        const slot = block.let(minus(minus(length, u32(1)), k), "slot");
        const t = block.let(add(first, slot), "t");
        const before = forward
          .elements()
          .map((_, i) => block.read(load("arena", this.#own(slab, kept(slot), i, elements)), "before"));
        this.#replayed = { t, before, after: forward.held().map((held) => block.snapshot(held, "after")) };
        this.#step(t);
        this.#replayed = undefined;
        forward.restart((i) => before[i]);
      });
    });
  }

  /** An element of what the forward loop would have written, at the step at hand or the one before. */
  #again({ value, index }: Element): Expr | undefined {
    const { replay } = this.options;
    if (replay === undefined || this.#replayed === undefined) return undefined;
    const { forward, plan, again } = replay;
    const output = again.find((i) => forward.results[forward.attrs.states + i].id === value.id);
    if (output === undefined) return undefined;
    const { t, before, after } = this.#replayed;
    const state = forward.attrs.body.results.findIndex(({ id }) => id === plan.outputs[output].value.id);
    const elements = present(this.#forward, "lane-kernel", "the forward loop").elements();
    const [, step, ...own] = index;
    const places = own.filter((_, axis) => plan.states[state][axis] === undefined);
    const position = elements.findIndex((e) => e.state === state && sameIndex(e.inner, places));
    return (same(step, t) ? after : before)[position];
  }

  #step(t: Expr): void {
    const results = this.#body.step(this.#scalars, t, (position) => this.#isWritten(position));
    this.#block.if(this.#valid, () => {
      for (const result of results) if (result.output.sum === undefined) this.#store(result, t);
    });
    this.#addUp(
      results.filter(({ output }) => output.sum !== undefined),
      t,
    );
  }

  #result(position: number): Value {
    return this.instr.results[this.instr.attrs.states + position];
  }

  #isWritten(position: number): boolean {
    return this.context.writeAddresses(this.#result(position)).length > 0;
  }

  #store({ output, position, inner, value }: LaneResult, t: Expr): void {
    const own = indexAt(output.kept, this.#place.coordinates, inner);
    storeElement(this.#block, this.context, this.#result(position), [this.#place.row, t, ...own], value);
  }

  /** Sums over the threads of a workgroup: each part is written, then a thread adds up those of one sum. */
  #addUp(parts: readonly LaneResult[], t: Expr): void {
    if (parts.length === 0) return;
    const block = this.#block;
    const { workgroupSize, copies } = this.#plan;
    const memory = `${this.name}_parts`;
    if (this.#arrays.length === 0) this.#arrays.push({ name: memory, size: copies * parts.length * workgroupSize });
    const copy = block.let(mul(infix("%", t, u32(copies)), u32(parts.length)), "copy");
    // Each sum's parts are turned by its number, so that threads that add up different sums read different banks.
    const at = (sum: Expr, lane: Expr) =>
      add(mul(add(copy, sum), u32(workgroupSize)), infix("%", add(lane, sum), u32(workgroupSize)));
    parts.forEach(({ value }, i) => {
      const part = call("select", "f32", f32(0), value, this.#valid);
      block.store(memory, at(u32(i), THREAD), part);
    });
    block.barrier(false);
    block.loop(
      "sum",
      u32(parts.length),
      (sum) => {
        const total = block.variable(f32(0), "total");
        block.loop(
          "lane",
          u32(workgroupSize),
          (lane) => {
            for (let i = 0; i < UNROLL; i++) {
              block.assign(total, infix("+", total, load(memory, at(sum, add(lane, u32(i))))));
            }
          },
          u32(0),
          u32(UNROLL),
        );
        let first = 0;
        for (const group of byPosition(parts)) {
          const inside = infix("&&", infix(">=", sum, u32(first)), infix("<", sum, u32(first + group.length)));
          const number = minus(sum, u32(first));
          block.if(inside, () => this.#storeSum(group[0], number, t, total));
          first += group.length;
        }
      },
      THREAD,
      u32(workgroupSize),
    );
    if (copies === 1) block.barrier(false);
  }

  /** @param number of the sum among those of its result. */
  #storeSum({ output, position }: LaneResult, number: Expr, t: Expr, total: Expr): void {
    const { kept, value } = output;
    const shape = value.type.shape.slice(1).filter((_, axis) => kept[axis] === undefined);
    const own = indexAt(kept, this.#place.coordinates, delinear(shape, number));
    const parts = partsOf(this.#plan, output);
    const folded = this.#plan.outer.filter((slot) => !kept.includes(slot));
    const part = add(
      mul(
        linear(
          folded.map((slot) => this.#plan.extents[slot]),
          folded.map((slot) => this.#place.coordinates[slot]),
        ),
        u32(tilesOf(this.#plan)),
      ),
      this.#tile,
    );
    const index: Index = [this.#place.row, t, ...(parts > 1 ? [part] : []), ...own];
    storeElement(this.#block, this.context, this.#result(position), index, encode(total));
  }

  /** Writes the last states that somebody reads; of those that only add up, each span's part. */
  #finish(): void {
    const { form, instr } = this;
    const held = this.#body.held().map((value, i) => ({ value, ...this.#body.elements()[i] }));
    const totals = held.filter(({ state }) => form?.plan.totals.includes(state));
    const last = held.filter(({ state }) => !form?.plan.totals.includes(state));
    const block = this.#block;
    block.if(this.#valid, () => {
      totals.forEach(({ value }, i) => {
        const parts = present(form?.parts, "lane-kernel", "parts");
        const { row, coordinates } = this.#place;
        block.store("arena", partPlace(parts, this.#plan, totals.length, this.#span, i, row, coordinates), value);
      });
      const isLast = form && infix("==", this.#span, minus(planWord(SPANS), u32(1)));
      block.guarded(isLast, () => {
        for (const { state, index, value } of last)
          storeElement(block, this.context, instr.results[state], index, value);
      });
    });
  }
}

function byPosition(parts: readonly LaneResult[]): readonly (readonly LaneResult[])[] {
  const groups = new Map<number, LaneResult[]>();
  for (const part of parts) groups.set(part.position, [...(groups.get(part.position) ?? []), part]);
  return [...groups.values()];
}
