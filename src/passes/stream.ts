/**
 * @file The streaming form of a model: prediction, some steps at a time. States of loops over the streamed length become
 * arguments and results, what shifts look back to is buffered, what attention reads of the past is cached. What looks
 * ahead, or at all steps together, is the reason why a model has no such form.
 */

import { Builder } from "../ir/builder.js";
import { registry } from "../ir/registry.js";
import { streamedLength } from "../ir/streamed-length.js";
import { forEachInstr, idsBeyond, reads, substitute } from "../ir/traverse.js";
import type { Graph, Instr, Module, Port, Result, Value, ValueId } from "../ir/types.js";
import { dce } from "./dce.js";
import { Refusal, refuse } from "./stream-obstacle.js";
import { Demands, isComputedAnew, isPast, operandRoles, type Roles, uniformRoles } from "./stream-roles.js";
import { buildSteps, type Kept, type Survey } from "./stream-steps.js";

/** Adds `graphs.stream`, `graphs.start` and `states`, or `streamRefusal`, to a module that has `graphs.predict`. */
export function stream(module: Module): Module {
  const { predict } = module.graphs;
  if (predict === undefined) return module;
  const streamLength = streamedLength(module.lengths, predict);
  if (streamLength === undefined) return { ...module, streamRefusal: "no length" };
  try {
    return { ...module, streamLength, ...streamingForm(module, predict, streamLength) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...module, streamRefusal: error.message };
  }
}

function streamingForm(module: Module, graph: Graph, length: string): Pick<Module, "graphs" | "states"> {
  const { instrs, renamed, kept } = buildSteps(survey(graph, length));
  const results = [
    ...graph.results.map((r) => ({ ...r, value: substitute(r.value, renamed) })),
    ...kept.flatMap(({ name, next }): Result[] => (next ? [{ kind: "state", name, value: next }] : [])),
  ];
  const steps = dce({ args: [], instrs, results });
  const read = new Set([...steps.instrs.flatMap(reads), ...results.map((r) => r.value)].map((value) => value.id));
  const used = kept.filter(({ value }) => read.has(value.id));
  const args = [
    ...graph.args.filter(({ kind, value }) => kind === "param" || value.type.shape.includes(length)),
    ...used.map(({ name, value }) => ({ kind: "state" as const, name, value })),
  ];
  const start = startGraph(graph, length, used);
  return {
    states: used.map(({ name, value: { type } }): Port => ({ name, elem: type.elem, shape: type.shape })),
    graphs: { ...module.graphs, ...(start && { start }), stream: { ...steps, args } },
  };
}

/** What the stream holds before the first step, computed from parameters and what is given then. Zeros need no graph. */
function startGraph(graph: Graph, length: string, kept: readonly Kept[]): Graph | undefined {
  const b = new Builder(idsBeyond(graph));
  const fills: Result[] = [];
  const values: Result[] = [];
  for (const { name, value, initial } of kept) {
    if (typeof initial !== "number") values.push({ kind: "state", name, value: initial });
    else if (initial !== 0) {
      fills.push({ kind: "state", name, value: b.fill(initial, value.type.shape, value.type.elem) });
    }
  }
  const results = [...values, ...fills];
  if (results.length === 0) return undefined;
  const args = graph.args.filter(({ value }) => !value.type.shape.includes(length));
  return dce({ args, instrs: [...graph.instrs, ...b.instrs], results });
}

/** Finds out what depends on what, and in which roles everything is needed. @throws Refusal */
function survey(graph: Graph, length: string): Survey {
  const has = (value: Value) => value.type.shape.includes(length);
  const steady = new Set<ValueId>();
  const given = new Set<ValueId>();
  const timed = new Set<ValueId>();
  for (const { kind, value } of graph.args) {
    if (has(value)) timed.add(value.id);
    else steady.add(value.id);
    if (kind === "input" && !has(value)) given.add(value.id);
  }
  for (const instr of graph.instrs) {
    const read = reads(instr);
    const before = !mentions(instr, length) && read.every((value) => steady.has(value.id));
    for (const { id } of instr.results) {
      if (before) steady.add(id);
      if (before && read.some((value) => given.has(value.id))) given.add(id);
      if (read.some((value) => timed.has(value.id))) timed.add(id);
    }
  }
  return { graph, length, steady, given, timed, demands: demandsOf(graph, length, steady, timed) };
}

/** Whether the length has a part in an instruction, or in its body. */
function mentions(instr: Instr, length: string): boolean {
  let found = false;
  forEachInstr([instr], ({ op, attrs, results }) => {
    found ||= results.some((value) => value.type.shape.includes(length));
    found ||= (op === "length" && attrs.name === length) || (op === "scan" && attrs.length === length);
  });
  return found;
}

function demandsOf(graph: Graph, length: string, steady: ReadonlySet<ValueId>, timed: ReadonlySet<ValueId>): Demands {
  const demands = new Demands();
  const demand = (value: Value, roles: Roles) => {
    const count = (role: string) => roles.filter((own) => own === role).length;
    if (count("now") > 1 || count("past") > 1) refuse(`every pair of steps of ${length}`, graph, value);
    demands.add(value, roles);
  };
  for (const { value } of graph.results) demand(value, uniformRoles(value, length, "now"));
  for (const instr of graph.instrs.toReversed()) {
    for (const result of instr.results) {
      if (steady.has(result.id)) continue;
      const isPointwise = registry[instr.op].lowering === "pointwise";
      const isCached = (roles: Roles) =>
        isPast(roles) && !isComputedAnew(instr, roles, timed.has(result.id), isPointwise);
      // A cache is filled with what the steps at hand give.
      if (demands.of(result).some(isCached)) demand(result, uniformRoles(result, length, "now"));
      for (const roles of demands.of(result)) {
        if (isCached(roles)) continue;
        const operands = operandRoles(instr, roles, length);
        for (const [i, arg] of instr.args.entries()) demand(arg, operands[i]);
      }
    }
    if (instr.op === "scan") {
      // What the body captures has no such axis, or the loop is refused.
      const read = reads(instr).slice(instr.args.length);
      for (const value of read) demands.add(value, uniformRoles(value, length, "now"));
    }
  }
  return demands;
}
