/**
 * @file Which loops can give each channel to a thread of its own: states that meet no other channel of themselves (a
 * diagonal recurrence, a state matrix that is summed over its second axis only) stay in registers for all steps.
 *
 * A *slot* is an axis that all states and all results of the loop have in common, along which a step reads states at its
 * own place only. The other axes of a state are the thread's own: their elements are registers. Results that sum over
 * slots (`dB[n] = sum[d](…)`) are added up by the threads of a workgroup.
 */

import { definitions as definitionsIn } from "../ir/traverse.js";
import { BATCH, type Dim, type Instr, type Value, type ValueId } from "../ir/types.js";
import { type Expr, keyOf, variable } from "./kernel-ir.js";
import {
  type Accumulating,
  accumulation,
  type Element,
  type Index,
  isAccumulating,
  MOST_WRITTEN_OUT,
  ROW_OF,
  termsOf,
  UNKNOWN,
} from "./scalarize.js";
import { WORKGROUP_MEMORY } from "./scan-plan.js";
import { walk } from "./walk.js";

/** For each axis of a row (or of what is summed): its slot, or undefined where the thread has all of it. */
export type Placement = readonly (number | undefined)[];

export interface LaneOutput {
  readonly value: Value;
  /** Axes of the result's row. */
  readonly kept: Placement;
  /** A sum over slots: the instruction, and where its summed axes lie. */
  readonly sum?: { readonly instr: Accumulating; readonly summed: Placement };
}

export interface LanePlan {
  /** Extents of the slots. */
  readonly extents: readonly number[];
  /** Slots that some sum keeps: a workgroup has one place of each. Threads lie along the others. */
  readonly outer: readonly number[];
  readonly lanes: readonly number[];
  readonly states: readonly Placement[];
  readonly outputs: readonly LaneOutput[];
  /** Stacks of other loops that are read at the thread's own places, by id; a slot or undefined for each axis of a row. */
  readonly residuals: ReadonlyMap<ValueId, Placement>;
  /** Channels that a workgroup has, of one place of the outer slots: its threads, times the channels of each. */
  readonly channels: number;
  /** Elements of all states that a channel has. */
  readonly registers: number;
}

/**
 * Elements of all states that a thread may hold: those of S4D's reverse loop, 32 places of two states and six gradients.
 * Otherwise its states of all steps would be stored.
 */
const MOST_REGISTERS = 256;
/** Elements of a single state, since a step is written out for each. */
const MOST_INNER = 32;
/** Channels of a workgroup, the best first. */
const CHANNELS = [64, 32, 16];

/** The axes of a value or of a sum's terms that may become slots: a name each, which stands for the place there. */
interface Node {
  readonly owner: number;
  readonly extent: Dim;
}

/** Axes that must lie on the same slot are joined; those that a state is not read at its own place along are out. */
class Links {
  readonly nodes: Node[] = [];
  readonly #parent: number[] = [];
  readonly #out = new Set<number>();
  readonly #aside = new Set<number>();

  add(owner: number, extent: Dim): number {
    this.nodes.push({ owner, extent });
    this.#parent.push(this.#parent.length);
    return this.nodes.length - 1;
  }

  root(node: number): number {
    return this.#parent[node] === node ? node : this.root(this.#parent[node]);
  }

  join(a: number, b: number): void {
    this.#parent[this.root(a)] = this.root(b);
  }

  exclude(node: number): void {
    this.#out.add(node);
  }

  /** Notes that what lies along the axis is read at other places too. */
  readAside(node: number): void {
    this.#aside.add(node);
  }

  isAside(node: number): boolean {
    return this.#aside.has(node);
  }

  /** Groups of axes with none excluded. */
  groups(): readonly (readonly number[])[] {
    const found = new Map<number, number[]>();
    this.nodes.forEach((_, node) => {
      found.set(this.root(node), [...(found.get(this.root(node)) ?? []), node]);
    });
    return [...found.values()].filter((group) => group.every((node) => !this.#out.has(node)));
  }
}

/** The owner of an axis that is of no state and no result. */
const NOBODY = -1;
const place = (node: number): Expr => variable(`slot_${node}`, "u32", 0);
const ROW = variable("row", "u32", 0);

/** A result of the step with the axes that may become slots. */
interface Root {
  readonly elements: readonly Element[];
  readonly nodes: readonly number[];
}

/**
 * @param outside the definitions of what stands around the loop.
 * @param planOf the plans of loops before it.
 */
export function planLanes(
  instr: Instr<"scan">,
  outside: ReadonlyMap<ValueId, Instr>,
  planOf: (scan: Instr<"scan">) => LanePlan | undefined,
): LanePlan | undefined {
  const { body, states: count } = instr.attrs;
  if (count === 0) return undefined;
  const definitions = definitionsIn(body.instrs);
  const states = body.params.slice(0, count);
  const nexts = body.results.slice(0, count);
  const results = body.results.slice(count);
  const isRow = (value: Value) =>
    value.type.shape[0] === BATCH &&
    value.type.elem === "f32" &&
    value.type.shape.slice(1).every((d) => typeof d === "number");
  if (![...states, ...results].every(isRow)) return undefined;

  const isWhole = (id: ValueId, axis: number): boolean => {
    const scan = outside.get(id);
    const output = scan?.op === "scan" ? scan.results.findIndex((r) => r.id === id) - scan.attrs.states : -1;
    const plan = scan?.op === "scan" ? planOf(scan) : undefined;
    return plan !== undefined && output >= 0 && plan.outputs[output].kept[axis] === undefined;
  };
  const links = new Links();
  const axesOf = (owner: number, shape: readonly Dim[]) => shape.map((extent) => links.add(owner, extent));
  const stateNodes = states.map((state, i) => axesOf(i, state.type.shape.slice(1)));
  const rows = results.map((value, i) => axesOf(count + i, value.type.shape.slice(1)));
  const reductions = results.map((value, i) => {
    const definition = definitions.get(value.id);
    if (!isAccumulating(definition)) return undefined;
    const acc = accumulation(definition);
    if (acc.kind !== "sum" || acc.dims.some((dim) => typeof dim !== "number")) return undefined;
    return { instr: definition, acc, nodes: axesOf(count + i, acc.dims) };
  });

  const roots: Root[] = [
    ...nexts.map((value, i) => ({
      elements: [{ value, index: [ROW, ...stateNodes[i].map(place)] }],
      nodes: stateNodes[i],
    })),
    ...results.map((value, i) => {
      const index = [ROW, ...rows[i].map(place)];
      const sum = reductions[i];
      if (sum === undefined) return { elements: [{ value, index }], nodes: rows[i] };
      return { elements: sum.acc.factors(index, sum.nodes.map(place)), nodes: [...rows[i], ...sum.nodes] };
    }),
  ];
  // What another loop wrote of its states, at this step or one beside it, is read where those lay.
  const residuals = new Map<ValueId, readonly number[]>();
  const written = new Map<ValueId, readonly number[]>();
  body.params.slice(count).forEach((param, i) => {
    const all = stackOf(instr.args[count + i], outside);
    if (param.type.shape[0] !== BATCH || param.type.shape.length < 3 || outside.get(all.id)?.op !== "scan") return;
    const nodes = written.get(all.id) ?? axesOf(NOBODY, param.type.shape.slice(1));
    written.set(all.id, nodes);
    residuals.set(param.id, nodes);
  });
  if (!roots.map((root) => link(root, definitions, { states, stateNodes, residuals }, links)).every(Boolean))
    return undefined;

  const owners = count + results.length;
  // Where a thread of the forward loop has a whole axis, one of the reverse has it too, so that it can replay that loop.
  const whole = new Set([...written].flatMap(([id, nodes]) => nodes.filter((_, axis) => isWhole(id, axis))));
  const candidates = merged(links, owners).filter((slot) => !slot.some((node) => whole.has(node)));
  const plans = subsets(candidates).flatMap((slots) => withSlots(slots) ?? []);
  return plans.reduce<LanePlan | undefined>((a, b) => (a === undefined || costOf(b) < costOf(a) ? b : a), undefined);

  function withSlots(slots: readonly (readonly number[])[]): LanePlan | undefined {
    const slotOf = (node: number) => {
      const found = slots.findIndex((slot) => slot.includes(node));
      return found < 0 ? undefined : found;
    };
    const extents = slots.map(([node]) => Number(links.nodes[node].extent));
    const placements = stateNodes.map((nodes) => nodes.map(slotOf));
    const outputs = results.map((value, i): LaneOutput => {
      const kept = rows[i].map(slotOf);
      const sum = reductions[i];
      const summed = sum?.nodes.map(slotOf) ?? [];
      return sum !== undefined && summed.some((slot) => slot !== undefined)
        ? { value, kept, sum: { instr: sum.instr, summed } }
        : { value, kept };
    });
    const added = outputs.filter(({ sum }) => sum !== undefined);
    const all = slots.map((_, slot) => slot);
    const outer = all.filter((slot) => added.some(({ kept }) => kept.includes(slot)));
    const lanes = all.filter((slot) => !outer.includes(slot));
    if (lanes.length === 0) return undefined;

    const terms = outputs.map(({ sum }, i) =>
      sum === undefined ? 1 : innerTerms(reductions[i]?.acc.dims ?? [], sum.summed),
    );
    if (Math.max(0, ...terms) > MOST_WRITTEN_OUT) return undefined;
    const inner = states.map((state, i) => innerSize(state, placements[i]));
    const registers = inner.reduce((a, b) => a + b);
    if (Math.max(...inner) > MOST_INNER || registers > MOST_REGISTERS) return undefined;
    const placed = [...written].map(
      ([id, nodes]) => [id, nodes.map((n) => (links.isAside(n) ? undefined : slotOf(n)))] as const,
    );
    const sums = addedElements(outputs);
    const along = productOf(lanes.map((slot) => extents[slot]));
    const enough =
      sums === 0 ? CHANNELS : CHANNELS.filter((_, i) => i === CHANNELS.length - 1 || CHANNELS[i + 1] < along);
    const channels = enough.find((n) => sums * n <= WORKGROUP_MEMORY);
    if (channels === undefined) return undefined;
    return { extents, outer, lanes, states: placements, outputs, residuals: new Map(placed), channels, registers };
  }
}

/** All choices of at least one. */
function subsets<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: 2 ** all.length - 1 }, (_, i) => all.filter((_, at) => ((i + 1) >> at) % 2 === 1));
}

/** What a step costs a thread for each element of its states, for each sum, and for waiting for others where there are sums. */
const ELEMENT = 10;
const SUM = 6;
const WAIT = 100;

/**
 * The time of a thread's step, times the square root of the number of threads: between a machine with room for all of them and one
 * that runs one after another.
 */
function costOf(plan: LanePlan): number {
  const { extents, outer, lanes, channels, registers } = plan;
  const sums = addedElements(plan.outputs);
  const step = ELEMENT * registers + (sums === 0 ? 0 : WAIT + SUM * sums);
  const of = (slots: readonly number[]) => productOf(slots.map((slot) => extents[slot]));
  const threads = sums === 0 ? productOf(extents) : of(outer) * Math.ceil(of(lanes) / channels) * channels;
  return step * Math.sqrt(threads);
}

/** Terms of a sum that a thread has. */
const innerTerms = (dims: readonly Dim[], summed: Placement): number =>
  termsOf(dims.filter((_, axis) => summed[axis] === undefined));

/** Elements that a thread has of a value of the step. */
export function innerSize(value: Value, placement: Placement): number {
  return placement.reduce(
    (n: number, slot, axis) => (slot === undefined ? n * Number(value.type.shape[axis + 1]) : n),
    1,
  );
}

/** The array of all steps that a sequence is, at its own step or the one before. */
export function stackOf(sequence: Value, outside: ReadonlyMap<ValueId, Instr>): Value {
  const instr = outside.get(sequence.id);
  return instr?.op === "shift" && instr.attrs.axis === 1 && instr.attrs.offset === 1 ? instr.args[0] : sequence;
}

interface Reads {
  readonly states: readonly Value[];
  readonly stateNodes: readonly (readonly number[])[];
  readonly residuals: ReadonlyMap<ValueId, readonly number[]>;
}

/**
 * Joins a result's axes with those of the states that it reads at the same place. False where the place of a state's
 * element is known only as the kernel runs: by a look-up, or in a sum too long to be written out.
 */
function link(
  { elements, nodes }: Root,
  definitions: ReadonlyMap<ValueId, Instr>,
  { states, stateNodes, residuals }: Reads,
  links: Links,
): boolean {
  const names = new Map(nodes.map((node) => [keyOf(place(node)), node]));
  const isHeld = ({ id }: Value) => residuals.has(id) || states.some((state) => state.id === id);
  let known = true;
  const accumulated = (instr: Accumulating, index: Index) => {
    const { dims, factors } = accumulation(instr);
    if (termsOf(dims) <= MOST_WRITTEN_OUT) return;
    const terms = dims.map(() => variable(UNKNOWN, "u32", 0));
    for (const factor of factors(index, terms)) {
      walk(factor, definitions, {
        stored: () => false,
        reached: ({ value }) => {
          known &&= !isHeld(value);
        },
      });
    }
  };
  const reached = ({ value, index }: Element) => {
    if (isHeld(value) && index.some((e) => keyOf(e).includes(ROW_OF))) known = false;
    // The front of an axis has the same names but is not all of it.
    const nodeAt = (e: Expr, other: number) => {
      const node = names.get(keyOf(e));
      return node !== undefined && links.nodes[node].extent === links.nodes[other].extent ? node : undefined;
    };
    residuals.get(value.id)?.forEach((residual, axis) => {
      const node = nodeAt(index[axis + 1], residual);
      if (node === undefined) links.readAside(residual);
      else links.join(node, residual);
    });
    const state = states.findIndex(({ id }) => id === value.id);
    if (state < 0) return;
    const met = new Set<number>();
    index.slice(1).forEach((e, axis) => {
      const node = nodeAt(e, stateNodes[state][axis]);
      if (node === undefined || met.has(node)) links.exclude(stateNodes[state][axis]);
      else {
        met.add(node);
        links.join(node, stateNodes[state][axis]);
      }
    });
    for (const node of nodes) if (!met.has(node)) links.exclude(node);
  };
  for (const element of elements) walk(element, definitions, { stored: () => false, reached, accumulated });
  return known;
}

/**
 * Groups of axes in which each state and each result has one. Groups that nothing links (a state that only adds up) are
 * independent of each other, so those of one extent may share a slot.
 */
function merged(links: Links, owners: number): readonly (readonly number[])[] {
  const ownersOf = (group: readonly number[]) =>
    group.map((node) => links.nodes[node].owner).filter((owner) => owner !== NOBODY);
  const isPlain = (group: readonly number[]) => new Set(ownersOf(group)).size === ownersOf(group).length;
  const slots: number[][] = [];
  for (const group of links.groups().filter(isPlain)) {
    const extent = links.nodes[group[0]].extent;
    const fitting = slots.find((slot) => links.nodes[slot[0]].extent === extent && isPlain([...slot, ...group]));
    if (fitting === undefined) slots.push([...group]);
    else fitting.push(...group);
  }
  return slots.filter((slot) => ownersOf(slot).length === owners);
}

/** The index of a value's element at a thread's place: `inner` are the places along the axes without a slot, in order. */
export function indexAt(placement: Placement, coordinates: readonly Expr[], inner: Index): Index {
  const rest = inner[Symbol.iterator]();
  return placement.map((slot) => (slot === undefined ? (rest.next().value as Expr) : coordinates[slot]));
}

export const productOf = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Results that are summed over lanes, one element each: how many a step has. */
export function addedElements(outputs: readonly LaneOutput[]): number {
  return outputs.reduce((n, { value, kept, sum }) => (sum === undefined ? n : n + innerSize(value, kept)), 0);
}

/** Parts into which the sum of a result stays divided: workgroups of one row that each have some of its terms. */
export function partsOf(plan: LanePlan, output: LaneOutput): number {
  if (output.sum === undefined) return 1;
  const folded = plan.outer.filter((slot) => !output.kept.includes(slot)).map((slot) => plan.extents[slot]);
  return productOf(folded) * tilesOf(plan);
}

export function tilesOf({ extents, lanes, channels }: LanePlan): number {
  return Math.ceil(productOf(lanes.map((slot) => extents[slot])) / channels);
}
