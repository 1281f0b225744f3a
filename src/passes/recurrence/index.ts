/**
 * @file Finds what kind of recurrence each loop is. Reads the IR alone: a loop that the derivative made is classified as one
 * that was written (the adjoint of any loop is linear in the adjoints of its states).
 */

import { definitions, reads } from "../../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../../ir/types.js";
import { uniformConstant } from "../constant.js";
import { type Loop, openLoop } from "../loop.js";
import { classify } from "./classify.js";
import { groupsOf } from "./groups.js";
import { type Reading, readingOf } from "./reading.js";
import type { Recurrence, RecurrenceGroup } from "./types.js";

export { type AffineStep, affineStep } from "./affine-step.js";
export { statesRead } from "./groups.js";
export type { Access, AxisRead, Bottleneck, Degree } from "./reading.js";
export type { Matrix, Proof, Recurrence, RecurrenceClass, RecurrenceGroup, StateRead } from "./types.js";

/** Of every scan of a graph, in order. */
export function recurrences(graph: Graph): readonly Recurrence[] {
  const defined = definitions(graph.instrs);
  return graph.instrs.flatMap((instr) => (instr.op === "scan" ? [recurrenceOf(instr, (id) => defined.get(id))] : []));
}

/** @param definition of values of the body and of those around it; what it does not know counts as unknown. */
export function recurrenceOf(
  scan: Instr<"scan">,
  definition: (id: ValueId) => Instr | undefined = bodyDefinitions(scan),
): Recurrence {
  return {
    results: scan.results.map(({ id }) => id),
    groups: classifyGroups(scan, groupsOf(openLoop(scan)), definition),
  };
}

/**
 * What some states are together, also where one of them needs another that does not need it.
 * @param groups positions of states, ascending.
 */
export function classifyGroups(
  scan: Instr<"scan">,
  groups: readonly (readonly number[])[],
  definition: (id: ValueId) => Instr | undefined = bodyDefinitions(scan),
): readonly RecurrenceGroup[] {
  const loop = openLoop(scan);
  const isZero = (value: Value) => uniformConstant(value, definition) === 0;
  const varying = varyingValues(loop);
  return groups.map((states) => {
    const known = readingsOf(loop, states, varying, isZero);
    return classify(
      loop,
      states,
      states.map((state) => known.get(loop.states[state].next.id)),
    );
  });
}

function bodyDefinitions(scan: Instr<"scan">): (id: ValueId) => Instr | undefined {
  const defined = definitions([scan]);
  return (id) => defined.get(id);
}

/** What differs from step to step: the sequences, the states, and all that reads them. */
function varyingValues({ states, sequences, instrs }: Loop): ReadonlySet<ValueId> {
  const varying = new Set([...states.map((s) => s.previous.id), ...sequences.map((s) => s.step.id)]);
  for (const instr of instrs) {
    if (reads(instr).some(({ id }) => varying.has(id))) for (const { id } of instr.results) varying.add(id);
  }
  return varying;
}

function readingsOf(
  { states, instrs }: Loop,
  group: readonly number[],
  varying: ReadonlySet<ValueId>,
  isZero: (value: Value) => boolean,
): ReadonlyMap<ValueId, Reading> {
  const known = new Map<ValueId, Reading>();
  for (const state of group) {
    const { previous } = states[state];
    const axes = previous.type.shape.map((_, axis) => ({ axis, offset: 0 }));
    known.set(previous.id, { degree: "linear", varies: false, accesses: [{ state, axes }] });
  }
  const facts = {
    reading: ({ id }: Value) => known.get(id),
    varies: ({ id }: Value) => varying.has(id),
    isZero,
  };
  for (const instr of instrs) {
    const read = reads(instr).flatMap(({ id }) => known.get(id) ?? []);
    if (read.length === 0) continue;
    for (const result of instr.results) {
      known.set(result.id, instr.op === "scan" ? opaque(read) : readingOf(instr, facts));
    }
  }
  return known;
}

/** Of a loop within the body: nothing is known of it. */
function opaque(read: readonly Reading[]): Reading {
  const accesses = read
    .flatMap((reading) => reading.accesses)
    .map(({ state, axes }) => ({ state, axes: axes.map(() => undefined) }));
  return { degree: "nonlinear", varies: true, accesses };
}
