/**
 * @file The kernels around a loop that is cut into spans (span-plan.ts): what each span does to its states, at which state
 * each of them starts, and, behind the loop, the sums of what the spans have added up.
 */

import { BATCH, SPANS } from "../../runtime/manifest.js";
import type { Instr, ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { Block } from "./block.js";
import { alongside } from "./compose.js";
import { count, type KernelContext, located, storeElement } from "./context.js";
import {
  add,
  type Expr,
  f32,
  GROUP,
  infix,
  type Kernel,
  least,
  load,
  minus,
  mul,
  planWord,
  THREAD,
  u32,
} from "./kernel-ir.js";
import { LaneBody } from "./lane-body.js";
import { innerSize, type LanePlan, productOf } from "./lane-plan.js";
import { delinear, type Index, linear, Scalarizer } from "./scalarize.js";
import type { SpanGroup, SpanPlan } from "./span-plan.js";
import { channelOf, elementOf, SpanNumbers, SpanSummary } from "./span-summary.js";

/** Threads of a workgroup, which have nothing to do with each other. */
const WORKGROUP = 64;

const upwards = (a: Expr, b: Expr) => infix("/", add(a, minus(b, u32(1))), b);

/** What is between the kernels of one loop. */
export interface SpanForm {
  readonly plan: SpanPlan;
  /** For each group, what each span does to its states, and then at which state it starts. */
  readonly carried: readonly SpanNumbers[];
  /** What each span has added up; absent where no state only adds up. */
  readonly parts?: Expr;
}

/** @param lanes of the whole loop. */
export function spanForm(plan: SpanPlan, lanes: LanePlan, loop: Instr<"scan">, context: KernelContext): SpanForm {
  const carried = plan.groups.map(
    (group) => new SpanNumbers(group, context.scratch("spans", SpanNumbers.shape(group))),
  );
  const held = heldTotals(plan, lanes, loop);
  return {
    plan,
    carried,
    ...(held > 0 && { parts: context.scratch("parts", [BATCH, SPANS, productOf(lanes.extents), held]) }),
  };
}

function heldTotals({ totals }: SpanPlan, lanes: LanePlan, { attrs }: Instr<"scan">): number {
  return totals.reduce((n, state) => n + innerSize(attrs.body.params[state], lanes.states[state]), 0);
}

/** A half-open range of blocks of `unit` steps. */
export interface Range {
  readonly low: Expr;
  readonly high: Expr;
}

/** What a span has of a loop, which may be nothing. */
export function rangeOf(block: Block, { attrs }: Instr<"scan">, unit: number, span: Expr): Range {
  const units = block.let(upwards(planWord(attrs.length), u32(unit)), "units");
  const each = block.let(upwards(units, planWord(SPANS)), "each");
  const from = block.let(least(mul(span, each), units), "from");
  const to = block.let(least(add(from, each), units), "to");
  return attrs.reverse ? { low: minus(units, to), high: minus(units, from) } : { low: from, high: to };
}

/** The steps of a range, in the loop's order. */
export function overSteps(
  block: Block,
  { attrs }: Instr<"scan">,
  unit: number,
  { low, high }: Range,
  body: (t: Expr) => void,
): void {
  const place = (units: Expr) => (unit === 1 ? units : least(mul(units, u32(unit)), planWord(attrs.length)));
  const first = block.let(place(low), "first");
  const end = block.let(place(high), "end");
  block.loop("step", minus(end, first), (step) => {
    body(block.let(attrs.reverse ? minus(minus(end, u32(1)), step) : add(first, step), "t"));
  });
}

/** The state at which a span starts, an element of it; undefined of a state that only adds up. @param index the row first. */
export function startOf({ plan, carried }: SpanForm, state: number, index: Index, span: Expr): Expr | undefined {
  const at = plan.groups.findIndex(({ states }) => states.includes(state));
  if (at < 0) return undefined;
  const { group } = carried[at];
  const own = group.states.indexOf(state);
  const inner = index.slice(1).filter((_, axis) => group.plan.states[own][axis] === undefined);
  return load("arena", carried[at].start(span, channelOf(group, own, index), elementOf(group, own, inner)));
}

interface Thread {
  readonly block: Block;
  readonly span: Expr;
  readonly row: Expr;
  readonly channel: Index;
}

/** A thread for every channel of every row, and where `spanned` of every span. */
function threads(
  name: string,
  comment: string,
  extents: readonly number[],
  spanned: boolean,
  body: (thread: Thread) => void,
): Kernel {
  const block = new Block();
  const perRow = productOf(extents);
  const channels = mul(planWord(BATCH), u32(perRow));
  const all = spanned ? mul(channels, planWord(SPANS)) : channels;
  const thread = block.let(add(mul(GROUP, u32(WORKGROUP)), THREAD), "thread");
  block.if(infix("<", thread, all), () => {
    const within = block.let(infix("%", thread, channels), "channel");
    body({
      block,
      span: block.let(infix("/", thread, channels), "span"),
      row: block.let(infix("/", within, u32(perRow)), "row"),
      channel: delinear(extents, block.let(infix("%", within, u32(perRow)), "place")).map((e) => block.let(e, "c")),
    });
  });
  return {
    name,
    comment,
    workgroupSize: WORKGROUP,
    arrays: [],
    groups: [[count([BATCH, ...(spanned ? [SPANS] : []), perRow], WORKGROUP)]],
    body: block.stmts,
  };
}

const namesOf = (group: SpanGroup): string =>
  group.instr.attrs.body.params
    .slice(0, group.states.length)
    .map((state) => state.hint ?? `%${state.id}`)
    .join(", ");

/** b and A of every span. */
function summary(name: string, numbers: SpanNumbers, unit: number, plan: SpanPlan, context: KernelContext): Kernel {
  const { group } = numbers;
  const { instr } = group;
  return threads(name, summaryComment(group), group.channels, true, ({ block, span, row, channel }) => {
    const body = new LaneBody(instr, group.plan, [{ row, coordinates: channel }], block);
    const outside = located(context, new Set(body.own));
    const definitions = new Map([...context.definitions, ...plan.definitions]);
    const scalars: Scalarizer = new Scalarizer(
      block,
      definitions,
      (element) => body.locate(scalars, element) ?? outside(element),
      true,
    );
    const found = new SpanSummary(block, body, numbers);
    found.start();
    overSteps(block, instr, unit, rangeOf(block, instr, unit, span), (t) => {
      found.step(body.step(scalars, t, () => true));
    });
    found.store(span);
  });
}

export function summaryComment(group: SpanGroup): string {
  const { length, reverse } = group.instr.attrs;
  return `what each span of ${length} does to ${namesOf(group)}${reverse ? ", backwards" : ""}: a channel and span a thread`;
}

/** From what the spans do, one after another, to where each starts. */
function carry(name: string, whole: Instr<"scan">, numbers: SpanNumbers, context: KernelContext): Kernel {
  const { group } = numbers;
  const comment = `where each span of ${whole.attrs.length} starts: ${namesOf(group)}; a channel a thread`;
  return threads(name, comment, group.channels, false, ({ block, row, channel }) => {
    const scalars = new Scalarizer(block, context.definitions, located(context));
    const body = new LaneBody(group.instr, group.plan, [{ row, coordinates: channel }], block);
    const own = [row, ...channel];
    body.start((state, index) => scalars.at({ value: group.instr.args[state], index }));
    block.loop("span", planWord(SPANS), (span) => {
      const read = (place: Expr, hint: string) => block.read(load("arena", place), hint);
      const before = body.held().map((held) => block.snapshot(held, "start"));
      const after = before.map((_, i) =>
        before.reduce(
          (sum, state, j) => add(sum, infix("*", read(numbers.factor(span, own, i, j), "factor"), state)),
          read(numbers.start(span, own, i), "offset"),
        ),
      );
      const next = after.map((value) => block.snapshot(value, "next"));
      before.forEach((state, i) => {
        block.store("arena", numbers.start(span, own, i), state);
      });
      body.restart(next);
    });
  });
}

/** What the spans have added up, in all. */
function sums(name: string, loop: Instr<"scan">, lanes: LanePlan, form: SpanForm, context: KernelContext): Kernel {
  const { plan } = form;
  const parts = present(form.parts, "span-kernel", "parts");
  const comment = `sums of what the spans of ${loop.attrs.length} have added up; a channel a thread`;
  return threads(name, comment, lanes.extents, false, ({ block, row, channel }) => {
    const body = new LaneBody(loop, lanes, [{ row, coordinates: channel }], block);
    const elements = body.elements.filter(({ state }) => plan.totals.includes(state));
    const totals = elements.map(() => block.variable(f32(0), "total"));
    block.loop("span", planWord(SPANS), (span) => {
      totals.forEach((total, i) => {
        const part = load("arena", partPlace(parts, lanes, elements.length, span, i, row, channel));
        block.assign(total, add(total, block.read(part, "part")));
      });
    });
    elements.forEach(({ state, index }, i) => {
      storeElement(block, context, loop.results[state], index, totals[i]);
    });
  });
}

/** Where a span's part of an element that only adds up lies. */
export function partPlace(
  base: Expr,
  lanes: LanePlan,
  held: number,
  span: Expr,
  element: number,
  row: Expr,
  channel: Index,
): Expr {
  const perRow = productOf(lanes.extents);
  const one = mul(add(mul(span, u32(held)), u32(element)), mul(planWord(BATCH), u32(perRow)));
  return add(base, add(one, add(mul(row, u32(perRow)), linear(lanes.extents, channel))));
}

/**
 * What stands before the loop itself, and behind it.
 * @param replaying makes the summary of a group that reads what the loop computes again; undefined of others.
 */
export function aroundSpans(
  name: string,
  loop: Instr<"scan">,
  lanes: LanePlan,
  form: SpanForm,
  unit: number,
  context: KernelContext,
  replaying: (name: string, numbers: SpanNumbers) => Kernel | undefined,
): { readonly before: readonly Kernel[]; readonly behind: readonly Kernel[] } {
  const { plan, carried } = form;
  const all = (what: string, kernels: readonly Kernel[]) =>
    kernels.length > 1 ? [alongside(`${name}_${what}`, kernels)] : kernels;
  const again = carried.map((numbers, i) => replaying(`${name}_summary_${i}`, numbers));
  const plain = carried.filter((_, i) => again[i] === undefined);
  return {
    before: [
      ...all(
        "summary",
        plain.map((numbers) => summary(`${name}_summary`, numbers, unit, plan, context)),
      ),
      ...again.flatMap((kernel) => kernel ?? []),
      ...all(
        "carry",
        carried.map((numbers) => carry(`${name}_carry`, loop, numbers, context)),
      ),
    ],
    behind: form.parts === undefined ? [] : [sums(`${name}_sums`, loop, lanes, form, context)],
  };
}

/** The values of the body that a span's summary reads at each step. */
export function readBySummary({ instr }: SpanGroup): ReadonlySet<ValueId> {
  const { body } = instr.attrs;
  const wanted = new Set(body.results.map(({ id }) => id));
  for (const { args, results } of body.instrs.toReversed()) {
    if (results.some(({ id }) => wanted.has(id))) for (const { id } of args) wanted.add(id);
  }
  return wanted;
}
