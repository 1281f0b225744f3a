/**
 * @file The kernels that may do a loop with a channel a thread: step by step; cut into spans, where it can be; with several
 * channels a thread, for adapters on which threads run one after another and loads are dear.
 */

import { SPANS } from "../../runtime/manifest.js";
import { BATCH, type Instr } from "../ir/types.js";
import type { KernelContext } from "./context.js";
import { statesSize } from "./kept-states.js";
import type { Kernel } from "./kernel-ir.js";
import { BLOCK, KEPT, type LaneOptions, laneKernel } from "./lane-kernel.js";
import { productOf, stackOf } from "./lane-plan.js";
import { CHUNK } from "./replay.js";
import { aroundSpans, readBySummary, spanForm } from "./span-kernel.js";
import type { Spans } from "./span-plan.js";

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
  const spans = cuttable(instr, options, context);
  const cut = "serial" in spans ? [] : [SPANS];
  const held = replay && statesSize(replay.forward, replay.plan, replay.states) * productOf(plan.extents);
  const slab = held && context.scratch("replayed", [BATCH, ...cut, held, CHUNK / KEPT]);
  const shape = { ...options, spans, own: 1, ...(slab && { slab }) };
  const kernels = [laneKernel(name, instr, shape, context)];
  if (!("serial" in spans)) {
    const unit = starts === undefined ? BLOCK : CHUNK;
    const form = spanForm(spans, plan, instr, context);
    const kernel = laneKernel(`${name}_spans`, instr, { ...shape, form }, context);
    const around = aroundSpans(name, instr, plan, form, unit, context);
    kernels.push({ ...kernel, ...around, spans: { length: instr.attrs.length, unit } });
  }
  const own = OWN.find((several) => isWorthwhile(several, instr, options));
  if (own !== undefined) kernels.push(laneKernel(`${name}_own_${own}`, instr, { ...shape, own }, context));
  return kernels;
}

function isWorthwhile(own: number, instr: Instr<"scan">, { plan, replay }: LaneOptions): boolean {
  const along = productOf(plan.lanes.map((slot) => plan.extents[slot]));
  const idle = Math.ceil(along / plan.channels) * plan.channels - along;
  const all = plan.states.map((_, state) => state);
  const again = replay ? statesSize(replay.forward, replay.plan, replay.states) : 0;
  const registers = own * (statesSize(instr, plan, all) + again);
  return along >= FEWEST_CHANNELS && 4 * idle <= along && registers <= MOST_REGISTERS;
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
