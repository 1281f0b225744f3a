/**
 * @file A loop without the tails of its sums: what a step computes from sums over its states (`-sum[d](…)`, or one that is
 * scaled and added up over the steps) and no state needs. The loop then gives the sums themselves, all steps of them, and
 * the rest is done behind it. A step so has results that are sums, which threads with a channel each can add up together;
 * code generation asks for it where a loop is better off (codegen/loops.ts).
 */

import { Builder, type IdSource } from "../ir/builder.js";
import { registry } from "../ir/registry.js";
import { stackAxis } from "../ir/shape.js";
import type { Instr, Value, ValueId } from "../ir/types.js";
import { uniformConstant } from "./constant.js";
import { prune } from "./dce.js";
import { closeLoop, type Loop, type LoopState, openLoop, outputOf } from "./loop.js";
import { Outside } from "./outside.js";
import { totalSize } from "./size.js";

export interface WithoutTails {
  readonly scan: Instr<"scan">;
  readonly behind: readonly Instr[];
  /** By the id of a result of the loop, what it is now. */
  readonly became: ReadonlyMap<ValueId, Value>;
}

/** @param outside the definitions of what stands around the loop. */
export function withoutTails(
  instr: Instr<"scan">,
  ids: IdSource,
  outside: ReadonlyMap<ValueId, Instr>,
): WithoutTails | undefined {
  const loop = openLoop(instr);
  const kinds = kindsOf(loop);
  const totals = loop.states.flatMap((state) => {
    const added = addedTo(loop, state);
    return added !== undefined && ["sum", "tail"].includes(kinds.get(added.id) ?? "") ? [{ state, added }] : [];
  });
  const tails = loop.outputs.filter(({ step }) => kinds.get(step.id) === "tail");
  if (totals.length + tails.length === 0) return undefined;

  const { instrs, sums } = behindSums(loop, kinds, [...tails.map(({ step }) => step), ...totals.map((t) => t.added)]);
  const states = loop.states.filter((state) => totals.every((total) => total.state !== state));
  // Sums of little else than themselves are not worth being written at every step.
  if (states.length === 0 || 2 * totalSize(sums) > totalSize(states.map(({ next }) => next))) return undefined;

  const outputs = loop.outputs.filter((output) => !tails.includes(output));
  const b = new Builder(ids);
  const around = new Outside(b, loop);
  for (const sum of sums) {
    const known = outputs.find(({ step }) => step.id === sum.id);
    const output = known ?? outputOf(ids, sum, loop.length);
    if (known === undefined) outputs.push(output);
    around.set(sum, { value: output.all, stacked: true });
  }
  if (!instrs.every((moved) => around.move(moved))) return undefined;
  const became = new Map(tails.map(({ step, all }) => [all.id, around.all(step)] as const));
  for (const { state, added } of totals) {
    const total = b.op("reduce", { kind: "sum", axes: [stackAxis(added.type)] }, [around.all(added)], state.last.hint);
    const isZero = uniformConstant(state.initial, (id) => outside.get(id)) === 0;
    became.set(state.last.id, isZero ? total : b.op("add", {}, [state.initial, total], state.last.hint));
  }
  const body = prune(loop.instrs, [...states.map(({ next }) => next), ...outputs.map(({ step }) => step)]);
  const sequences = loop.sequences.filter(({ step }) => body.live.has(step.id));
  return {
    scan: closeLoop({ ...loop, states, sequences, instrs: body.instrs, outputs }),
    behind: b.instrs,
    became,
  };
}

/** What a value has to do with the states: it needs them, it adds them up, it needs only what adds them up. */
type Kind = "state" | "sum" | "tail";

/** The kinds of values; others need no state. */
function kindsOf(loop: Loop): ReadonlyMap<ValueId, Kind> {
  const kinds = new Map<ValueId, Kind>(loop.states.map(({ previous }) => [previous.id, "state"]));
  for (const instr of loop.instrs) {
    const read = instr.args.flatMap(({ id }) => kinds.get(id) ?? []);
    if (read.length === 0) continue;
    for (const { id } of instr.results) kinds.set(id, kindOf(instr, read));
  }
  return kinds;
}

function kindOf(instr: Instr, read: readonly Kind[]): Kind {
  const { lowering } = registry[instr.op];
  if (instr.op === "contract" || (instr.op === "reduce" && instr.attrs.kind === "sum")) return "sum";
  return read.includes("state") || (lowering !== "pointwise" && instr.op !== "broadcast") ? "state" : "tail";
}

/** What a state adds up that nothing else reads. */
function addedTo(loop: Loop, { previous, next }: LoopState): Value | undefined {
  const by = loop.instrs.find(({ results }) => results.some(({ id }) => id === next.id));
  if (by?.op !== "add" || !by.args.some(({ id }) => id === previous.id)) return undefined;
  const readers = (value: Value) => loop.instrs.filter(({ args }) => args.some(({ id }) => id === value.id)).length;
  const isGiven = loop.outputs.some(({ step }) => step.id === next.id || step.id === previous.id);
  const isCarried =
    loop.states.filter((other) => other.next.id === next.id || other.next.id === previous.id).length > 1;
  if (isGiven || isCarried || readers(previous) > 1 || readers(next) > 0) return undefined;
  return by.args.find(({ id }) => id !== previous.id);
}

/** What computes some tails, in order, and the sums that it starts from. */
function behindSums(loop: Loop, kinds: ReadonlyMap<ValueId, Kind>, tails: readonly Value[]) {
  const sums = new Map<ValueId, Value>();
  const needed = new Set<ValueId>();
  const need = (value: Value) => {
    if (kinds.get(value.id) === "sum") sums.set(value.id, value);
    else needed.add(value.id);
  };
  tails.forEach(need);
  for (const instr of loop.instrs.toReversed()) {
    if (instr.results.some(({ id }) => needed.has(id))) instr.args.forEach(need);
  }
  const instrs = loop.instrs.filter(({ results }) => results.some(({ id }) => needed.has(id)));
  return { instrs, sums: [...sums.values()] };
}
