/** @file A graph becomes a program: kernels in order, and a slot of memory for everything that is stored. */

import type { Count, Program, Slot } from "../../runtime/manifest.js";
import { BATCH, type Graph, type Precision, type Value, type ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { alongside, chain } from "./compose.js";
import { type Address, count, type KernelContext, type Scratch } from "./context.js";
import { dotsKernel } from "./dots-kernel.js";
import { isHalf, onlyForGradients, WATCHED, watched } from "./halves.js";
import { statesSize } from "./kept-states.js";
import { type Kernel, knownWord, type Memory, type PlanWord, slotWord } from "./kernel-ir.js";
import type { KernelStore } from "./kernel-store.js";
import { laneKernels } from "./lane-kernels.js";
import { productOf } from "./lane-plan.js";
import { mapKernels } from "./map-kernel.js";
import { matmulKernels } from "./matmul-kernel.js";
import { CHUNK, type ChunkStarts } from "./replay.js";
import { scanKernels } from "./scan-kernels.js";
import { type Group, schedule } from "./schedule.js";
import { formOf } from "./stage-form.js";
import { planStages, type Stage } from "./stages.js";
import { stepKernels, WIDE } from "./step-kernels.js";
import { treeKernels } from "./tree-kernel.js";

/** Where each parameter stands in the flat buffer. */
export interface FlatLayout {
  readonly offsets: ReadonlyMap<string, number>;
  readonly decayed: number;
  readonly trainable: number;
  readonly total: number;
}

interface OpenSlot {
  readonly name: string;
  readonly size: Count;
  readonly half?: true;
  first: number;
  last: number;
}

class SlotTable {
  readonly #slots: OpenSlot[] = [];

  open(name: string, size: Count, first: number, half = false): number {
    this.#slots.push({ name: name.replaceAll(/\W/g, "_"), size, ...(half && { half }), first, last: first });
    return this.#slots.length - 1;
  }

  live(slot: number, at: number): void {
    this.#slots[slot].first = Math.min(this.#slots[slot].first, at);
    this.#slots[slot].last = Math.max(this.#slots[slot].last, at);
  }

  /** Where the element so far behind the slot's start lies. */
  offset(slot: number, plus = 0): PlanWord {
    return slotWord(this.#slots[slot].name, slot, plus);
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }
}

interface Home {
  readonly memory: Memory;
  readonly slot: number;
  /** Elements from the slot's start. */
  readonly offset: number;
}

/** A place where a value of the graph lies once it is computed. */
export interface StoredValue {
  readonly value: ValueId;
  /** The number of the dispatch that writes it. */
  readonly dispatch: number;
  readonly slot: number;
  /** Elements from the slot's start. */
  readonly offset: number;
}

/** Is told of each program what it was made from, and where the graph's values lie. */
export type NoteProgram = (program: Program, graph: Graph, stored: readonly StoredValue[]) => void;

/** The kernels that may do a group, the default first. */
function kernelsOf(
  name: string,
  group: Group,
  context: KernelContext,
  wide: number,
  starts?: ChunkStarts,
): readonly Kernel[] {
  switch (group.kind) {
    case "map":
      return mapKernels(name, group, context);
    case "tree":
      return treeKernels(name, group, context);
    case "dots":
      return [dotsKernel(name, group, context)];
    case "matmul":
      return matmulKernels(name, group, context);
    case "scan":
      if (group.lanes === undefined || group.spans === undefined) {
        return [...scanKernels(name, group.instr, context), ...stepKernels(name, group.instr, context, wide)];
      }
      return laneKernels(
        name,
        group.instr,
        {
          plan: group.lanes,
          spans: group.spans,
          ...(group.replay && { replay: group.replay }),
          ...(starts && { starts }),
        },
        context,
      );
  }
}

/** Work that is little in all has no use for tiles and trees. */
function asMap(group: Group): Group {
  return group.kind === "scan" ? group : { kind: "map", shape: group.shape, roots: group.roots };
}

/** @param wide loops with products over at least so many terms may be done a dispatch a step. */
export function buildProgram(
  graph: Graph,
  layout: FlatLayout,
  store: KernelStore,
  precision: Precision = "f32",
  wide = WIDE,
  note?: NoteProgram,
): Program {
  const scheduled = schedule(graph);
  const { groups, reads, definitions } = scheduled;
  const stages = planStages(scheduled);
  const stageOf = new Map(stages.flatMap((stage, when) => stage.groups.map((at) => [at, when] as const)));
  const when = (at: number) => present(stageOf.get(at), "program", "the stage of a group");
  const table = new SlotTable();
  const training = graph.results.some((r) => r.kind === "grad");
  const end = stages.length;

  const inputs: Record<string, number> = {};
  const argument = new Map<ValueId, Address | Home>();
  for (const { kind, name, value } of graph.args) {
    if (kind === "param") {
      const offset = present(layout.offsets.get(name), "program", `parameter ${name}`);
      argument.set(value.id, { memory: "params", offset: knownWord("params", offset) });
    } else {
      const slot = table.open(name, count(value.type.shape), -1);
      inputs[name] = slot;
      // A kept state is the host's to swap with its successor: it lives throughout.
      if (kind === "state") table.live(slot, end);
      argument.set(value.id, { memory: "arena", slot, offset: 0 });
    }
  }

  const outputs: Record<string, number> = {};
  const scalars: Record<string, number> = {};
  const nextStates: Record<string, number> = {};
  const homes = new Map<ValueId, Home[]>();
  const house = (value: Value, home: Home) => homes.set(value.id, [...(homes.get(value.id) ?? []), home]);
  const gradients = training ? table.open("gradients", count([layout.trainable]), end) : undefined;
  for (const { kind, name, value } of graph.results) {
    if (kind === "grad") {
      const offset = present(layout.offsets.get(name), "program", `parameter ${name}`);
      house(value, { memory: "arena", slot: present(gradients, "program", "gradients"), offset });
      continue;
    }
    const slot = table.open(name, count(value.type.shape), end);
    if (kind === "state") table.live(slot, -1);
    house(value, { memory: "arena", slot, offset: 0 });
    const names = kind === "output" || kind === "probe" ? outputs : kind === "state" ? nextStates : scalars;
    names[name] = slot;
  }

  // What another group reads and no result holds has a slot of its own.
  const isDerivative = onlyForGradients(graph);
  const memoryOfHalf = (value: Value): Memory => (training && isDerivative(value) ? WATCHED : "halves");
  reads.forEach((ids, at) => {
    for (const id of ids) {
      const known = argument.get(id);
      if (known && "slot" in known) table.live(known.slot, when(at));
    }
  });
  groups.forEach((group, at) => {
    for (const root of group.roots) {
      if (!definitions.has(root.id)) {
        // A copy of an argument is read by the host alone.
        for (const { slot } of homes.get(root.id) ?? []) table.live(slot, when(at));
        continue;
      }
      const readers = reads.flatMap((ids, reader) => (ids.has(root.id) ? [reader] : []));
      if (readers.length > 0 && !homes.has(root.id)) {
        const half = precision === "f16" && isHalf(root);
        const slot = table.open(root.hint ?? "v", count(root.type.shape), when(at), half);
        house(root, { memory: half ? memoryOfHalf(root) : "arena", slot, offset: 0 });
      }
      for (const { slot } of homes.get(root.id) ?? [])
        for (const user of [at, ...readers]) table.live(slot, when(user));
    }
  });

  const address = ({ memory, slot, offset }: Home): Address => ({ memory, offset: table.offset(slot, offset) });
  const starts = chunkStarts(groups, table, when);
  const contextAt = (at: number, scratch: Scratch): KernelContext => {
    const own = new Set(groups[at].roots.map((r) => r.id));
    return {
      definitions,
      readAddress: (value) => {
        const known = argument.get(value.id);
        if (known) return "slot" in known ? address(known) : known;
        const home = homes.get(value.id)?.[0];
        return home && address(home);
      },
      writeAddresses: (value) => (own.has(value.id) ? (homes.get(value.id) ?? []).map(address) : []),
      scratch,
    };
  };
  const scratchAt =
    (time: number): Scratch =>
    (hint, shape) =>
      table.offset(table.open(hint, count(shape), time));
  const kernelsOfStage = (stage: Stage, number: number, scratch: Scratch): readonly Kernel[] => {
    const { kind, groups: members } = stage;
    const name = `k${number}_${kind === "single" ? groups[members[0]].kind : kind}`;
    const parts = members.map((at) => {
      const group = kind === "chain" ? asMap(groups[at]) : groups[at];
      return kernelsOf(name, group, contextAt(at, scratch), wide, starts.get(at));
    });
    if (kind === "single") return parts[0];
    const first = parts.map(([usual]) => usual);
    if (kind === "chain") return [chain(name, first)];
    // Variants stand beside each other too, and beside what has none, where they have as many threads.
    const most = Math.max(...parts.map((kernels) => kernels.length));
    const others = Array.from({ length: most - 1 }, (_, i) => parts.map((kernels) => kernels[i + 1] ?? kernels[0]));
    const alike = others.filter((each) => each.every(({ workgroupSize }) => workgroupSize === each[0].workgroupSize));
    return [alongside(name, first), ...alike.map((each, i) => alongside(`${name}_${i + 1}`, each))];
  };
  // The host sets it back before each step.
  const overflow = precision === "f16" && gradients !== undefined ? table.open("overflow", count([1]), -1) : undefined;
  const dispatches = stages.map((stage, number) => {
    const scratch = scratchAt(number);
    const make = (noted: Scratch) => kernelsOfStage(stage, number, noted);
    if (overflow !== undefined) {
      const flag = table.offset(overflow);
      return store.dispatch((noted) => make(noted).map((kernel) => watched(kernel, flag)), scratch);
    }
    const members = stage.groups.map((at) => ({
      group: groups[at],
      context: contextAt(at, scratch),
      starts: starts.get(at),
    }));
    return store.dispatch(make, scratch, formOf(`${stage.kind} ${wide}`, members));
  });

  if (overflow !== undefined) {
    table.live(overflow, end);
    scalars.overflow = overflow;
  }

  const program: Program = {
    slots: table.slots,
    dispatches,
    inputs,
    outputs,
    scalars,
    nextStates,
    ...(gradients === undefined ? {} : { gradients }),
  };
  const stored = groups.flatMap(({ roots }, at) =>
    roots.flatMap(({ id }) =>
      (homes.get(id) ?? []).map(({ slot, offset }) => ({ value: id, dispatch: when(at), slot, offset })),
    ),
  );
  note?.(program, graph, stored);
  return program;
}

/** A slot for the states at the starts of chunks, from each loop that is replayed to the one that replays it. */
function chunkStarts(
  groups: readonly Group[],
  table: SlotTable,
  when: (at: number) => number,
): ReadonlyMap<number, ChunkStarts> {
  const found = new Map<number, ChunkStarts>();
  groups.forEach((group, at) => {
    if (group.kind !== "scan" || group.replay === undefined) return;
    const { forward, plan, states } = group.replay;
    const from = groups.findIndex((g) => g.kind === "scan" && g.instr === forward);
    const size = count([BATCH, statesSize(forward, plan, states) * productOf(plan.extents)]);
    const slot = table.open(
      "starts",
      { ...size, chunks: [{ length: forward.attrs.length, steps: CHUNK }] },
      when(from),
    );
    table.live(slot, when(at));
    for (const group of [from, at]) found.set(group, { offset: table.offset(slot), states });
  });
  return found;
}
