/**
 * @file The time loop with a channel a thread (see lane-plan.ts), or a few: what does not depend on the channel is then read
 * once for all of them, which pays on adapters where a load is dear and threads run one after another. No thread waits for
 * another, but where sums over channels are results (lane-sums.ts).
 *
 * A forward loop that a reverse one replays (replay.ts) writes its states at the start of each chunk. The reverse loop
 * goes through the chunks from the last to the first: it runs the forward loop from the chunk's start, keeps the states
 * before every second step, and then goes back over the chunk two steps at a time: the state between them is computed
 * once more, from coefficients that the derivative needs as well.
 */

import { SPANS } from "../../runtime/manifest.js";
import type { Instr } from "../ir/types.js";
import { present } from "../support/assert.js";
import { Block } from "./block.js";
import { type KernelContext, located, scanTitle, storeElement } from "./context.js";
import { KeptStates } from "./kept-states.js";
import { add, call, type Expr, f32, infix, type Kernel, least, minus, mul, planWord, same, u32 } from "./kernel-ir.js";
import { LaneBody, type LaneResult } from "./lane-body.js";
import { placeThreads, type ThreadPlace } from "./lane-places.js";
import { addedElements, indexAt, type LanePlan, productOf } from "./lane-plan.js";
import { LaneSums } from "./lane-sums.js";
import { CHUNK, type ChunkStarts, type Replay, stateOf } from "./replay.js";
import { type Element, type Index, type Locate, linear, Scalarizer } from "./scalarize.js";
import { WORKGROUP_MEMORY } from "./scan-plan.js";
import { overSteps, partPlace, type Range, rangeOf, type SpanForm, startOf, summaryComment } from "./span-kernel.js";
import type { Spans } from "./span-plan.js";
import { type SpanNumbers, SpanSummary } from "./span-summary.js";
import { sameIndex } from "./walk.js";

/** Steps between which the states are kept, in a chunk that is replayed. */
export const KEPT = 2;
/** Steps whose sums are added up at a time, the best first. */
const TOGETHER = [4, KEPT, 1];
/** Steps of a block that is in one span whole, so that its sums are added up together. */
export const BLOCK = TOGETHER[0];

const isMultiple = (a: Expr, of: number) => infix("==", infix("%", a, u32(of)), u32(0));

export interface LaneOptions {
  readonly plan: LanePlan;
  /** The states at the chunks' starts: written by a forward loop, read by its reverse. */
  readonly starts?: ChunkStarts;
  readonly replay?: Replay;
  /** How it can be cut along time, or why not. */
  readonly spans: Spans;
}

/** The form of a kernel: one of several for the same loop. */
export interface LaneShape extends LaneOptions {
  /** Channels a thread. */
  readonly own: number;
  /** With `replay`: where each channel, of each span, keeps the states of a chunk. */
  readonly slab?: Expr;
  /** Where the loop is cut into spans. */
  readonly form?: SpanForm;
  /** The loop is that of a group of states alone; all that is wanted is what each span does to them. */
  readonly summary?: SpanNumbers;
}

export function laneKernel(name: string, instr: Instr<"scan">, shape: LaneShape, context: KernelContext): Kernel {
  return new LaneEmitter(name, instr, shape, context).kernel();
}

class LaneEmitter {
  readonly #block = new Block();
  readonly #scalars: Scalarizer;
  readonly #body: LaneBody;
  readonly #forward: LaneBody | undefined;
  readonly #places: readonly ThreadPlace[];
  readonly #sums: LaneSums;
  readonly #groups: Kernel["groups"];
  readonly #kept: KeptStates;
  readonly #summary: SpanSummary | undefined;
  readonly #added: number;
  /** Steps whose sums are added up at a time. */
  readonly #together: number;
  readonly #steps: Expr;
  readonly #span: Expr;
  /** At the step at hand: the forward loop's states before and after it. */
  #replayed: { readonly t: Expr; readonly before: readonly Expr[]; readonly after: readonly Expr[] } | undefined;

  constructor(
    readonly name: string,
    readonly instr: Instr<"scan">,
    readonly options: LaneShape,
    readonly context: KernelContext,
  ) {
    const { plan, replay, own, form } = options;
    const block = this.#block;
    this.#added = addedElements(plan.outputs);
    this.#steps = planWord(instr.attrs.length);
    const placed = placeThreads(block, plan, { own, meet: this.#added > 0, spanned: form !== undefined });
    this.#span = placed.span;
    const ahead = (coordinates: Index) =>
      present(replay, "lane-kernel", "the forward loop").slots.map((s) => coordinates[s]);
    const places = placed.places.map((place) => {
      // Both loops number the channels as the forward one does.
      const channel = replay && block.let(linear(replay.plan.extents, ahead(place.coordinates)), "place");
      return channel === undefined ? place : { ...place, channel };
    });
    this.#places = places;
    this.#groups = [placed.groups];
    this.#kept = new KeptStates(block, places, productOf(plan.extents));
    this.#body = new LaneBody(instr, plan, places, block);
    this.#summary = options.summary && new SpanSummary(block, this.#body, options.summary);
    this.#forward =
      replay &&
      new LaneBody(
        replay.forward,
        replay.plan,
        places.map(({ row, coordinates }) => ({ row, coordinates: ahead(coordinates) })),
        block,
        replay.states,
      );
    const threads = plan.channels / own;
    this.#together = TOGETHER.find((n) => n * this.#added * threads <= WORKGROUP_MEMORY) ?? 1;
    const layout = { ...placed, threads, together: this.#together };
    this.#sums = new LaneSums(block, context, `${name}_parts`, plan, layout, (position) => this.#result(position));

    const bodies = [this.#body, ...(this.#forward ? [this.#forward] : [])];
    const outside = located(context, new Set(bodies.flatMap((body) => [...body.own])));
    this.#scalars = new Scalarizer(
      block,
      context.definitions,
      (element): ReturnType<Locate> => {
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
    const { own, plan } = this.options;
    if (this.options.replay !== undefined) this.#replay();
    else this.#plainly();
    this.#finish();
    return {
      name: this.name,
      comment: this.#comment(),
      workgroupSize: plan.channels / own,
      arrays: this.#sums.arrays,
      groups: this.#groups,
      body: this.#block.stmts,
      ...(own > 1 && { own }),
    };
  }

  #comment(): string {
    const { own, replay, form, spans } = this.options;
    const many = `${own === 1 ? "a channel" : `${own} channels`}${form ? " and span" : ""} a thread`;
    const serial = "serial" in spans ? `; step by step, since ${spans.serial}` : "";
    const chunks = replay === undefined ? "" : `; replays the forward loop ${CHUNK} steps at a time`;
    const added = this.#added === 0 ? "" : `; adds up ${this.#added} sums a step`;
    if (this.options.summary !== undefined) return `${summaryComment(this.options.summary.group)}${chunks}`;
    return `${scanTitle(this.instr)}; ${many}${chunks}${added}${serial}`;
  }

  #plainly(): void {
    const { starts } = this.options;
    const block = this.#block;
    this.#start();
    const step = (t: Expr) => {
      this.#step(t);
      this.#addUp(t);
    };
    if (starts === undefined) {
      overSteps(block, this.instr, BLOCK, this.#range(BLOCK), step);
      return;
    }
    this.#chunks(false, (first, length, chunk) => {
      this.#kept.write(this.#body, starts.states, starts.offset, chunk);
      block.loop("k", length, (k) => step(block.let(add(first, k), "t")));
    });
  }

  /** The blocks of `unit` steps that this thread goes through. */
  #range(unit: number): Range {
    if (this.options.form !== undefined) return rangeOf(this.#block, this.instr, unit, this.#span);
    const units = infix("/", add(this.#steps, u32(unit - 1)), u32(unit));
    return { low: u32(0), high: this.#block.let(units, "units") };
  }

  #start(): void {
    const { form } = this.options;
    if (this.#summary !== undefined) {
      this.#summary.start();
      return;
    }
    this.#body.start((state, index) => {
      const known = form && startOf(form, state, index, this.#span);
      if (known !== undefined) return known;
      const initial = this.#scalars.at({ value: this.instr.args[state], index });
      return form === undefined ? initial : call("select", "f32", f32(0), initial, infix("==", this.#span, u32(0)));
    });
  }

  /** The chunks in the forward loop's order, or against it. */
  #chunks(backwards: boolean, body: (first: Expr, length: Expr, chunk: Expr) => void): void {
    const block = this.#block;
    const { low, high } = this.#range(CHUNK);
    block.loop("chunk", minus(high, low), (n) => {
      const chunk = block.let(backwards ? minus(minus(high, u32(1)), n) : add(low, n), "chunk");
      const first = block.let(mul(chunk, u32(CHUNK)), "first");
      body(first, block.let(least(minus(this.#steps, first), u32(CHUNK)), "length"), chunk);
    });
  }

  /** A reverse loop over a forward one that is run again, chunk by chunk. */
  #replay(): void {
    const block = this.#block;
    const forward = present(this.#forward, "lane-kernel", "the forward loop");
    const starts = present(this.options.starts, "lane-kernel", "starts");
    const slab = present(this.options.slab, "lane-kernel", "the states of a chunk");
    const entry = (pair: Expr) => add(mul(this.#span, u32(CHUNK / KEPT)), pair);
    this.#start();
    forward.start(() => f32(0));
    this.#chunks(true, (first, length, chunk) => {
      forward.restart(this.#kept.read(forward, starts.offset, chunk));
      block.loop("k", length, (k) => {
        block.if(isMultiple(k, KEPT), () =>
          this.#kept.write(forward, starts.states, slab, entry(infix("/", k, u32(KEPT)))),
        );
        forward.step(this.#scalars, block.let(add(first, k), "t"), () => false);
      });
      const pairs = block.let(infix("/", add(length, u32(KEPT - 1)), u32(KEPT)), "pairs");
      block.loop("k", pairs, (k) => {
        const pair = block.let(minus(minus(pairs, u32(1)), k), "pair");
        const t = block.let(add(first, mul(pair, u32(KEPT))), "t");
        const next = block.let(add(t, u32(1)), "next");
        // The registers of the forward loop hold what stood after both steps, and are set back to what stood before.
        const after = this.#snapshot(forward, "after");
        const before = this.#kept.read(forward, slab, entry(pair));
        forward.restart(before);
        forward.step(this.#scalars, t, () => false);
        const between = this.#snapshot(forward, "between");
        block.if(infix("<", next, this.#steps), () => {
          this.#replayed = { t: next, before: between, after };
          this.#step(next);
          if (this.#together < KEPT) this.#addUp(next);
        });
        this.#replayed = { t, before, after: between };
        this.#step(t);
        this.#addUp(t);
        this.#replayed = undefined;
        forward.restart(before);
      });
    });
  }

  #snapshot(body: LaneBody, hint: string): readonly Expr[] {
    return body.held().map((held) => this.#block.snapshot(held, hint));
  }

  /** An element of what the forward loop would have written, at the step at hand or the one before. */
  #again(element: Element): Expr | undefined {
    const { replay } = this.options;
    if (replay === undefined || this.#replayed === undefined) return undefined;
    const { t, before, after } = this.#replayed;
    const { value, index } = this.#unshifted(element);
    const { forward, plan, again } = replay;
    const output = again.find((i) => forward.results[forward.attrs.states + i].id === value.id);
    if (output === undefined) return undefined;
    const of = present(stateOf(forward, plan.outputs[output].value), "lane-kernel", "the state");
    const [row, step, ...own] = index;
    const { elements } = present(this.#forward, "lane-kernel", "the forward loop");
    const position = elements.findIndex((e) => e.state === of.state && sameIndex(e.index, [row, ...own]));
    return (of.when === "after" && same(step, t) ? after : before)[position];
  }

  /** What stood before the first step is what the loop started with, so the shift has no need to ask for the first step. */
  #unshifted(element: Element): Element {
    const { definitions } = this.context;
    const shift = definitions.get(element.value.id);
    const forward = this.options.replay?.forward;
    if (shift?.op !== "shift" || forward === undefined || shift.attrs.axis !== 1 || shift.attrs.offset !== 1) {
      return element;
    }
    const [stack] = shift.args;
    const output = forward.results.findIndex(({ id }) => id === stack.id) - forward.attrs.states;
    if (output < 0) return element;
    const next = forward.attrs.body.results[forward.attrs.states + output];
    const state = forward.attrs.body.results.findIndex(({ id }) => id === next.id);
    const [row, step, ...own] = element.index;
    if (state >= forward.attrs.states) return element;
    const initial = this.#scalars.at({ value: forward.args[state], index: [row, ...own] });
    if (!same(initial, f32(shift.attrs.fill))) return element;
    return { value: stack, index: [row, minus(step, u32(1)), ...own] };
  }

  #step(t: Expr): void {
    if (this.#summary !== undefined) {
      this.#summary.step(this.#body.step(this.#scalars, t, () => true));
      return;
    }
    const results = this.#body.step(this.#scalars, t, (position) => this.#isWritten(position));
    const own = results.filter(({ output }) => output.sum === undefined);
    this.#places.forEach((place, channel) => {
      this.#block.guarded(place.valid, () => {
        for (const result of own) this.#store(result, place, channel, t);
      });
    });
    const added = results.filter(({ output }) => output.sum !== undefined);
    this.#sums.keep(
      added.map((result) => ({ result, value: this.#part(result) })),
      t,
    );
  }

  /** The part of a sum that is of the thread's own channels. */
  #part({ values }: LaneResult): Expr {
    const parts = values.map((value, channel) => {
      const { valid } = this.#places[channel];
      return valid === undefined ? value : call("select", "f32", f32(0), value, valid);
    });
    return this.#scalars.joined("sum", parts, "part");
  }

  /** Adds up the sums of the last few steps, where `t` is the last of them. */
  #addUp(t: Expr): void {
    const n = this.#together;
    if (n === 1) {
      this.#sums.addUp(t, u32(1));
      return;
    }
    if (this.#added === 0) return;
    const block = this.#block;
    if (this.instr.attrs.reverse) {
      const addUp = () => this.#sums.addUp(t, block.let(least(u32(n), minus(this.#steps, t)), "count"));
      if (this.options.replay !== undefined && n === KEPT) addUp();
      else block.if(isMultiple(t, n), addUp);
    } else {
      const count = block.let(add(infix("%", t, u32(n)), u32(1)), "count");
      const isLast = infix("==", add(t, u32(1)), this.#steps);
      block.if(infix("||", infix("==", count, u32(n)), isLast), () => {
        this.#sums.addUp(block.let(minus(add(t, u32(1)), count), "first"), count);
      });
    }
  }

  #result(position: number) {
    return this.instr.results[this.instr.attrs.states + position];
  }

  #isWritten(position: number): boolean {
    return this.context.writeAddresses(this.#result(position)).length > 0;
  }

  #store({ output, position, inner, values }: LaneResult, place: ThreadPlace, channel: number, t: Expr): void {
    const own = indexAt(output.kept, place.coordinates, inner);
    storeElement(this.#block, this.context, this.#result(position), [place.row, t, ...own], values[channel]);
  }

  /** Writes the last states that somebody reads; of those that only add up, each span's part. */
  #finish(): void {
    const { form, plan } = this.options;
    if (this.#summary !== undefined) {
      const summary = this.#summary;
      this.#block.guarded(this.#places[0].valid, () => summary.store(this.#span));
      return;
    }
    const held = this.#body.held().map((value, i) => ({ value, ...this.#body.elements[i] }));
    const isTotal = ({ state }: { readonly state: number }) => form?.plan.totals.includes(state) === true;
    const block = this.#block;
    this.#places.forEach((place, channel) => {
      const own = held.filter((element) => element.channel === channel);
      const totals = own.filter(isTotal);
      block.guarded(place.valid, () => {
        totals.forEach(({ value }, i) => {
          const parts = present(form?.parts, "lane-kernel", "parts");
          const { row, coordinates } = place;
          block.store("arena", partPlace(parts, plan, totals.length, this.#span, i, row, coordinates), value);
        });
        const isLast = form && infix("==", this.#span, minus(planWord(SPANS), u32(1)));
        block.guarded(isLast, () => {
          for (const element of own) {
            if (isTotal(element)) continue;
            storeElement(block, this.context, this.instr.results[element.state], element.index, element.value);
          }
        });
      });
    });
  }
}
