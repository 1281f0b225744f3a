/** @file Shifts into the past, for a stream: a loop whose states are the last few steps. */

import type { Builder } from "../ir/builder.js";
import { moveLoopAxis } from "../ir/ops/shared.js";
import { stackAxis, unstack } from "../ir/shape.js";
import { rebuild } from "../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../ir/types.js";

/** More steps than this are too many for states. */
const MOST_CARRIED = 64;

type Shift = Instr<"shift">;

/** Every shift into the past along the axis of steps as a loop; those of one array and one filling share it. */
export function carryShifts(graph: Graph, length: string): Graph {
  const groups = new Map<string, Shift[]>();
  for (const instr of graph.instrs) {
    if (instr.op !== "shift" || !isCarried(instr, length)) continue;
    groups.set(groupOf(instr), [...(groups.get(groupOf(instr)) ?? []), instr]);
  }
  const firsts = new Map([...groups.values()].map((group) => [group[0].results[0].id, group]));
  const done = new Set<ValueId>();
  return rebuild(graph, (b, instr, renamed) => {
    const group = firsts.get(instr.results[0].id);
    if (instr.op === "shift" && group !== undefined) {
      const delayed = delay(b, instr, group, length);
      group.forEach((shift, i) => {
        renamed.set(shift.results[0].id, delayed[i]);
        done.add(shift.results[0].id);
      });
    } else if (!done.has(instr.results[0].id)) b.instrs.push(instr);
  });
}

const groupOf = ({ args, attrs }: Shift) => `${args[0].id} ${attrs.fill}`;

function isCarried({ attrs, args: [x] }: Shift, length: string): boolean {
  const along = x.type.shape[attrs.axis] === length && x.type.shape.filter((dim) => dim === length).length === 1;
  return along && attrs.offset > 0 && attrs.offset <= MOST_CARRIED;
}

/** The array delayed as each of the shifts says. `first` is the first of them with its operand up to date. */
function delay(b: Builder, { args: [x], attrs: { axis, fill } }: Shift, group: readonly Shift[], length: string) {
  const { elem, shape } = x.type;
  const step = { elem, shape: shape.filter((_, i) => i !== axis) };
  const sequence = moveLoopAxis(b, x, axis, step);
  const most = Math.max(...group.map(({ attrs }) => attrs.offset));
  const initial = Array.from({ length: most }, () => b.fill(fill, unstack(sequence.type, length).shape, elem));
  const hints = initial.map((_, i) => `${x.hint ?? "past"}.${i + 1}`);
  const body = (_: Builder, states: readonly Value[], [now]: readonly Value[]) => ({
    next: [now, ...states.slice(0, -1)],
    outputs: group.map(({ attrs }) => states[attrs.offset - 1]),
  });
  const { stacked } = b.scan({ length, reverse: false }, initial, [sequence], body, hints);
  const at = stackAxis(step);
  const back = sequence.type.shape.map((_, i) => i);
  back.splice(at, 1);
  back.splice(axis, 0, at);
  const places = back.map((_, i) => back.indexOf(i));
  return stacked.map((value, i) => b.broadcast(value, shape, places, group[i].results[0].hint));
}
