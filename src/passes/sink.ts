/**
 * @file Moves what no next state needs behind its loop, for all steps at once: the gradient of a weight becomes one
 * contraction over batch and time, and the reverse loop keeps only what is sequential.
 *
 * What sums over the batch must move (the kernel of a loop owns some rows of the batch), contractions with a captured
 * matrix do (they become one matrix product). Others move where the loop then writes less, unless they read more than
 * they give: a read-out `sum[n](h[d, n] * C[n])` stays, or else the whole state would be written at every step.
 */

import { Builder } from "../ir/builder.js";
import { registry } from "../ir/registry.js";
import { stackAxis } from "../ir/shape.js";
import { definitions, rebuild } from "../ir/traverse.js";
import { BATCH, type Graph, type Instr, type Value, type ValueId } from "../ir/types.js";
import { invariant } from "../support/assert.js";
import { uniformConstant } from "./constant.js";
import { prune } from "./dce.js";
import { largeStates } from "./large-states.js";
import { closeLoop, type Loop, type LoopState, openLoop, outputOf } from "./loop.js";
import { Outside } from "./outside.js";
import { size, totalSize } from "./size.js";

export function sink(graph: Graph): Graph {
  const defined = definitions(graph.instrs);
  const startsAtZero = (state: LoopState) => uniformConstant(state.initial, (id) => defined.get(id)) === 0;
  return rebuild(graph, (b, instr, renamed) => {
    if (instr.op !== "scan") {
      b.instrs.push(instr);
      return;
    }
    const loop = openLoop(instr);
    sinkLoop(b, loop, { startsAtZero, large: largeStates(loop, defined) }, renamed);
  });
}

interface Facts {
  readonly startsAtZero: (state: LoopState) => boolean;
  /** What is to be read in the loop alone. */
  readonly large: ReadonlySet<ValueId>;
}

function sinkLoop(b: Builder, loop: Loop, facts: Facts, renamed: Map<ValueId, Value>): void {
  const { startsAtZero } = facts;
  const sunk = chooseSunk(loop, facts);
  if (sunk.instrs.length === 0) {
    b.instrs.push(closeLoop(loop));
    return;
  }
  const gone = new Set(sunk.instrs.flatMap((instr) => instr.results.map((r) => r.id)));
  const outputs = loop.outputs.filter((o) => !gone.has(o.step.id));
  const stackOf = (step: Value): Value => {
    const existing = outputs.find((o) => o.step.id === step.id);
    if (existing !== undefined) return existing.all;
    const output = outputOf(b.ids, step, loop.length);
    outputs.push(output);
    return output.all;
  };

  const behind = new Builder(b.ids);
  const outside = new Outside(behind, loop);
  for (const value of sunk.written) {
    const state = loop.states.find((s) => s.previous.id === value.id);
    if (state !== undefined && startsAtZero(state)) {
      const attrs = { axis: stackAxis(value.type), offset: loop.reverse ? -1 : 1, fill: 0 };
      outside.set(value, { value: behind.op("shift", attrs, [stackOf(state.next)], value.hint), stacked: true });
    } else outside.set(value, { value: stackOf(value), stacked: true });
  }
  for (const instr of sunk.instrs) invariant(outside.move(instr), "sink", `${instr.op} cannot leave its loop`);
  for (const { step, all } of loop.outputs) if (gone.has(step.id)) renamed.set(all.id, outside.all(step));

  const body = prune(loop.instrs, [...loop.states.map((s) => s.next), ...outputs.map((o) => o.step)]);
  const sequences = loop.sequences.filter((s) => body.live.has(s.step.id));
  b.instrs.push(closeLoop({ ...loop, sequences, instrs: body.instrs, outputs }), ...behind.instrs);
}

interface Sunk {
  /** Instructions to do behind the loop, in order; those that the loop needs too are done in both places. */
  readonly instrs: readonly Instr[];
  /** Values of the body that they read and that the loop must stack for them. */
  readonly written: readonly Value[];
}

function chooseSunk(loop: Loop, { startsAtZero, large }: Facts): Sunk {
  const captured = capturedBy(loop);
  const { live: carried } = prune(
    loop.instrs,
    loop.states.map((s) => s.next),
  );
  const candidates = loop.instrs.filter((instr) => !instr.results.some((r) => carried.has(r.id)));

  const chosen = new Set<Instr>();
  const readsChosen = (instr: Instr) => [...chosen].some((c) => instr.args.some((a) => c.results[0].id === a.id));
  for (const instr of candidates) if (mustLeave(instr, captured) || readsChosen(instr)) chosen.add(instr);

  let best = evaluate(loop, chosen, startsAtZero);
  for (const instr of candidates.toReversed()) {
    const [result] = instr.results;
    const usersStay = candidates.some((user) => !chosen.has(user) && user.args.some((a) => a.id === result.id));
    const growing = instr.args.some((a) => size(a) > size(result));
    if (chosen.has(instr) || usersStay || growing || instr.args.some(({ id }) => large.has(id))) continue;
    chosen.add(instr);
    const then = evaluate(loop, chosen, startsAtZero);
    if (then.cost < best.cost) best = then;
    else chosen.delete(instr);
  }
  return best;
}

function capturedBy(loop: Loop): (value: Value) => boolean {
  const { params, instrs } = closeLoop(loop).attrs.body;
  const own = new Set([...params, ...instrs.flatMap((instr) => instr.results)].map((value) => value.id));
  return (value) => !own.has(value.id);
}

/** Whether an instruction sums over the batch, or contracts with a matrix that is the same for all examples. */
function mustLeave(instr: Instr, captured: (value: Value) => boolean): boolean {
  const hasBatch = (value: Value) => value.type.shape.includes(BATCH);
  if (instr.op === "reduce") return instr.args.some(hasBatch) && !instr.results.some(hasBatch);
  if (instr.op !== "contract") return false;
  const overBatch = instr.args.some(hasBatch) && !instr.results.some(hasBatch);
  return overBatch || instr.args.some((arg) => captured(arg) && !hasBatch(arg));
}

/** Completes a choice by cheap operands that need not be written, and counts what the loop writes a step. */
function evaluate(loop: Loop, chosen: ReadonlySet<Instr>, startsAtZero: (state: LoopState) => boolean) {
  const definition = new Map(loop.instrs.map((instr) => [instr.results[0]?.id, instr]));
  const previous = new Map(loop.states.map((s) => [s.previous.id, s]));
  const leaving = new Set([...chosen].map((instr) => instr.results[0].id));
  const stays = loop.outputs.map((o) => o.step).filter((step) => !leaving.has(step.id));
  const written = new Map<ValueId, Value>();
  const again = new Set<Instr>(chosen);
  const need = (value: Value) => {
    const instr = definition.get(value.id);
    const state = previous.get(value.id);
    if (state !== undefined) written.set(value.id, value);
    else if (instr === undefined || again.has(instr)) return;
    else if (isRemade(instr, definition)) {
      again.add(instr);
      instr.args.forEach(need);
    } else written.set(value.id, value);
  };
  for (const instr of chosen) instr.args.forEach(need);
  const arrays = new Map(
    [...stays, ...written.values()].map((value) => {
      const state = previous.get(value.id);
      const stacked = state !== undefined && startsAtZero(state) ? state.next : value;
      return [stacked.id, stacked];
    }),
  );
  return {
    instrs: loop.instrs.filter((instr) => again.has(instr)),
    written: [...written.values()],
    cost: totalSize(arrays.values()),
  };
}

/**
 * Sources, counters and comparisons, views that repeat, and products larger than all they are made from (outer products): done again outside
 * rather than written by the loop.
 */
function isRemade(instr: Instr, definition: ReadonlyMap<ValueId | undefined, Instr>): boolean {
  const { lowering } = registry[instr.op];
  if (instr.op === "broadcast" || lowering === "source" || instr.op === "random") return true;
  if (lowering !== "pointwise") return false;
  if (instr.results[0].type.elem !== "f32") return true;
  const bases = new Map<ValueId, Value>();
  for (const arg of instr.args) {
    const by = definition.get(arg.id);
    const base = by?.op === "broadcast" ? by.args[0] : arg;
    bases.set(base.id, base);
  }
  return size(instr.results[0]) > totalSize(bases.values());
}
