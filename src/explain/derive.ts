/**
 * @file The derivative of a forward graph, by the pullback of the compiler and tidied by its passes, with the names of
 * the spec attached. Nothing here knows how equations look.
 */

import { Builder } from "../ir/builder.js";
import { captured, definitions, idsBeyond } from "../ir/traverse.js";
import {
  type Arg,
  BATCH,
  type Graph,
  type Instr,
  type Module,
  type Result,
  type Value,
  type ValueId,
} from "../ir/types.js";
import { cse } from "../passes/cse.js";
import { settle } from "../passes/derive-graphs.js";
import { eraseStopGradient } from "../passes/erase-stop-gradient.js";
import { Adjoints, markVarying, pullback } from "../passes/reverse.js";
import { present } from "../support/assert.js";
import { nameValues } from "./names.js";
import type { Name } from "./term.js";

export interface DeriveOptions {
  /** The outputs whose adjoints arrive from outside; that of a loss (which is 1) does besides. */
  readonly arriving: readonly string[];
  /** Whether the adjoints of inputs are wanted besides those of parameters. */
  readonly ofInputs: boolean;
  /** Names that no value may be given: the spec's indices and sizes. */
  readonly reserved: Iterable<string>;
}

/** A loop that this derivative goes around: its own is handed some adjoints and hands others back. */
export interface Passage {
  readonly loop: Instr<"scan">;
  readonly given: readonly Name[];
  readonly gives: readonly Name[];
}

export interface Quantity {
  readonly name: Name;
  readonly value: Value;
}

export interface Derivation {
  /**
   * Forward and adjoint instructions together. The arguments are those of the forward graph, then the adjoints that
   * arrive; the results are the named values and their adjoints (`output:h'`, `grad:h'`).
   */
  readonly graph: Graph;
  /** Values of the spec, and adjoints that arrive. */
  readonly known: ReadonlyMap<ValueId, Name>;
  /** Values of the forward map that were named here. */
  readonly introduced: readonly Quantity[];
  /** In no particular order. */
  readonly adjoints: readonly Quantity[];
  readonly passages: readonly Passage[];
  /** The adjoints that arrive, by the results of the forward graph. */
  readonly arrivals: ReadonlyMap<string, Name>;
}

export function derive(module: Module, { arriving, ofInputs, reserved }: DeriveOptions): Derivation {
  const forward = unbatched(tidy(present(module.graphs.forward, "explain", "the forward graph")), arriving);
  const frozen = new Set(module.parameters.filter((p) => p.frozen).map((p) => p.name));
  const wanted = forward.args.filter(({ kind, name }) => (kind === "param" ? !frozen.has(name) : ofInputs));
  const varying = new Set(wanted.filter(({ value }) => value.type.elem === "f32").map(({ value }) => value.id));
  markVarying(forward.instrs, varying);
  const { names, introduced } = nameValues(forward, varying, reserved);
  const texts = new Set(names.values());
  const adjointName = (text: string): Name =>
    texts.has(`d${text}`) ? { text, adjoint: true, clashes: true } : { text, adjoint: true };
  const adjointOf = (value: Value) => adjointName(present(names.get(value.id), "explain", "a name"));

  const b = new Builder(idsBeyond(forward));
  const adjoints = new Adjoints();
  /** By the value that they are adjoints of. */
  const arrived = new Map<Value, Value>();
  const arrive = (value: Value) => {
    if ([...arrived.keys()].some(({ id }) => id === value.id)) return;
    const adjoint = b.fresh(value.type);
    arrived.set(value, adjoint);
    adjoints.add(b, value, adjoint);
  };
  const arrivals = new Map<string, Name>();
  for (const { kind, name, value } of forward.results) {
    if ((kind === "loss" || arriving.includes(name)) && varying.has(value.id)) {
      arrive(value);
      arrivals.set(name, adjointOf(value));
    }
  }
  const passages: Passage[] = [];
  pullback(b, forward.instrs, varying, adjoints, (_, loop) => {
    const given = loop.results.filter((result) => adjoints.get(result) !== undefined);
    const gives = [...loop.args, ...captured(loop.attrs.body)].filter((value) => varying.has(value.id));
    for (const value of gives) arrive(value);
    passages.push({ loop, given: given.map(adjointOf), gives: gives.map(adjointOf) });
  });

  const incoming = [...arrived].map(([value, adjoint]): Arg => {
    return { kind: "input", name: `d ${adjointOf(value).text}`, value: adjoint };
  });
  const results = valuesOf(forward).flatMap((value): Result[] => {
    const name = names.get(value.id);
    if (name === undefined) return [];
    const adjoint = varying.has(value.id) ? adjoints.get(value) : undefined;
    const grad: Result[] = adjoint === undefined ? [] : [{ kind: "grad", name, value: adjoint }];
    return [{ kind: "output", name, value }, ...grad];
  });
  const graph = tidy(
    eraseStopGradient({
      args: [...forward.args, ...incoming],
      instrs: [...forward.instrs, ...b.instrs],
      results,
    }),
  );
  const known = new Map<ValueId, Name>([...arrived].map(([value, adjoint]) => [adjoint.id, adjointOf(value)]));
  for (const { kind, name, value } of graph.results) {
    if (kind === "output" && !known.has(value.id)) known.set(value.id, { text: name, adjoint: false });
  }
  const quantities = (of: Result["kind"]) =>
    graph.results.filter(({ kind }) => kind === of).map(({ name, value }) => ({ name, value }));
  return {
    graph,
    known,
    introduced: quantities("output")
      .filter(({ name }) => introduced.has(name))
      .map(({ name, value }) => ({ name: { text: name, adjoint: false }, value })),
    adjoints: quantities("grad").map(({ name, value }) => ({ name: adjointName(name), value })),
    passages,
    arrivals,
  };
}

function tidy(graph: Graph): Graph {
  return cse(settle(cse(graph), true));
}

/** Every value that the graph is given or computes, in this order. */
function valuesOf(graph: Graph): readonly Value[] {
  return [...graph.args.map((arg) => arg.value), ...graph.instrs.flatMap((instr) => instr.results)];
}

/** Results that only repeat a value for each example are that value, unless an adjoint arrives at each. */
function unbatched(graph: Graph, arriving: readonly string[]): Graph {
  const defined = definitions(graph.instrs);
  const source = (result: Result): Value => {
    const { name, value } = result;
    const instr = defined.get(value.id);
    if (instr?.op !== "broadcast" || arriving.includes(name)) return value;
    const { axes, shape } = instr.attrs;
    const repeats = shape[0] === BATCH && axes.length === shape.length - 1 && axes.every((axis, i) => axis === i + 1);
    return repeats ? instr.args[0] : value;
  };
  return { ...graph, results: graph.results.map((result) => ({ ...result, value: source(result) })) };
}
