/** @file Values of a graph as short text in the spec's own names. */

import { definitions, reads } from "../../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../../ir/types.js";
import type { Loop } from "../../passes/loop.js";
import { IndexNames } from "../indices.js";
import { Notation, shown } from "../notation.js";
import { seqName, seqTerm } from "../seq.js";
import { type Name, number, type Term } from "../term.js";
import { loopsOf } from "./trace.js";

const MOST_CHARACTERS = 72;
/** Operations that are written out within an expression; one that has more stands as `…`. */
const MOST_OPERATIONS = 24;
const ADJOINT = "d_";

export class Phrases {
  readonly #definitions: Map<ValueId, Instr>;
  readonly #names: ReadonlyMap<ValueId, Name>;
  readonly #weights = new Map<ValueId, number>();
  readonly #arguments: ReadonlySet<string>;
  /** What stands in no loop. */
  readonly #outside: ReadonlySet<ValueId>;
  /** What a step gives, by what all steps or the last one gave. */
  readonly #steps = new Map<ValueId, Value>();

  /** @param path of the instance that is spoken of, which its names leave out: `rnn`. */
  constructor(
    graph: Graph,
    readonly path: string,
  ) {
    this.#definitions = new Map(definitions(graph.instrs));
    this.#arguments = new Set(graph.args.map(({ name }) => name));
    this.#outside = new Set(graph.instrs.flatMap(({ results }) => results.map(({ id }) => id)));
    // States without a name are those that add up gradients over the steps.
    const sums = loopsOf(graph).flatMap(({ states }) => states.filter(({ previous }) => previous.hint === undefined));
    const counters = loopsOf(graph).flatMap(({ length, sequences }) =>
      sequences
        .filter(({ all }) => this.#definitions.get(all.id)?.op === "iota")
        .map(({ step }) => [step.id, length.toLowerCase()] as const),
    );
    const texts = new Map([
      ...counters,
      ...sums.map(({ previous, last }) => {
        const gradients = gradientsFrom(graph, [last]).map((name) => `d(${this.local(name)})`);
        return [previous.id, `sum for ${gradients.join(", ")}`] as const;
      }),
      ...graph.results.map(({ name, value }) => [value.id, name] as const),
      ...graph.args.map(({ name, value }) => [value.id, name] as const),
    ]);
    const gradients = new Set(graph.results.filter(({ kind }) => kind === "grad").map(({ value }) => value.id));
    this.#names = new Map(
      [...texts].map(([id, text]) => [id, { text: this.local(text), adjoint: gradients.has(id) }] as const),
    );
    for (const { states, outputs } of loopsOf(graph)) {
      for (const { last, previous } of states) this.#steps.set(last.id, previous);
      for (const { all, step } of outputs) this.#steps.set(all.id, step);
    }
    for (const loop of loopsOf(graph)) this.#followResiduals(loop, loopsOf(graph));
  }

  /** Makes known what is no part of the graph. */
  learn(instrs: readonly Instr[]): void {
    for (const instr of instrs) for (const { id } of instr.results) this.#definitions.set(id, instr);
  }

  /** What the value is made of. */
  of(value: Value): string {
    const step = this.#steps.get(value.id);
    return step === undefined ? shorten(seqTerm(this.term(value))) : this.called(step);
  }

  /** The value's own name, else what it is made of. */
  called(value: Value): string {
    const name = this.name(value);
    return name === undefined ? this.of(value) : seqName(name);
  }

  term(value: Value): Term {
    if (!this.#definitions.has(value.id)) return { kind: "read", name: this.#nameOf(value) ?? unknown, at: [] };
    const around = {
      definitions: this.#definitions,
      nameOf: (other: Value) => this.#nameOf(other),
      numberTerm: number,
    };
    const notation = new Notation(
      around,
      new IndexNames({ own: [], taken: new Set([...this.#names.values()].map(({ text }) => text)) }),
    );
    const whole = notation.whole(value);
    return (
      whole ??
      notation.element(
        value,
        shown(value).map((dim) => notation.indices.bind(dim)),
      )
    );
  }

  /** Undefined for a value that the spec does not name. */
  name(value: Value): Name | undefined {
    const known = this.#names.get(value.id);
    const text = this.#unlike(value);
    if (known !== undefined || text === undefined) return known;
    const adjoint = text.startsWith(ADJOINT);
    return { text: this.local(adjoint ? text.slice(ADJOINT.length) : text), adjoint };
  }

  /** The hint of a value, told from an argument of the model that has the same name. */
  #unlike({ id, hint }: Value): string | undefined {
    return hint !== undefined && this.#outside.has(id) && this.#arguments.has(hint) ? `${hint}_2` : hint;
  }

  /** A path without the instance that is spoken of. */
  local(path: string): string {
    return this.path !== "" && path.startsWith(`${this.path}.`) ? path.slice(this.path.length + 1) : path;
  }

  #nameOf(value: Value): Name | undefined {
    const name = this.name(value);
    if (name !== undefined) return name;
    const step = this.#steps.get(value.id);
    if (step !== undefined && this.#operations(value) > MOST_OPERATIONS) return unknown;
    if (step !== undefined) return this.name(step) ?? { text: `(${this.called(step)})`, adjoint: false };
    return this.#definitions.has(value.id) && this.#operations(value) <= MOST_OPERATIONS ? undefined : unknown;
  }

  /** How many operations writing a value out would show. */
  #operations(value: Value): number {
    const known = this.#weights.get(value.id);
    if (known !== undefined) return known;
    const step = this.#steps.get(value.id);
    const args = step === undefined ? (this.#definitions.get(value.id)?.args ?? []) : [step];
    const weight = args.reduce((n, arg) => n + (this.name(arg) === undefined ? this.#operations(arg) : 0), 1);
    this.#weights.set(value.id, weight);
    return weight;
  }

  /** What a reverse loop is given of another loop is the value there: named by the body that computed it. */
  #followResiduals(loop: Loop, all: readonly Loop[]): void {
    for (const { all: sequence, step } of loop.sequences) {
      if (step.hint !== undefined) continue;
      const by = this.#definitions.get(sequence.id);
      const source = by?.op === "shift" ? by.args[0] : sequence;
      const from = all.flatMap(({ outputs, states }) =>
        outputs
          .filter((output) => output.all.id === source.id)
          .map((output) =>
            by?.op === "shift" ? states.find((s) => s.next.id === output.step.id)?.previous : output.step,
          ),
      )[0];
      if (from === undefined) continue;
      const axes = from.type.shape.map((_, axis) => axis);
      const same: Instr = { op: "broadcast", attrs: { shape: from.type.shape, axes }, args: [from], results: [step] };
      this.#definitions.set(step.id, same);
    }
  }
}

const unknown: Name = { text: "…", adjoint: false };

export function shorten(text: string, most = MOST_CHARACTERS): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The parameters whose gradients depend on some values. */
export function gradientsFrom(graph: Graph, values: readonly Value[]): readonly string[] {
  const reached = new Set(values.map(({ id }) => id));
  for (const instr of graph.instrs) {
    if (reads(instr).some(({ id }) => reached.has(id))) for (const { id } of instr.results) reached.add(id);
  }
  return graph.results.filter(({ kind, value }) => kind === "grad" && reached.has(value.id)).map(({ name }) => name);
}
