/** @file Rewrites of loops as wholes: what a loop is given, carries or yields without need. */

import type { Builder } from "../ir/builder.js";
import { axisInStack, stackAxis } from "../ir/shape.js";
import { captured, substitute, substituteReads } from "../ir/traverse.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { closeLoop, type Loop, type LoopSequence, openLoop } from "./loop.js";
import type { Facts, LoopRewrite } from "./rewriter.js";

/**
 * A sequence that is the same at every step, or given twice, is no sequence; a state that never changes is no state,
 * nor is one that only delays a sequence; an output that hands a sequence or a captured value through, or that another
 * output gives as well, is no output.
 */
export const simplifyLoop: LoopRewrite = (b, instr, facts, renamed) => {
  const loop = openLoop(instr);
  const inside = new Map<ValueId, Value>();
  const sequences = loop.sequences.filter(({ all, step }, i) => {
    const twin = loop.sequences.slice(0, i).find((s) => s.all.id === all.id);
    const constant = twin ? substitute(twin.step, inside) : sameAtEveryStep(b, all, step, facts);
    if (constant !== undefined) inside.set(step.id, constant);
    return constant === undefined;
  });
  const delayed: LoopSequence[] = [];
  const states = loop.states.filter(({ initial, previous, next, last }) => {
    const start = facts.constant(initial);
    const still = next.id === previous.id || (start !== undefined && facts.constant(next) === start);
    if (still) {
      inside.set(previous.id, initial);
      renamed.set(last.id, initial);
    }
    const sequence = sequences.find((s) => s.step.id === next.id);
    const delays = !still && sequence !== undefined && start !== undefined && !facts.isRead(last);
    if (delays) {
      const attrs = { axis: stackAxis(previous.type), offset: loop.reverse ? -1 : 1, fill: start };
      delayed.push({ all: b.op("shift", attrs, [sequence.all], last.hint ?? previous.hint), step: previous });
    }
    return !still && !delays;
  });
  const free = new Set(captured(instr.attrs.body).map((v) => v.id));
  const outputs = loop.outputs.filter(({ step, all }, i) => {
    const same =
      loop.sequences.find((s) => s.step.id === step.id)?.all ??
      loop.outputs.slice(0, i).find((o) => o.step.id === step.id)?.all ??
      (free.has(step.id) ? repeat(b, step, all) : undefined);
    if (same !== undefined) renamed.set(all.id, substitute(same, renamed));
    return same === undefined;
  });
  const lost = [loop.sequences, loop.states, loop.outputs].some(
    (before, i) => before.length > [sequences, states, outputs][i].length,
  );
  const given = [...sequences, ...delayed];
  return lost ? closeLoop(inBody({ ...loop, sequences: given, states, outputs }, inside)) : undefined;
};

function inBody(loop: Loop, by: ReadonlyMap<ValueId, Value>): Loop {
  return {
    ...loop,
    instrs: loop.instrs.map((instr: Instr) => substituteReads(instr, by)),
    states: loop.states.map((s) => ({ ...s, next: substitute(s.next, by) })),
    outputs: loop.outputs.map((o) => ({ ...o, step: substitute(o.step, by) })),
  };
}

/** One step of a sequence that repeats an array along the loop's axis. */
function sameAtEveryStep(b: Builder, all: Value, step: Value, facts: Facts): Value | undefined {
  const broadcast = facts.by("broadcast", all);
  const loopAxis = stackAxis(step.type);
  if (broadcast === undefined || broadcast.attrs.axes.includes(loopAxis)) return undefined;
  const axes = broadcast.attrs.axes.map((axis) => (axis > loopAxis ? axis - 1 : axis));
  return b.broadcast(broadcast.args[0], all.type.shape.toSpliced(loopAxis, 1), axes, step.hint);
}

function repeat(b: Builder, step: Value, all: Value): Value {
  return b.broadcast(
    step,
    all.type.shape,
    step.type.shape.map((_, axis) => axisInStack(step.type, axis)),
  );
}
