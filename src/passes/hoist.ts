/**
 * @file Moves what does not depend on a state in front of its loop, for all steps at once: `W @ x` becomes one matrix
 * product over batch and time, and what a loop leaves behind is what is truly sequential.
 *
 * Contractions, reductions and look-ups always move. Pointwise instructions move when the loop reads less for it, or no
 * more if they read what moves: `W @ x + b` does, `exp(dt[d] * A[d, n])`, which is larger than what it is made from,
 * stays. What is the same at every step moves too, unless it is a constant or a mere view.
 *
 * One kind of sum stays in a reverse loop: `dC[n] = sum[d](dy[d] * h[d, n])`, over states that are more than all else that
 * the loop reads. It would be all that needs these states of every step written out; in the loop it reads them where
 * they are computed again (codegen/replay.ts).
 */

import type { Builder, IdSource } from "../ir/builder.js";
import { registry } from "../ir/registry.js";
import { definitions, reads, rebuild, substitute, substituteReads } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";
import { prune } from "./dce.js";
import { largeStates } from "./large-states.js";
import { closeLoop, type Loop, type LoopSequence, openLoop } from "./loop.js";
import { Outside } from "./outside.js";
import { size, totalSize } from "./size.js";

export function hoist(graph: Graph): Graph {
  const defined = definitions(graph.instrs);
  return rebuild(graph, (b, instr, renamed) => {
    if (instr.op !== "scan") {
      b.instrs.push(instr);
      return;
    }
    const loop = openLoop(instr);
    hoistLoop(b, loop, largeStates(loop, defined), renamed);
  });
}

/** Adds the loop and what moves in front of it to `b`; outputs that need no loop go to `renamed`. */
function hoistLoop(b: Builder, loop: Loop, written: ReadonlySet<ValueId>, renamed: Map<ValueId, Value>): void {
  const free = stateless(loop);
  const moved = chooseMoved(loop, free, written);
  const outside = new Outside(b, loop);
  for (const instr of withOperands(free.instrs, moved)) outside.move(instr);

  const outputs = loop.outputs.filter(({ step, all }) => {
    const stays = outside.get(step) === undefined;
    if (!stays) renamed.set(all.id, outside.all(step));
    return stays;
  });
  const { sequences, names } = newSequences(b.ids, outside, moved);
  const instrs = loop.instrs.map((instr) => substituteReads(instr, names));
  const states = loop.states.map((s) => ({ ...s, next: substitute(s.next, names) }));
  const body = prune(instrs, [...states.map((s) => s.next), ...outputs.map((o) => o.step)]);
  const given = [...loop.sequences, ...sequences].filter((s) => body.live.has(s.step.id));
  if (states.length + outputs.length > 0) {
    b.instrs.push(closeLoop({ ...loop, states, sequences: given, instrs: body.instrs, outputs }));
  }
}

interface Stateless {
  /** Instructions that depend on no state, in order. */
  readonly instrs: readonly Instr[];
  /** Ids of what varies from step to step all the same. */
  readonly stepwise: ReadonlySet<ValueId>;
}

function stateless(loop: Loop): Stateless {
  const dependent = new Set(loop.states.map((s) => s.previous.id));
  const stepwise = new Set(loop.sequences.map((s) => s.step.id));
  const instrs: Instr[] = [];
  for (const instr of loop.instrs) {
    const marks = (set: Set<ValueId>) => {
      const marked = reads(instr).some((v) => set.has(v.id));
      if (marked) for (const result of instr.results) set.add(result.id);
      return marked;
    };
    if (!marks(dependent)) {
      marks(stepwise);
      instrs.push(instr);
    }
  }
  return { instrs, stepwise };
}

/** The stateless instructions whose results the loop shall be given. */
function chooseMoved(loop: Loop, free: Stateless, written: ReadonlySet<ValueId>): ReadonlySet<Instr> {
  const definition = new Map(free.instrs.flatMap((instr) => instr.results.map((r) => [r.id, instr])));
  const roots = [
    ...loop.states.map((s) => s.next),
    ...loop.outputs.map((o) => o.step).filter((step) => !definition.has(step.id)),
    ...loop.instrs.filter((instr) => !free.instrs.includes(instr)).flatMap(reads),
  ];
  /** What varies and has to be given for `values` to be computed, if the results of `moved` are given. */
  const bases = (values: readonly Value[], moved: ReadonlySet<Instr>, into = new Map<ValueId, Value>()) => {
    for (const value of values) {
      const instr = definition.get(value.id);
      if (instr !== undefined && !moved.has(instr)) bases(instr.args, moved, into);
      else if (free.stepwise.has(value.id)) into.set(value.id, value);
    }
    return into;
  };
  const readSize = (moved: ReadonlySet<Instr>) => totalSize(bases(roots, moved).values());

  const moved = new Set<Instr>();
  /** Whether an instruction reads a state that is larger than its result. */
  const readsMore = (instr: Instr) =>
    [...bases(instr.args, moved).values()].some((v) => written.has(v.id) && size(v) > size(instr.results[0]));
  const fromConstants = new Set<ValueId>();
  let reading = -1;
  for (const instr of free.instrs) {
    const { lowering } = registry[instr.op];
    if (instr.args.every((arg) => fromConstants.has(arg.id))) {
      fromConstants.add(instr.results[0].id);
    } else if (lowering === "contraction" || lowering === "reduction" || lowering === "gather") {
      if (readsMore(instr)) continue;
      moved.add(instr);
      reading = -1;
    } else if (lowering === "pointwise") {
      if (reading < 0) reading = readSize(moved);
      const from = [...bases(instr.args, moved).keys()];
      const most = from.length === 0 || from.some((id) => definition.has(id)) ? reading : reading - 1;
      moved.add(instr);
      const then = readSize(moved);
      if (then > most) moved.delete(instr);
      else reading = then;
    }
  }
  for (const { step } of loop.outputs) {
    const instr = definition.get(step.id);
    if (instr !== undefined && !readsMore(instr)) moved.add(instr);
  }
  // A state that only delays what is known of all steps is a shift of it, once that is a sequence.
  for (const { next } of loop.states) {
    const instr = definition.get(next.id);
    if (instr !== undefined && size(next) <= totalSize(bases(instr.args, moved).values())) moved.add(instr);
  }
  return moved;
}

/** `wanted` and what they need of `instrs`, in order. Operands that the body still uses are done in both places. */
function withOperands(instrs: readonly Instr[], wanted: ReadonlySet<Instr>): readonly Instr[] {
  const needed = new Set<ValueId>();
  return instrs
    .toReversed()
    .filter((instr) => {
      if (!wanted.has(instr) && !instr.results.some((r) => needed.has(r.id))) return false;
      for (const read of reads(instr)) needed.add(read.id);
      return true;
    })
    .reverse();
}

/** A sequence for each result of `moved` that was moved and varies; `names` has what the body shall read instead. */
function newSequences(ids: IdSource, outside: Outside, moved: ReadonlySet<Instr>) {
  const names = new Map<ValueId, Value>();
  const sequences: LoopSequence[] = [];
  for (const { results } of moved) {
    for (const result of results) {
      const lifted = outside.get(result);
      if (lifted === undefined) continue;
      if (!lifted.stacked) {
        names.set(result.id, lifted.value);
        continue;
      }
      const step: Value = { id: ids.next(), type: result.type, hint: result.hint };
      names.set(result.id, step);
      sequences.push({ all: lifted.value, step });
    }
  }
  return { sequences, names };
}
