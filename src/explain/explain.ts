/**
 * @file The adjoint equations of a block, as sections: those of one step of a cell, of its start, of a layer, of a
 * model around its scans. Everything comes from the compiler's own pullback.
 */

import type { Block, ScanCall, TypedModel } from "../check/typed.js";
import type { Module } from "../ir/types.js";
import { lower } from "../lower/lower.js";
import { type Derivation, derive, type Passage } from "./derive.js";
import { type Equation, equationsOf } from "./equations.js";
import { sizeWriter } from "./sizes.js";
import { indicesOf, scansOf, startOf, stepOf, wholeOf } from "./step.js";
import type { Name } from "./term.js";

/** What stands at the head of a section. */
export interface Heading {
  /** `LSTM`, or `rnn = LSTM` for an instance. */
  readonly title: string;
  /** One step of a cell, what comes before its first step, or a whole. */
  readonly of: "step" | "start" | "layer" | "model";
  readonly arrivals: readonly Arrival[];
}

/** An adjoint that comes from somewhere else, in parts. */
export interface Arrival {
  readonly name: Name;
  /** Adjoints of states, of the step after (or, in front of the first step, of this). */
  readonly states: readonly Name[];
  /** Whether what reads the block's output adds to it. */
  readonly fromOutside: boolean;
}

export type Line = { readonly kind: "equation"; readonly equation: Equation } | ScanLine;

/** Where the derivative of a model goes through that of a scan. */
export interface ScanLine {
  readonly kind: "scan";
  readonly length: string;
  readonly reverse: boolean;
  readonly given: readonly Name[];
  readonly gives: readonly Name[];
}

export interface Section {
  readonly heading: Heading;
  readonly lines: readonly Line[];
  readonly derivation: Derivation;
}

/** A cell, one section for a step and one for its start if that is computed, or a layer. */
export function explainBlock(block: Block, sizes: ReadonlyMap<string, number> = new Map()): readonly Section[] {
  const title = block.path === "" ? block.name : `${block.path} = ${block.name}`;
  const outputs = block.outputs.map(({ name }) => name);
  if (block.kind === "layer") return [section({ title, of: "layer", block, model: wholeOf(block), outputs }, sizes)];
  const states = new Map(block.states.map(({ binding, next }) => [next.name, binding.name]));
  const step = section({ title, of: "step", block, model: stepOf(block), states, outputs }, sizes);
  const start = startOf(block);
  if (start === undefined) return [step];
  const declared = block.states.filter(({ binding }) => start.outputs.some(({ name }) => name === binding.name));
  const starts = new Map(declared.map(({ binding: { name } }) => [name, name]));
  const before = section({ title, of: "start", block, model: start, states: starts, outputs: [] }, sizes);
  return [step, { ...before, lines: before.lines.map((line) => onTopOf(step, line)) }];
}

/**
 * The cells that a model scans, each once and without those in `known`, then the rest of it. Adjoints begin at its loss,
 * or at its outputs if it has none.
 */
export function explainModel(model: TypedModel, known: ReadonlySet<string> = new Set()): readonly Section[] {
  const cells = new Map<string, ScanCall>();
  for (const call of scansOf(model)) {
    const { name } = call.block;
    if (!known.has(name) && !cells.has(name)) cells.set(name, call);
  }
  const outputs = model.losses.length > 0 ? ["loss"] : model.outputs.map(({ name }) => name);
  const rest = section({ title: model.name, of: "model", block: model, model: wholeOf(model), outputs }, new Map());
  return [...[...cells.values()].flatMap(({ block }) => explainBlock(block)), rest];
}

/** What a start adds to the adjoint of a parameter that the steps read too. */
function onTopOf({ lines }: Section, line: Line): Line {
  if (line.kind !== "equation") return line;
  const { left } = line.equation;
  const known = lines.some(
    (other) => other.kind === "equation" && other.equation.left.some(({ text }) => left.some((n) => n.text === text)),
  );
  return known ? { kind: "equation", equation: { ...line.equation, adds: true } } : line;
}

interface Subject {
  readonly title: string;
  readonly of: Heading["of"];
  readonly block: Block;
  readonly model: TypedModel;
  /** The results whose adjoints arrive from other steps, with the states whose adjoints those are there. */
  readonly states?: ReadonlyMap<string, string>;
  /** Those whose adjoints arrive from outside. */
  readonly outputs: readonly string[];
}

function section(subject: Subject, sizes: ReadonlyMap<string, number>): Section {
  const { title, of, block, model, states = new Map<string, string>(), outputs } = subject;
  const own = indicesOf(block).flatMap(({ name, extent }) =>
    extent.extent === undefined ? [] : [{ name, extent: extent.extent }],
  );
  const reserved = own.map(({ name }) => name);
  const arriving = [...states.keys(), ...outputs];
  const derivation = derive(locally(lower(model), block.path), { arriving, ofInputs: of !== "model", reserved });
  const taken = new Set([...reserved, ...derivation.graph.results.map(({ name }) => name)]);
  const equations = equationsOf(derivation, { own, taken, numberTerm: sizeWriter(sizes) });
  const heading = { title, of, arrivals: arrivalsOf(derivation, states, outputs) };
  return { heading, lines: withScans(equations, derivation.passages), derivation };
}

function arrivalsOf(
  { arrivals, adjoints }: Derivation,
  states: ReadonlyMap<string, string>,
  outputs: readonly string[],
): readonly Arrival[] {
  const found = [...states.keys(), ...outputs].flatMap((result) => arrivals.get(result) ?? []);
  const names = new Map(found.map((name) => [name.text, name]));
  return [...names.values()].map((name) => {
    const reaches = (result: string) => arrivals.get(result)?.text === name.text;
    // A state that no step reads hands nothing back.
    const back = [...states].flatMap(([next, state]) =>
      reaches(next) ? adjoints.filter((a) => a.name.text === state) : [],
    );
    return { name, states: back.map((state) => state.name), fromOutside: outputs.some(reaches) };
  });
}

/** The parameters of an instance under the names that they have in its declaration. */
function locally(module: Module, path: string): Module {
  const local = (name: string) => (path !== "" && name.startsWith(`${path}.`) ? name.slice(path.length + 1) : name);
  const { forward } = module.graphs;
  if (forward === undefined) return module;
  const args = forward.args.map((arg) => (arg.kind === "param" ? { ...arg, name: local(arg.name) } : arg));
  return {
    ...module,
    parameters: module.parameters.map((parameter) => ({ ...parameter, name: local(parameter.name) })),
    graphs: { forward: { ...forward, args } },
  };
}

/** The line of a scan stands behind the last equation of what it is given. */
function withScans(equations: readonly Equation[], passages: readonly Passage[]): readonly Line[] {
  const lines: Line[] = equations.map((equation) => ({ kind: "equation", equation }));
  for (const { loop, given, gives } of passages) {
    const { length, reverse } = loop.attrs;
    const isGiven = (line: Line) =>
      (line.kind === "scan" ? line.gives : line.equation.left).some(({ text }) => given.some((g) => g.text === text));
    lines.splice(lines.findLastIndex(isGiven) + 1, 0, { kind: "scan", length, reverse, given, gives });
  }
  return lines;
}
