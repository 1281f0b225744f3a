/**
 * @file The kernels that may do a loop with a channel a thread: step by step; cut into spans, where it can be; with several
 * channels a thread, for adapters on which threads run one after another and loads are dear.
 */

import { SPANS, type Work } from "../../runtime/manifest.js";
import { BATCH, type Instr, type Value, type ValueId } from "../ir/types.js";
import { count, type KernelContext } from "./context.js";
import { statesSize } from "./kept-states.js";
import type { Kernel } from "./kernel-ir.js";
import { BLOCK, KEPT, type LaneOptions, laneKernel } from "./lane-kernel.js";
import { productOf } from "./lane-plan.js";
import { CHUNK } from "./replay.js";
import { aroundSpans, readBySummary, spanForm } from "./span-kernel.js";
import { groupLanes, type SpanGroup } from "./span-plan.js";

/** Channels a thread where it has several, the best first; elements of states that it then holds at most. */
const OWN = [4, 2];
const MOST_REGISTERS = 256;
/** Channels of a row below which several a thread are not worth their compilation. */
const FEWEST_CHANNELS = 32;

/** The default comes first, under the plain name. */
export function laneKernels(
  name: string,
  instr: Instr<"scan">,
  options: LaneOptions,
  context: KernelContext,
): readonly Kernel[] {
  const { plan, starts, replay } = options;
  const { spans } = options;
  const cut = "serial" in spans ? [] : [SPANS];
  const held = replay && statesSize(replay.forward, replay.plan, replay.states) * productOf(plan.extents);
  const slab = held && context.scratch("replayed", [BATCH, ...cut, held, CHUNK / KEPT]);
  const shape = { ...options, own: 1, ...(slab && { slab }) };
  const serial = (kernel: string, own: number): Kernel => ({
    ...laneKernel(kernel, instr, { ...shape, own }, context),
    work: [workOf(own, instr, options)],
  });
  const kernels = [serial(name, 1)];
  if (!("serial" in spans)) {
    const unit = starts === undefined ? BLOCK : CHUNK;
    const form = spanForm(spans, plan, instr, context);
    const kernel = laneKernel(`${name}_spans`, instr, { ...shape, form }, context);
    const definitions = new Map([...context.definitions, ...spans.definitions]);
    const around = aroundSpans(name, instr, plan, form, unit, context, (summary, numbers) => {
      const { group } = numbers;
      if (!readsAgain(group, options, context)) return undefined;
      const own = { ...shape, plan: groupLanes(group, plan), form, summary: numbers };
      return laneKernel(summary, group.instr, own, { ...context, definitions });
    });
    kernels.push({ ...kernel, ...around, spans: { length: instr.attrs.length, unit } });
  }
  const own = OWN.find((several) => isWorthwhile(several, options));
  if (own !== undefined) kernels.push(serial(`${name}_own_${own}`, own));
  return kernels;
}

/** Elements of states that a channel has, those included that are computed again. */
function registersOf({ plan, replay }: LaneOptions): number {
  return plan.registers + (replay ? statesSize(replay.forward, replay.plan, replay.states) : 0);
}

/**
 * The work of a thread at one step, roughly: as much is read for all of its channels together as one has of states, little
 * for each, and an element takes a few operations.
 */
function workOf(own: number, { attrs }: Instr<"scan">, options: LaneOptions): Work {
  const registers = registersOf(options);
  const terms = count([attrs.length]);
  return { terms, reads: registers + 2 * own, shared: 0, products: 10 * own * registers, turns: 1 };
}

function isWorthwhile(own: number, options: LaneOptions): boolean {
  const { plan } = options;
  const along = productOf(plan.lanes.map((slot) => plan.extents[slot]));
  const idle = Math.ceil(along / plan.channels) * plan.channels - along;
  return along >= FEWEST_CHANNELS && 4 * idle <= along && own * registersOf(options) <= MOST_REGISTERS;
}

/** Whether what a span does depends on states that are computed again, as they are or as something made of them. */
function readsAgain(group: SpanGroup, { replay }: LaneOptions, { definitions }: KernelContext): boolean {
  if (replay === undefined) return false;
  const { forward, again } = replay;
  const gone = new Set(again.map((i) => forward.results[forward.attrs.states + i].id));
  const seen = new Set<ValueId>();
  const isMadeOfGone = ({ id }: Value): boolean => {
    if (gone.has(id)) return true;
    const by = seen.has(id) ? undefined : definitions.get(id);
    seen.add(id);
    return by !== undefined && by.op !== "scan" && by.args.some(isMadeOfGone);
  };
  const read = readBySummary(group);
  const { attrs, args } = group.instr;
  const sequences = attrs.body.params.slice(attrs.states).map(({ id }, i) => ({ id, all: args[attrs.states + i] }));
  return sequences.some(({ id, all }) => read.has(id) && isMadeOfGone(all));
}
