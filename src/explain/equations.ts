/**
 * @file Equations from a derivative: which values get a line of their own, in which order, and whether the line holds
 * at each step or for a sum over all of them.
 */

import { definitions } from "../ir/traverse.js";
import { BATCH, type Instr, type Value, type ValueId } from "../ir/types.js";
import type { Derivation } from "./derive.js";
import { IndexNames, type IndexVocabulary } from "./indices.js";
import { BACKWARD_LETTERS, FORWARD_LETTERS, letter } from "./names.js";
import { Notation, type Surroundings, shown } from "./notation.js";
import { type Name, plus, type Term } from "./term.js";
import { countReads, ownWeight } from "./weight.js";

/**
 * forward: of the forward map, for a name that the spec does not have · step: an adjoint at one example (and step) ·
 * sum: one that is summed over them · after: made of such sums.
 */
export type Phase = "forward" | "step" | "sum" | "after";

export interface Equation {
  readonly phase: Phase;
  /** The right side is summed over the examples (and, of a cell, over the steps). */
  readonly summed: boolean;
  /** Several where values are equal. */
  readonly left: readonly Name[];
  /** Of index notation; none where both sides are whole arrays. */
  readonly indices: readonly string[];
  /** The right side comes on top of what arrived under the name. */
  readonly adds: boolean;
  readonly right: Term;
}

export interface Vocabulary extends IndexVocabulary {
  numberTerm(value: number): Term;
}

export function equationsOf(derivation: Derivation, vocabulary: Vocabulary): readonly Equation[] {
  const { graph, known, introduced, adjoints } = derivation;
  const lines = new Lines(derivation, vocabulary.taken);
  const definitionOf = definitions(graph.instrs);
  const around: Surroundings = {
    definitions: definitionOf,
    nameOf: (value) => known.get(value.id) ?? lines.names.get(value.id)?.[0],
    numberTerm: vocabulary.numberTerm,
  };
  const write = (value: Value, left: readonly Name[]): Equation => {
    const phase = lines.phaseOf(value);
    const summed = lines.isSummed(value);
    const notation = new Notation(around, new IndexNames(vocabulary));
    const alias =
      left.find(({ text }) => text === known.get(value.id)?.text) === undefined ? known.get(value.id) : undefined;
    if (alias !== undefined && phase !== "forward") {
      return { phase, summed: false, left, indices: [], adds: false, right: { kind: "read", name: alias, at: [] } };
    }
    const whole = isData(value) ? undefined : notation.whole(value);
    const indices = whole === undefined ? shown(value).map((dim) => notation.indices.bind(dim)) : [];
    return { phase, summed, left, indices, ...withoutArrived(whole ?? notation.element(value, indices), left) };
  };

  const named = new Map([...introduced.map(({ value, name }) => [value.id, [name]] as const), ...lines.names]);
  const given = adjoints.filter(({ value }) => !definitionOf.has(value.id));
  const handed = given
    .filter(({ value, name }) => known.get(value.id)?.text !== name.text)
    .map(({ value, name }) => write(value, [name]));
  const computed = graph.instrs.flatMap((instr) => {
    const [value] = instr.results;
    const names = named.get(value.id);
    return names === undefined ? [] : [write(value, names)];
  });
  const all = [...handed, ...computed];
  const phases: readonly Phase[] = ["forward", "step", "sum", "after"];
  return phases.flatMap((phase) => all.filter((equation) => equation.phase === phase));
}

/** Arrays of several axes that differ from example to example are written with indices, as papers do. */
function isData(value: Value): boolean {
  return shown(value).length > 1 && value.type.shape.includes(BATCH);
}

/** `dh' = dh' + …` is `dh' += …`. */
function withoutArrived(right: Term, left: readonly Name[]): Pick<Equation, "adds" | "right"> {
  const isArrived = (term: Term) =>
    term.kind === "read" && term.name.adjoint && left.some(({ text }) => text === term.name.text);
  if (right.kind === "sum" && right.terms.some(isArrived)) {
    const rest = right.terms.filter((term) => !isArrived(term));
    return { adds: true, right: rest.reduce(plus) };
  }
  return { adds: false, right };
}

/** From here on a value that is read several times is worth a line; below, it is written out wherever it is read. */
const WORTH = { forward: 4, adjoint: 2 } as const;

/** Which values have lines, and in which phase those are. */
class Lines {
  readonly names = new Map<ValueId, readonly Name[]>();
  /** Values whose term holds before it is summed over the examples, in a line that sums it. */
  readonly #summed = new Set<ValueId>();
  /** Values that are computed from adjoints. */
  readonly #backward = new Set<ValueId>();
  readonly #after = new Set<ValueId>();
  readonly #forward = new Set<ValueId>();
  readonly #weights = new Map<ValueId, number>();
  readonly #definitions: ReadonlyMap<ValueId, Instr>;
  readonly #taken: Set<string>;

  constructor(
    readonly derivation: Derivation,
    taken: ReadonlySet<string>,
  ) {
    const { graph, known, introduced, adjoints } = derivation;
    this.#taken = new Set([...taken, ...graph.results.map(({ name }) => name)]);
    this.#definitions = definitions(graph.instrs);
    // Of equal adjoints that within the step comes first: what is handed back is found from it.
    const handedBack = new Set(graph.args.map((arg) => arg.name));
    const inner = adjoints.filter(({ name }) => !handedBack.has(name.text));
    for (const { value, name } of [...inner, ...adjoints.filter((adjoint) => !inner.includes(adjoint))]) {
      if (this.#definitions.has(value.id)) {
        this.names.set(value.id, [...(this.names.get(value.id) ?? []), name]);
      }
    }
    for (const [id, name] of known) if (name.adjoint) this.#backward.add(id);
    for (const { value } of introduced) this.#forward.add(value.id);
    const shownValues = [...adjoints, ...introduced].map(({ value }) => value);
    const isLeaf = (value: Value) => known.has(value.id) && !introduced.some((i) => i.value.id === value.id);
    const reads = countReads(graph.instrs, shownValues, isLeaf);
    for (const instr of graph.instrs) this.#visit(instr, reads);
  }

  phaseOf(value: Value): Phase {
    if (this.#forward.has(value.id)) return "forward";
    if (this.isSummed(value)) return "sum";
    return this.#after.has(value.id) ? "after" : "step";
  }

  isSummed(value: Value): boolean {
    return this.#summed.has(value.id);
  }

  #visit(instr: Instr, reads: ReadonlyMap<ValueId, number>): void {
    const [out] = instr.results;
    const { known } = this.derivation;
    if (instr.args.some((arg) => this.#backward.has(arg.id))) this.#backward.add(out.id);
    const held = (arg: Value) => this.#summed.has(arg.id) && !this.#isRead(arg);
    if (instr.op === "add" || instr.op === "sub") {
      const inside = instr.args.filter(held);
      // What is summed over the examples stands beside what is not.
      if (inside.length < instr.args.length) for (const arg of inside) this.#name(arg);
    }
    if (instr.op === "shift") this.#nameUnlessMovable(instr);
    const sums = summedInside(instr) || instr.args.some(held);
    if (sums) this.#summed.add(out.id);
    const late = instr.args.some((arg) => (this.#isRead(arg) && this.#isLate(arg)) || this.#after.has(arg.id));
    if (late && !sums) this.#after.add(out.id);
    const weight = instr.args.reduce(
      (sum, arg) => sum + (this.#isRead(arg) ? 0 : (this.#weights.get(arg.id) ?? 0)),
      ownWeight(instr),
    );
    this.#weights.set(out.id, weight);
    if (known.has(out.id) || this.names.has(out.id)) return;
    const times = reads.get(out.id) ?? 0;
    // The mean over the examples that a loss takes is one number for all of them.
    const whole = sums && times > 0 && !this.#backward.has(out.id);
    const worth = this.#backward.has(out.id) ? WORTH.adjoint : WORTH.forward;
    if (whole || (times > 1 && weight >= worth && ownWeight(instr) > 0)) this.#name(out);
  }

  #name({ id }: Value): void {
    const backward = this.#backward.has(id);
    const text = letter(backward ? BACKWARD_LETTERS : FORWARD_LETTERS, this.#taken);
    this.#taken.add(text);
    this.names.set(id, [{ text, adjoint: false }]);
    if (!backward) this.#forward.add(id);
  }

  /** Beyond an end a shifted value is a number, which only a factor of a product can be replaced by in place. */
  #nameUnlessMovable({ attrs: { axis, fill }, args: [arg] }: Instr<"shift">): void {
    const movable = (value: Value, along: number): boolean => {
      if (this.#isRead(value)) return true;
      const instr = this.#definitions.get(value.id);
      if (instr?.op === "broadcast") {
        const from = instr.attrs.axes.indexOf(along);
        return from >= 0 && movable(instr.args[0], from);
      }
      if (instr?.op === "slice") return instr.attrs.axis !== along && movable(instr.args[0], along);
      if (instr?.op === "reduce") {
        const { axes, kind } = instr.attrs;
        const [whole] = instr.args;
        const kept = whole.type.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
        return fill === 0 && kind === "sum" && movable(whole, kept[along]);
      }
      if (instr?.op === "neg") return fill === 0 && movable(instr.args[0], along);
      if (instr?.op !== "mul" || fill !== 0) return false;
      const [x, y] = instr.args.map((factor) => this.#isStill(factor, along));
      return x !== y && movable(instr.args[x ? 1 : 0], along);
    };
    if (!movable(arg, axis)) this.#name(arg);
  }

  /** Whether a value is the same all along an axis. */
  #isStill(value: Value, axis: number): boolean {
    const instr = this.#definitions.get(value.id);
    return instr?.op === "broadcast" && !instr.attrs.axes.includes(axis);
  }

  #isLate({ id }: Value): boolean {
    return this.#summed.has(id) && this.#backward.has(id);
  }

  #isRead(value: Value): boolean {
    return this.names.has(value.id) || this.derivation.known.has(value.id);
  }
}

/** Whether an instruction sums over the examples. */
function summedInside(instr: Instr): boolean {
  if (instr.op === "reduce") return instr.attrs.axes.some((axis) => instr.args[0].type.shape[axis] === BATCH);
  if (instr.op !== "contract") return false;
  const { lhs, out } = instr.attrs;
  return [...lhs].some((label, axis) => instr.args[0].type.shape[axis] === BATCH && !out.includes(label));
}
