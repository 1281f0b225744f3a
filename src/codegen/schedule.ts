/**
 * @file Which values are stored, and which kernel computes them. A group becomes one dispatch.
 *
 * What is cheap, or read once, is computed where it is read; the rest has a group. A group takes in every later value
 * of the same shape that reads the group's own values only at its own element and nothing that comes later: this is
 * how a bias joins its matrix product and a whole cross-entropy becomes one kernel.
 */

import { sameShape } from "../ir/shape.js";
import { definitions as definitionsIn, reads } from "../ir/traverse.js";
import type { Dim, Graph, Instr, Value, ValueId } from "../ir/types.js";
import type { LanePlan } from "./lane-plan.js";
import { type Loops, planLoops } from "./loops.js";
import { isMatmul } from "./matmul-axes.js";
import { planReplay, type Replay } from "./replay.js";
import { type Accumulating, accumulation, type Element, isAccumulating, termsOf } from "./scalarize.js";
import type { Spans } from "./span-plan.js";
import { splitDepths } from "./split-depth.js";
import type { StepGraph } from "./step-graph.js";
import { ownIndex, sameIndex, walk } from "./walk.js";

export type Group =
  /** One thread an element of `shape`; accumulations run serially within it. */
  | { readonly kind: "map"; readonly shape: readonly Dim[]; readonly roots: Value[] }
  /** Threads of a workgroup share each accumulation of `anchors`; the other roots follow from them. */
  | { readonly kind: "tree"; readonly shape: readonly Dim[]; readonly anchors: Accumulating[]; readonly roots: Value[] }
  /** Of a step of a loop: as a tree, for several examples at a time. */
  | { readonly kind: "dots"; readonly shape: readonly Dim[]; readonly anchors: Accumulating[]; readonly roots: Value[] }
  /** A tiled matrix product; the other roots are its epilogue. */
  | {
      readonly kind: "matmul";
      readonly shape: readonly Dim[];
      readonly anchor: Instr<"contract">;
      readonly roots: Value[];
    }
  | {
      readonly kind: "scan";
      readonly instr: Instr<"scan">;
      readonly roots: Value[];
      /** A channel a thread; else a few rows a workgroup. */
      readonly lanes?: LanePlan;
      /** With `lanes`: whether it can be cut along time. */
      readonly spans?: Spans;
      /** A reverse loop computes states of a forward one again. */
      readonly replay?: Replay;
    };

export interface Schedule {
  readonly groups: readonly Group[];
  /** For each group, the stored values (of others) that it reads. */
  readonly reads: readonly ReadonlySet<ValueId>[];
  readonly definitions: ReadonlyMap<ValueId, Instr>;
}

/** Up to this many operations an element, computing anew is no dearer than a load and a store. */
const CHEAP = 4;
/** Accumulations of at least this many terms into few results are shared by the threads of a workgroup. */
const TREE_TERMS = 256;
/** In a step of a loop, where there are never many results, of this many. */
const DOT_TERMS = 32;
/** A thread has a sum for each anchor and example. */
const MOST_DOTS = 8;

const weights: Partial<Record<Instr["op"], number>> = {
  const: 0,
  iota: 0,
  length: 0,
  broadcast: 0,
  slice: 0,
  stop_gradient: 0,
  to_f32: 0,
  to_i32: 0,
  exp: 8,
  log: 8,
  sin: 8,
  cos: 8,
  tanh: 10,
  sigmoid: 8,
  softplus: 12,
  erf: 12,
  pow: 12,
  random: 40,
  contract: Number.POSITIVE_INFINITY,
  reduce: Number.POSITIVE_INFINITY,
  scan: Number.POSITIVE_INFINITY,
};

export function isTrivial(instr: Instr | undefined): boolean {
  return instr?.op === "const" || instr?.op === "iota" || instr?.op === "length";
}

/**
 * Masks and index arithmetic that no data decides (causal, dropout): worked out where they are read, whatever it costs.
 * Besides, a counter may be larger than the whole numbers that memory, which is f32, holds exactly.
 */
function undecidedByData({ instrs }: Graph): ReadonlySet<ValueId> {
  const free = new Set<ValueId>();
  for (const { op, args, results } of instrs) {
    if (op !== "scan" && args.every((arg) => free.has(arg.id))) free.add(results[0].id);
  }
  return free;
}

/** Values that get a place in memory of their own unless only their own group reads them. */
function storedValues(graph: Graph): Set<ValueId> {
  const uses = new Map<ValueId, { instr: Instr; reread: boolean }[]>();
  const use = (value: Value, instr: Instr, reread: boolean) =>
    uses.set(value.id, [...(uses.get(value.id) ?? []), { instr, reread }]);
  for (const instr of graph.instrs) {
    const widens = instr.op === "broadcast" && instr.attrs.shape.length > instr.attrs.axes.length;
    for (const value of reads(instr)) use(value, instr, instr.op === "contract" || instr.op === "scan" || widens);
  }
  const stored = new Set<ValueId>(graph.results.map((r) => r.value.id));
  const costs = new Map<ValueId, number>();
  const free = undecidedByData(graph);
  for (const instr of graph.instrs) {
    const own = weights[instr.op] ?? 1;
    const cost = instr.args.reduce((sum, a) => sum + (stored.has(a.id) ? 1 : (costs.get(a.id) ?? 1)), own);
    for (const value of instr.results) {
      costs.set(value.id, isTrivial(instr) ? 0 : cost);
      const users = uses.get(value.id) ?? [];
      const mask = free.has(value.id) && (value.type.elem !== "f32" || instr.op === "random");
      const dear = !mask && cost > CHEAP && (users.length > 1 || users.some((u) => u.reread));
      if (own === Number.POSITIVE_INFINITY || dear) stored.add(value.id);
      if (stored.has(value.id)) costs.set(value.id, 1);
    }
  }
  return stored;
}

function isTree(instr: Instr | undefined): instr is Accumulating {
  if (!isAccumulating(instr) || isMatmul(instr)) return false;
  const { dims } = accumulation(instr);
  const few = instr.results[0].type.shape.every((d) => typeof d === "number");
  return few && termsOf(dims) >= TREE_TERMS;
}

const isDot = (instr: Instr | undefined): instr is Accumulating =>
  isAccumulating(instr) && termsOf(accumulation(instr).dims) >= DOT_TERMS;

/** Whether random numbers are drawn where the value is computed. */
function drawsFor(
  value: Value,
  definitions: ReadonlyMap<ValueId, Instr>,
  isStored: (value: Value) => boolean,
): boolean {
  const seen = new Set<ValueId>();
  const visit = ({ id }: Value): boolean => {
    if (seen.has(id)) return false;
    seen.add(id);
    const instr = definitions.get(id);
    return instr?.op === "random" || (instr?.args.some((arg) => !isStored(arg) && visit(arg)) ?? false);
  };
  return visit(value);
}

export function schedule(whole: Graph): Schedule {
  const { graph, lanes } = planLoops(splitDepths(whole));
  const { groups, reads, definitions } = group(graph, lanes);
  return { ...withReplays(groups, reads, graph, definitions), definitions };
}

/** Of one step of a loop: sums are shared by threads, and parts of concats stand where their values are computed. */
export function scheduleStep({ graph, parts }: StepGraph): Schedule {
  return group(graph, new Map(), parts);
}

function group(graph: Graph, lanes: Loops["lanes"], parts?: StepGraph["parts"]): Schedule {
  const definitions = definitionsIn(graph.instrs);
  const stored = storedValues(graph);
  const isStored = (value: Value) => stored.has(value.id);
  const groups: Group[] = [];
  const needed: Set<ValueId>[] = [];
  const groupOf = new Map<ValueId, number>();
  const [kind, isShared] = parts === undefined ? (["tree", isTree] as const) : (["dots", isDot] as const);

  const open = (group: Group, read: Iterable<ValueId>) => {
    groups.push(group);
    needed.push(new Set(read));
    for (const root of group.roots) groupOf.set(root.id, groups.length - 1);
  };

  /** Whether a group may compute `value` too, given the stored elements that it is made of. */
  const accepts = (at: number, value: Value, needs: readonly Element[], accumulates: boolean): boolean => {
    const group = groups[at];
    // An epilogue is written out once for each result of a thread: draws would make the kernel many times as long.
    if (group.kind === "matmul" && drawsFor(value, definitions, isStored)) return false;
    if (group.kind === "scan" || !sameShape(group.shape, value.type.shape)) return false;
    if (group.kind !== "map" && accumulates) return false;
    const own = ownIndex(value.type.shape);
    const touches = needs.some((e) => groupOf.get(e.value.id) === at);
    if (group.kind !== "map" && !touches) return false;
    return needs.every((e) => {
      const from = groupOf.get(e.value.id);
      return from === undefined || from < at || (from === at && sameIndex(e.index, own));
    });
  };

  const place = (instr: Instr) => {
    if (instr.op === "scan") {
      const read = new Set<ValueId>();
      for (const value of reads(instr)) {
        const element = { value, index: ownIndex(value.type.shape) };
        if (isStored(value) || !definitions.has(value.id)) read.add(value.id);
        else walk(element, definitions, { stored: isStored, reached: (e) => read.add(e.value.id) });
      }
      const plan = lanes.get(instr.results[0]?.id);
      open({ kind: "scan", instr, roots: [...instr.results], ...plan }, read);
      return;
    }
    const [value] = instr.results;
    const parted = parts?.get(value.id);
    if (parted !== undefined) {
      groupOf.set(value.id, Math.max(...parted.map((part) => groupOf.get(part.value.id) ?? -1)));
      return;
    }
    const needs: Element[] = [];
    let accumulates = isAccumulating(instr);
    walk({ value, index: ownIndex(value.type.shape) }, definitions, {
      stored: isStored,
      reached: (e, reduced) => {
        needs.push(e);
        accumulates ||= reduced;
      },
    });
    const ids = needs.flatMap(({ value: { id } }) => parts?.get(id)?.map((part) => part.value.id) ?? [id]);
    const { shape } = value.type;
    if (parts === undefined && isMatmul(instr))
      return open({ kind: "matmul", shape, anchor: instr, roots: [value] }, ids);
    if (isShared(instr)) {
      const dims = accumulation(instr).dims;
      const late = Math.max(-1, ...ids.map((id) => groupOf.get(id) ?? -1));
      const found = groups.findIndex(
        (g, at) =>
          g.kind === kind &&
          at > late &&
          (kind === "tree" || g.anchors.length < MOST_DOTS) &&
          sameShape(g.shape, shape) &&
          sameShape(accumulation(g.anchors[0]).dims, dims),
      );
      const group = groups[found];
      if (group?.kind !== kind) return open({ kind, shape, anchors: [instr], roots: [value] }, ids);
      group.anchors.push(instr);
      join(found, value, ids);
      return;
    }
    const found = groups.findIndex((_, at) => accepts(at, value, needs, accumulates));
    if (found >= 0) join(found, value, ids);
    else open({ kind: "map", shape, roots: [value] }, ids);
  };

  const join = (at: number, value: Value, ids: readonly ValueId[]) => {
    groups[at].roots.push(value);
    groupOf.set(value.id, at);
    for (const id of ids) if (groupOf.get(id) !== at) needed[at].add(id);
  };

  for (const instr of graph.instrs) if (instr.results.some(isStored)) place(instr);
  // A result that is an argument as it stands is copied.
  for (const { value } of graph.results) {
    if (!definitions.has(value.id)) open({ kind: "map", shape: value.type.shape, roots: [value] }, [value.id]);
  }
  return { groups, reads: needed, definitions };
}

/** Reverse loops that run their forward loop again read what that reads, instead of what it then need not write. */
function withReplays(
  groups: readonly Group[],
  reading: readonly ReadonlySet<ValueId>[],
  { results }: Graph,
  definitions: ReadonlyMap<ValueId, Instr>,
): Pick<Schedule, "groups" | "reads"> {
  const loopOf = (instr: Instr<"scan">) => groups.findIndex((g) => g.kind === "scan" && g.instr === instr);
  const isResult = new Set(results.map(({ value }) => value.id));
  const readers = ({ id }: Value) => (isResult.has(id) ? 1 : 0) + reading.filter((ids) => ids.has(id)).length;
  const planOf = (instr: Instr<"scan">) => {
    const group = groups[loopOf(instr)];
    return group?.kind === "scan" ? group.lanes : undefined;
  };
  const reads = [...reading];
  const replayed = groups.map((group, at): Group => {
    if (group.kind !== "scan" || group.lanes === undefined) return group;
    const replay = planReplay({ instr: group.instr, plan: group.lanes }, definitions, planOf, readers);
    if (replay === undefined) return group;
    const { forward, again } = replay;
    const gone = new Set(again.map((i) => forward.results[forward.attrs.states + i].id));
    reads[at] = new Set([...reading[at], ...reading[loopOf(forward)]].filter((id) => !gone.has(id)));
    return { ...group, replay };
  });
  return { groups: replayed, reads };
}
