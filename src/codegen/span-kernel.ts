/**
 * @file The kernels around a loop that is cut into spans (span-plan.ts): what each span does to its states, at which state
 * each of them starts, and, behind the loop, the sums of what the spans have added up.
 */

import { BATCH, SPANS } from "../../runtime/manifest.js";
import type { Instr, Value } from "../ir/types.js";
import { present } from "../support/assert.js";
import { Block } from "./block.js";
import { alongside } from "./compose.js";
import { count, type KernelContext, located, storeElement } from "./context.js";
import {
  add,
  call,
  type Expr,
  f32,
  GROUP,
  infix,
  type Kernel,
  keyOf,
  load,
  mul,
  planWord,
  THREAD,
  u32,
} from "./kernel-ir.js";
import { LaneBody } from "./lane-body.js";
import { innerSize, type LanePlan, productOf } from "./lane-plan.js";
import { delinear, type Index, linear, Scalarizer } from "./scalarize.js";
import type { SpanGroup, SpanPlan } from "./span-plan.js";

/** Threads of a workgroup, which have nothing to do with each other. */
const WORKGROUP = 64;
/** Beyond this a product of factors stays where it is: what it is multiplied with may be zero. */
const LARGEST = 3e38;

const minus = (a: Expr, b: Expr) => infix("-", a, b);
const least = (a: Expr, b: Expr) => call("min", "u32", a, b);
const upwards = (a: Expr, b: Expr) => infix("/", add(a, minus(b, u32(1))), b);

/** What is between the kernels of one loop. */
export interface SpanForm {
  readonly plan: SpanPlan;
  /** For each group, the state at the start of each span, and before that is known b and A, as `entryOf` says. */
  readonly carried: readonly Expr[];
  /** What each span has added up; absent where no state only adds up. */
  readonly parts?: Expr;
}

/** @param lanes of the whole loop. */
export function spanForm(plan: SpanPlan, lanes: LanePlan, loop: Instr<"scan">, context: KernelContext): SpanForm {
  const carried = plan.groups.map((group) =>
    context.scratch("spans", [BATCH, SPANS, ...group.channels, group.width * (group.width + 1)]),
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

/** Where a number of a span's lies: entries one after another, each with all channels of all rows. */
function place(group: SpanGroup, base: Expr, span: Expr, entry: number, row: Expr, channel: Index): Expr {
  const channels = productOf(group.channels);
  const entries = group.width * (group.width + 1);
  const one = mul(add(mul(span, u32(entries)), u32(entry)), mul(planWord(BATCH), u32(channels)));
  return add(base, add(one, add(mul(row, u32(channels)), linear(group.channels, channel))));
}

/** b first, then A by rows. The start of the span replaces b. */
const offsetEntry = (element: number) => element;
const matrixEntry = (width: number, row: number, column: number) => width + row * width + column;

/** The state at which a span starts, an element of it. @param index of the element, the row first. */
export function startOf({ plan, carried }: SpanForm, state: number, index: Index, span: Expr): Expr | undefined {
  const at = plan.groups.findIndex(({ states }) => states.includes(state));
  if (at < 0) return undefined;
  const group = plan.groups[at];
  const own = group.states.indexOf(state);
  const placement = group.plan.states[own];
  const [row, ...rest] = index;
  const channel = group.channels.map((_, slot) => rest[placement.indexOf(slot)]);
  const inner = rest.filter((_, axis) => placement[axis] === undefined);
  const key = (states: number, places: Index) => `${states}:${places.map(keyOf).join(",")}`;
  const names = elementsOf(group).map((element) => key(element.state, element.inner));
  const element = names.indexOf(key(own, inner));
  return load("arena", place(group, carried[at], span, offsetEntry(element), row, channel));
}

function elementsOf(group: SpanGroup) {
  const nowhere = { row: u32(0), coordinates: group.channels.map(() => u32(0)) };
  return new LaneBody(group.instr, group.plan, [nowhere], new Block()).elements;
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
    layout: "step",
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

/** b and A of every span: its steps from a state of zeros, and the product of their matrices. */
function summary(
  name: string,
  group: SpanGroup,
  base: Expr,
  unit: number,
  plan: SpanPlan,
  context: KernelContext,
): Kernel {
  const { instr, width, entries } = group;
  const { length, reverse } = instr.attrs;
  const comment = `what each span of ${length} does to ${namesOf(group)}${reverse ? ", backwards" : ""}: a channel and span a thread`;
  return threads(name, comment, group.channels, true, ({ block, span, row, channel }) => {
    const body = new LaneBody(instr, group.plan, [{ row, coordinates: channel }], block);
    const outside = located(context, new Set(body.own));
    const definitions = new Map([...context.definitions, ...plan.definitions]);
    const scalars: Scalarizer = new Scalarizer(
      block,
      definitions,
      (element) => body.locate(scalars, element) ?? outside(element),
      true,
    );
    body.start(() => f32(0));
    const product = Array.from({ length: width }, (_, i) =>
      Array.from({ length: width }, (_, j) => block.variable(f32(i === j ? 1 : 0), "factor")),
    );
    overSteps(block, instr, unit, rangeOf(block, instr, unit, span), (t) => {
      const before = product.map((row) => row.map((held) => block.snapshot(held, "factor")));
      const matrix = new Map(
        body.step(scalars, t, () => true).map(({ position, values: [value] }) => [String(entries[position]), value]),
      );
      product.forEach((columns, i) => {
        columns.forEach((held, j) => {
          const terms = before.flatMap((row, l) => {
            const factor = matrix.get(String([i, l]));
            return factor === undefined ? [] : [infix("*", factor, row[j])];
          });
          const sum = terms.length === 0 ? f32(0) : terms.reduce((a, b) => add(a, b));
          block.assign(held, call("clamp", "f32", sum, f32(-LARGEST), f32(LARGEST)));
        });
      });
    });
    const store = (entry: number, value: Expr) =>
      block.store("arena", place(group, base, span, entry, row, channel), value);
    body.held().forEach((held, i) => {
      store(offsetEntry(i), held);
    });
    product.forEach((columns, i) => {
      columns.forEach((held, j) => {
        store(matrixEntry(width, i, j), held);
      });
    });
  });
}

/** From what the spans do, one after another, to where each starts. */
function carry(name: string, whole: Instr<"scan">, group: SpanGroup, base: Expr, context: KernelContext): Kernel {
  const { width } = group;
  const comment = `where each span of ${whole.attrs.length} starts: ${namesOf(group)}; a channel a thread`;
  return threads(name, comment, group.channels, false, ({ block, row, channel }) => {
    const scalars = new Scalarizer(block, context.definitions, located(context));
    const body = new LaneBody(group.instr, group.plan, [{ row, coordinates: channel }], block);
    body.start((state, index) => scalars.at({ value: group.instr.args[state], index }));
    block.loop("span", planWord(SPANS), (span) => {
      const at = (entry: number) => place(group, base, span, entry, row, channel);
      const before = body.held().map((held) => block.snapshot(held, "start"));
      const after = before.map((_, i) =>
        before.reduce(
          (sum, state, j) =>
            add(sum, infix("*", block.read(load("arena", at(matrixEntry(width, i, j))), "factor"), state)),
          block.read(load("arena", at(offsetEntry(i))), "offset"),
        ),
      );
      const next = after.map((value) => block.snapshot(value, "next"));
      before.forEach((state, i) => {
        block.store("arena", at(offsetEntry(i)), state);
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

/** What stands before the loop itself, and behind it. */
export function aroundSpans(
  name: string,
  loop: Instr<"scan">,
  lanes: LanePlan,
  form: SpanForm,
  unit: number,
  context: KernelContext,
): { readonly before: readonly Kernel[]; readonly behind: readonly Kernel[] } {
  const { plan, carried } = form;
  const all = (what: string, kernels: readonly Kernel[]) =>
    kernels.length > 1 ? [alongside(`${name}_${what}`, kernels)] : kernels;
  return {
    before: [
      ...all(
        "summary",
        plan.groups.map((group, i) => summary(`${name}_summary`, group, carried[i], unit, plan, context)),
      ),
      ...all(
        "carry",
        plan.groups.map((group, i) => carry(`${name}_carry`, loop, group, carried[i], context)),
      ),
    ],
    behind: form.parts === undefined ? [] : [sums(`${name}_sums`, loop, lanes, form, context)],
  };
}

/** The values of the body that a span's summary reads at each step. */
export function readBySummary({ groups }: SpanPlan): ReadonlySet<Value["id"]> {
  const found = new Set<Value["id"]>();
  for (const { instr } of groups) {
    const { body } = instr.attrs;
    const wanted = new Set(body.results.map(({ id }) => id));
    for (const { args, results } of body.instrs.toReversed()) {
      if (results.some(({ id }) => wanted.has(id))) for (const { id } of args) wanted.add(id);
    }
    for (const id of wanted) found.add(id);
  }
  return found;
}
