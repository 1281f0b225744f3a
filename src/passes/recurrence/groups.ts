/** @file States that depend on each other: the strongly connected components of a loop's states, in order of need. */

import { reads } from "../../ir/traverse.js";
import type { Value, ValueId } from "../../ir/types.js";
import type { Loop } from "../loop.js";

/**
 * Positions of states. A group's next values read, of other states, only those of groups before it.
 * (Tarjan 1972, "Depth-First Search and Linear Graph Algorithms".)
 */
export function groupsOf(loop: Loop): readonly (readonly number[])[] {
  const needs = needsOf(loop);
  const groups: number[][] = [];
  const order = new Map<number, number>();
  const lowest = new Map<number, number>();
  const open: number[] = [];
  const visit = (state: number): number => {
    const place = order.size;
    order.set(state, place);
    open.push(state);
    let low = place;
    for (const other of needs[state]) {
      if (!order.has(other)) low = Math.min(low, visit(other));
      else if (open.includes(other)) low = Math.min(low, lowest.get(other) ?? order.get(other)!);
    }
    lowest.set(state, low);
    if (low === place) groups.push(open.splice(open.indexOf(state)).sort((a, b) => a - b));
    return low;
  };
  for (const state of loop.states.keys()) if (!order.has(state)) visit(state);
  return groups;
}

/** For each state, the states that its next value reads. */
function needsOf(loop: Loop): readonly (readonly number[])[] {
  const read = statesRead(loop);
  return loop.states.map(({ next }) => [...read(next)].sort((a, b) => a - b));
}

/** Which states a value of a loop's body is made of. */
export function statesRead({ states, instrs }: Loop): (value: Value) => ReadonlySet<number> {
  const needs = new Map<ValueId, ReadonlySet<number>>(states.map((s, i) => [s.previous.id, new Set([i])]));
  for (const instr of instrs) {
    const all = new Set(reads(instr).flatMap((value) => [...(needs.get(value.id) ?? [])]));
    if (all.size > 0) for (const result of instr.results) needs.set(result.id, all);
  }
  return ({ id }) => needs.get(id) ?? new Set();
}
