/**
 * @file States of a forward loop that are more than all else that its reverse loop reads. The schedule can compute them
 * again in the reverse loop (codegen/replay.ts), if nothing else reads them: so passes leave in that loop what does.
 */

import type { Instr, ValueId } from "../ir/types.js";
import type { Loop, LoopSequence } from "./loop.js";
import { size, totalSize } from "./size.js";

/** Step values of a reverse loop that are states of the forward one, where they are more than all else that it reads. */
export function largeStates(loop: Loop, defined: ReadonlyMap<ValueId, Instr>): ReadonlySet<ValueId> {
  const isState = ({ all }: LoopSequence) => {
    const instr = defined.get(all.id);
    const source = instr?.op === "shift" ? instr.args[0] : all;
    const by = defined.get(source.id);
    if (by?.op !== "scan") return false;
    const { states, body } = by.attrs;
    const step = body.results[by.results.findIndex(({ id }) => id === source.id)];
    return [...body.results.slice(0, states), ...body.params.slice(0, states)].some(({ id }) => id === step.id);
  };
  const states = loop.reverse ? loop.sequences.filter(isState) : [];
  const others = loop.sequences.filter((sequence) => !states.includes(sequence));
  const least = totalSize(others.map(({ step }) => step));
  return new Set(states.filter(({ step }) => size(step) > least).map(({ step }) => step.id));
}
