/** @file The loops of a graph: what kind each is and why, what left it, what it keeps and what is computed again. */

import type { Schedule } from "../../codegen/schedule.js";
import { registry } from "../../ir/registry.js";
import { definitions, reads } from "../../ir/traverse.js";
import type { Graph, Instr, Module, Value, ValueId } from "../../ir/types.js";
import type { Loop } from "../../passes/loop.js";
import { type RecurrenceClass, type RecurrenceGroup, recurrences } from "../../passes/recurrence/index.js";
import { seqName } from "../seq.js";
import { bytesOf } from "./costs.js";
import type { KernelFacts } from "./kernels.js";
import { gradientsFrom, Phrases } from "./phrases.js";
import type { Polynomial } from "./polynomial.js";
import { channelText, reasonOf, stateNames } from "./reasons.js";
import { isSameLoop, loopsOf, type Move, type Place, type Trace } from "./trace.js";

export interface GroupReport {
  readonly states: readonly string[];
  readonly class: RecurrenceClass;
  readonly why: string;
  readonly equations: readonly string[];
  /** The shape of each state, axes along which places meet in parentheses. */
  readonly shapes: readonly string[];
}

export interface Stored {
  readonly name: string;
  readonly bytes: Polynomial;
}

export interface ScanReport {
  /** The instance that is scanned: `rnn`. */
  readonly name: string;
  readonly over: string;
  readonly reverse: boolean;
  /** Whether the derivative made it. */
  readonly derivative: boolean;
  readonly groups: readonly GroupReport[];
  /** Gradients that are added up in further states. */
  readonly sums: readonly string[];
  readonly before: readonly string[];
  readonly behind: readonly string[];
  /** What the derivative's loop is given of this one. */
  readonly stored: readonly Stored[];
  /** Values of the forward loop that this one computes again. */
  readonly recomputed: readonly string[];
  /** Empty where nothing of the loop is left: its states only delay. */
  readonly kernels: readonly KernelFacts[];
}

/** A loop in a graph in which nothing has left it yet. */
interface Source {
  readonly graph: Graph;
  readonly loop: Loop;
  readonly groups: readonly RecurrenceGroup[];
}

/** In the order of the text, those of the derivative behind. `kernelsOf` gives what runs a loop of `graph`. */
export function scanReports(
  trace: Trace,
  graph: Graph,
  schedule: Schedule,
  kernelsOf: (loop: Loop) => readonly KernelFacts[],
): readonly ScanReport[] {
  const final = loopsOf(graph);
  const written = sourcesIn(trace.written);
  const found: Source[] = [];
  for (const source of trace.sources.flatMap(sourcesIn)) {
    if (!found.some(({ loop }) => isSameLoop(loop, source.loop))) found.push(source);
  }
  const like = (among: readonly Source[], { loop }: Source) => among.find((other) => isSameLoop(other.loop, loop));
  const forward = written.map((source) => like(found, source) ?? source);
  const derived = found.filter((source) => like(written, source) === undefined);
  return [...forward, ...derived].flatMap((source, i): readonly ScanReport[] => {
    const now = final.find((other) => isSameLoop(other, source.loop));
    // It is run by another graph, such as the start of a stream.
    if (now === undefined && source.groups.some(({ class: kind }) => kind !== "delay")) return [];
    const derivative = i >= forward.length;
    const path = pathOf(source.loop);
    const sums = now === undefined ? [] : sumsOf(graph, now, source.loop);
    const moved = (place: Place) => [
      ...new Set(
        trace.moves
          .filter((move) => move.to === place && isSameLoop(move.loop, source.loop))
          .filter((move) => !gradientsOf(move).some((name) => sums.includes(name)))
          .map((move) => movedText(move, path)),
      ),
    ];
    const report: ScanReport = {
      name: path,
      over: source.loop.length,
      reverse: source.loop.reverse,
      derivative,
      groups: [...(derivative ? [] : goneFrom(written[i], source, path)), ...groupReports(source, source.groups, path)],
      sums,
      before: moved("before"),
      behind: moved("behind"),
      stored: now === undefined || derivative ? [] : storedBy(now, graph, schedule, derived, path, trace.module),
      recomputed: now === undefined || !derivative ? [] : recomputedIn(now, graph, path),
      kernels: now === undefined ? [] : kernelsOf(now),
    };
    return [report];
  });
}

function sourcesIn(graph: Graph): readonly Source[] {
  const found = recurrences(graph);
  return loopsOf(graph)
    .map((loop, i): Source => ({ graph, loop, groups: found[i].groups }))
    .filter(({ loop }) => loop.states.length > 0);
}

/** The groups of a loop as written whose states have become something else, before the loop was looked at closely. */
function goneFrom(written: Source, { loop }: Source, path: string): readonly GroupReport[] {
  const left = new Set(loop.states.map(({ previous }) => previous.id));
  const gone = written.groups.filter(({ states }) =>
    states.every((s) => !left.has(written.loop.states[s].previous.id)),
  );
  return groupReports(written, gone, path);
}

function groupReports(
  { graph, loop }: Source,
  groups: readonly RecurrenceGroup[],
  path: string,
): readonly GroupReport[] {
  const phrases = new Phrases(graph, path);
  return groups.map((group) => ({
    states: stateNames(loop, group, phrases),
    class: group.class,
    ...reasonOf(graph, loop, group, phrases),
    shapes: channelText(loop, group),
  }));
}

const gradientsOf = ({ graph, stacked }: Move) => (stacked === undefined ? [] : gradientsFrom(graph, [stacked]));

/** What a value is, under its name or that of the gradient that it is all of. */
function movedText(move: Move, path: string): string {
  const phrases = new Phrases(move.graph, path);
  const name = phrases.name(move.value);
  const gradients = gradientsOf(move);
  const text = phrases.of(move.value);
  if (gradients.length === 1) return `d(${phrases.local(gradients[0])}) from ${text}`;
  return name === undefined ? text : `${seqName(name)} = ${text}`;
}

/** `rnn` of the states `rnn.h` and `rnn.c`. */
function pathOf({ states }: Loop): string {
  const hint = states.map(({ previous }) => previous.hint).find((text) => text !== undefined) ?? "";
  return hint.replace(/^d_/, "").split(".").slice(0, -1).join(".");
}

/** The parameters whose gradients the states that the derivative added lead to. */
function sumsOf(graph: Graph, now: Loop, source: Loop): readonly string[] {
  const added = now.states.filter((s) => !source.states.some((t) => t.previous.id === s.previous.id));
  return gradientsFrom(
    graph,
    added.map(({ last }) => last),
  );
}

/** Stacks that a loop of the derivative reads, as they are or a step later. */
function storedBy(
  now: Loop,
  graph: Graph,
  { reads: reading }: Schedule,
  derived: readonly Source[],
  path: string,
  stored: Pick<Module, "precision">,
): readonly Stored[] {
  const defined = definitions(graph.instrs);
  const behind = loopsOf(graph).filter((loop) => derived.some((source) => isSameLoop(loop, source.loop)));
  const given = new Set(
    behind
      .flatMap(({ sequences }) => sequences)
      .map(({ all }) => {
        const by = defined.get(all.id);
        return by?.op === "shift" ? by.args[0].id : all.id;
      }),
  );
  const phrases = new Phrases(graph, path);
  return now.outputs
    .filter(({ all }) => given.has(all.id) && reading.some((ids) => ids.has(all.id)))
    .map(({ step, all }) => ({ name: phrases.called(step), bytes: bytesOf(all, stored) }));
}

/** What a loop of the derivative does without an adjoint: values of the forward map, and slopes made of them. */
function recomputedIn(now: Loop, graph: Graph, path: string): readonly string[] {
  const forwards = neededForLoss(graph);
  const adjoint = new Set<ValueId>([
    ...now.states.map(({ previous }) => previous.id),
    ...now.sequences.filter(({ all }) => !forwards(all)).map(({ step }) => step.id),
  ]);
  const own: Instr[] = [];
  const wanted = new Set<ValueId>();
  const constant = new Set<ValueId>();
  for (const instr of now.instrs) {
    if (instr.args.some(({ id }) => adjoint.has(id))) {
      for (const { id } of instr.results) adjoint.add(id);
      for (const { id } of instr.args) wanted.add(id);
    } else if (instr.args.every(({ id }) => constant.has(id))) for (const { id } of instr.results) constant.add(id);
    else own.push(instr);
  }
  const behindViews = (value: Value): Value => {
    const by = own.find(({ results }) => results[0].id === value.id);
    return by !== undefined && registry[by.op].lowering === "view" && by.args.length === 1
      ? behindViews(by.args[0])
      : value;
  };
  const phrases = new Phrases(graph, path);
  const roots = own.flatMap(({ results }) => results.filter(({ id }) => wanted.has(id)).map(behindViews));
  const computed = roots.filter(
    ({ id, type }) => type.elem === "f32" && own.some(({ results }) => results[0].id === id),
  );
  return [...new Set(computed.map((value) => phrases.of(value)))];
}

/** Whether a value, or what it is a shift of, is computed on the way to the loss. */
function neededForLoss(graph: Graph): (value: Value) => boolean {
  const needed = new Set(graph.results.filter(({ kind }) => kind !== "grad").map(({ value }) => value.id));
  for (const instr of graph.instrs.toReversed()) {
    if (!instr.results.some(({ id }) => needed.has(id))) continue;
    for (const { id } of [...reads(instr), ...instr.results]) needed.add(id);
  }
  const defined = definitions(graph.instrs);
  const arguments_ = new Set(graph.args.map(({ value }) => value.id));
  return ({ id }) => {
    const by = defined.get(id);
    const source = by?.op === "shift" ? by.args[0].id : id;
    return needed.has(source) || arguments_.has(source);
  };
}
