/** @file The invariants of the IR, checked after every pass in tests and under `--verify`. */

import { InternalError, invariant } from "../support/assert.js";
import { inferTypes } from "./registry.js";
import { sameType, showType } from "./shape.js";
import { forEachInstr } from "./traverse.js";
import {
  type Arg,
  BATCH,
  type Elem,
  type Graph,
  type Instr,
  type Module,
  type Port,
  type Region,
  type Result,
  ROOM,
  type Type,
  type Value,
  type ValueId,
} from "./types.js";

/**
 * Throws an internal error that blames `stage` unless: every id is defined once in the whole graph, every use follows
 * its definition (in a region: of the region or of an enclosing one) and agrees with it in type, recorded result types
 * are those that the registry infers, and no two arguments or results of one kind share a name.
 */
export function verifyGraph(graph: Graph, stage: string): void {
  const verifier = new Verifier(stage);
  verifier.define(graph.args.map((arg) => arg.value));
  verifier.instrs(graph.instrs);
  verifier.use(
    graph.results.map((result) => result.value),
    "result",
  );
  unique(graph.args, stage, "argument");
  unique(graph.results, stage, "result");
}

function unique(entries: readonly (Arg | Result)[], stage: string, what: string): void {
  const seen = new Set<string>();
  for (const { kind, name } of entries) {
    invariant(!seen.has(`${kind}:${name}`), stage, `two ${what}s ${kind} ${name}`);
    seen.add(`${kind}:${name}`);
  }
}

class Verifier {
  /** Every id of the graph, whether or not it is still in scope. */
  readonly #ids = new Set<ValueId>();
  #scope = new Map<ValueId, Type>();

  constructor(readonly stage: string) {}

  define(values: readonly Value[]): void {
    for (const { id, type } of values) {
      invariant(!this.#ids.has(id), this.stage, `%${id} is defined twice`);
      this.#ids.add(id);
      this.#scope.set(id, type);
    }
  }

  use(values: readonly Value[], by: string): void {
    for (const { id, type } of values) {
      const known = this.#scope.get(id);
      invariant(known !== undefined, this.stage, `${by} uses %${id}, which is not defined before it`);
      const message = `${by} uses %${id} as ${showType(type)}; it is ${showType(known)}`;
      invariant(sameType(known, type), this.stage, message);
    }
  }

  instrs(instrs: readonly Instr[]): void {
    for (const instr of instrs) {
      this.use(instr.args, instr.op);
      if (instr.op === "scan") this.#region(instr.attrs.body);
      this.#types(instr);
      this.define(instr.results);
    }
  }

  #region(region: Region): void {
    const outer = this.#scope;
    this.#scope = new Map(outer);
    this.define(region.params);
    this.instrs(region.instrs);
    this.use(region.results, "region");
    this.#scope = outer;
  }

  #types(instr: Instr): void {
    const inferred = this.#infer(instr);
    const recorded = instr.results.map((result) => result.type);
    const agree = inferred.length === recorded.length && inferred.every((type, i) => sameType(type, recorded[i]));
    const show = (types: readonly Type[]) => types.map(showType).join(", ");
    invariant(agree, this.stage, `${instr.op} is recorded as ${show(recorded)}; it gives ${show(inferred)}`);
  }

  #infer(instr: Instr): readonly Type[] {
    try {
      return inferTypes(instr);
    } catch (error) {
      if (error instanceof InternalError) throw new InternalError(this.stage, error.message);
      throw error;
    }
  }
}

/**
 * Verifies every graph of a module, and that graphs and declarations agree: an argument of kind param and a gradient
 * belong to a parameter and have its shape, an argument or output with the name of a port has the port's type behind
 * the batch, and every named axis is the batch or one of the module's lengths.
 */
export function verifyModule(module: Module, stage: string): void {
  const lengths = new Set<string>([BATCH, ROOM, ...module.lengths]);
  for (const [of, graph] of Object.entries(module.graphs)) {
    verifyGraph(graph, stage);
    const states = of === "stream" || of === "start" ? module.states : (module.carriedStates ?? []);
    for (const { kind, name, value } of [...graph.args, ...graph.results]) {
      const declared = declaredType({ ...module, states }, kind, name, stage);
      if (declared === undefined) continue;
      const message = `${kind} ${name} is ${showType(value.type)}; it is declared as ${showType(declared)}`;
      invariant(sameType(value.type, declared), stage, message);
    }
    for (const value of definedValues(graph)) {
      const unknown = value.type.shape.find((dim) => typeof dim === "string" && !lengths.has(dim));
      invariant(unknown === undefined, stage, `%${value.id} has an axis over ${unknown}, which is no length`);
    }
  }
}

/** The type that the module's declarations fix for an argument or result, if they do. */
function declaredType(module: Module, kind: Arg["kind"] | Result["kind"], name: string, stage: string) {
  if (kind === "loss" || kind === "metric" || kind === "probe" || kind === "perturbation") return undefined;
  if (kind === "param" || kind === "grad") {
    const parameter = module.parameters.find((p) => p.name === name);
    invariant(parameter !== undefined, stage, `${kind} ${name} is no parameter of the module`);
    return { elem: "f32" as Elem, shape: parameter.shape };
  }
  const ports = { input: module.inputs, target: module.targets, output: module.outputs, state: module.states };
  const port: Port | undefined = ports[kind].find((p) => p.name === name);
  return port && { elem: port.elem, shape: kind === "state" ? port.shape : [BATCH, ...port.shape] };
}

/** Every value of the graph, those of regions included. */
function definedValues(graph: Graph): readonly Value[] {
  const values = graph.args.map((arg) => arg.value);
  forEachInstr(graph.instrs, (instr) => {
    if (instr.op === "scan") values.push(...instr.attrs.body.params);
    values.push(...instr.results);
  });
  return values;
}
