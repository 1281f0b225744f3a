/**
 * @file Training whose states go on from batch to batch (truncated backpropagation through time: Williams and Peng 1990):
 * each batch has the next steps of its examples. As in the streaming form, states of loops become arguments and results,
 * and what shifts look back to is buffered; but an example of the batch may begin anew, so every choice of where to start
 * is one an example. The derivative is then taken of this graph: arguments are constants, so it ends at the batch's first
 * step, and reaches the declared start of the examples that begin there.
 */

import { Builder } from "../ir/builder.js";
import { definitions, idsBeyond, reads, substitute, substituteReads } from "../ir/traverse.js";
import {
  type Arg,
  BATCH,
  type Graph,
  type Instr,
  type Module,
  type Port,
  RESET,
  type Result,
  type Type,
  type Value,
  type ValueId,
} from "../ir/types.js";
import { uniformConstant } from "./constant.js";
import { dce } from "./dce.js";
import { withoutOutputs } from "./derive-graphs.js";
import { closeLoop, openLoop } from "./loop.js";
import { bufferWith, shifted, stepsFirst } from "./stream-buffers.js";
import { bodyObstacle, nameReduction, Refusal, refuse } from "./stream-obstacle.js";
import { isLastStep, pastName } from "./stream-steps.js";

/** Turns `graphs.carried` into the form with states, `carriedStates`; or leaves `carryRefusal` in its place. */
export function carry(module: Module): Module {
  const { carried, ...graphs } = module.graphs;
  if (carried === undefined) return module;
  try {
    return { ...module, ...carriedForm(module, withoutOutputs(carried)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...module, graphs, carryRefusal: error.message };
  }
}

function carriedForm(module: Module, graph: Graph): Pick<Module, "graphs" | "carriedStates"> {
  const { carryLength: length, inputs, targets, ragged = [] } = module;
  if (!graph.results.some(({ kind }) => kind === "loss")) throw new Refusal("it states no loss");
  if (length === undefined) throw new Refusal("no length");
  if ([...inputs.map(({ name }) => name), ...targets.map(({ name }) => name), ...ragged].includes(RESET)) {
    throw new Refusal(`\`${RESET}\` names the examples that begin anew, so no input may have that name`);
  }
  const maker = new CarryMaker(graph, length, ragged.includes(length));
  const { b, renamed, reset, kept } = maker;
  if (kept.length === 0) throw new Refusal(`no step of ${length} reads anything of the steps before`);
  const args: readonly Arg[] = [
    ...graph.args.filter(({ kind }) => kind !== "state"),
    { kind: "input", name: RESET, value: reset },
    ...kept.map(({ name, value }): Arg => ({ kind: "state", name, value })),
  ];
  const results = [
    ...graph.results.map((r) => ({ ...r, value: substitute(r.value, renamed) })),
    ...kept.map(({ name, next }): Result => ({ kind: "state", name, value: next })),
  ];
  return {
    carriedStates: kept.map(({ name, value: { type } }): Port => ({ name, elem: type.elem, shape: type.shape })),
    graphs: { ...module.graphs, carried: dce({ args, instrs: b.instrs, results }) },
  };
}

interface Kept {
  readonly name: string;
  readonly value: Value;
  /** What it is after the batch. */
  readonly next: Value;
}

class CarryMaker {
  readonly b: Builder;
  readonly renamed = new Map<ValueId, Value>();
  readonly kept: Kept[] = [];
  /** Of each example, whether it begins anew. */
  readonly reset: Value;
  readonly #defined: ReadonlyMap<ValueId, Instr>;
  readonly #names: Set<string>;
  /** What is known after the batch's last step only, and how it comes about. */
  readonly #final = new Map<ValueId, string>();
  /** By array and filling. */
  readonly #buffers = new Map<string, Value>();

  /** @throws Refusal */
  constructor(
    readonly graph: Graph,
    readonly length: string,
    readonly isRagged: boolean,
  ) {
    this.b = new Builder(idsBeyond(graph));
    this.reset = this.b.fresh({ elem: "bool", shape: [BATCH] }, RESET);
    this.#defined = definitions(graph.instrs);
    this.#names = new Set([RESET, ...graph.args.map(({ name }) => name)]);
    for (const { value } of graph.args) {
      const axes = value.type.shape.filter((dim) => dim === length);
      if (axes.length > 1) refuse(`every pair of steps of ${length}`, graph, value);
    }
    const read = new Set(graph.instrs.flatMap(reads).map(({ id }) => id));
    for (const { kind, value } of graph.args) if (kind === "state" && read.has(value.id)) this.#count(value);
    const known = readButByDraws(graph);
    for (const instr of graph.instrs) {
      // A batch's random numbers are its own, whatever they are counted by.
      if (instr.results.some(({ id }) => known.has(id))) this.#instruction(instr);
      else this.#push(instr);
    }
  }

  /** The number of steps that an example had before. */
  #count(past: Value): void {
    const { b, graph, length } = this;
    const end = graph.args.find(({ kind, name }) => kind === "input" && name === length && this.isRagged);
    const steps = end?.value ?? b.repeat(b.op("length", { name: length }, []), [BATCH]);
    const before = this.#keep("steps", past.type, b.fill(0, [BATCH], "i32"), (before) =>
      b.binary("add", before, steps),
    );
    this.renamed.set(past.id, before);
  }

  #instruction(instr: Instr): void {
    const { length, graph } = this;
    this.#checkFinal(instr);
    const [result] = instr.results;
    switch (instr.op) {
      case "scan":
        this.#scan(instr);
        return;
      case "shift":
        if (instr.args[0].type.shape[instr.attrs.axis] !== length) break;
        this.renamed.set(result.id, this.#delayed(instr));
        return;
      case "gather":
        if (instr.args[0].type.shape[0] === length) this.#lookUp(instr);
        else this.#push(instr);
        return;
      case "length":
        if (instr.attrs.name === length) this.#final.set(result.id, `the number of steps ${length}`);
        break;
      case "reduce":
      case "contract": {
        if (!sumsOver(instr, length)) break;
        const sum = nameReduction(instr, graph);
        if (isStepwise(result, length)) {
          refuse(`${sum} over steps of ${length} at every step, more of them with every batch`, graph, result);
        }
        this.#final.set(result.id, `${sum} over all of ${length}`);
        break;
      }
      default:
    }
    this.#push(instr);
  }

  #push(instr: Instr): void {
    this.b.instrs.push(substituteReads(instr, this.renamed));
  }

  /** What the batch's last step decides must not be read at each: the earlier batches did not know of it. */
  #checkFinal(instr: Instr): void {
    const reason = reads(instr).flatMap((value) => this.#final.get(value.id) ?? [])[0];
    if (reason === undefined) return;
    const stepwise = instr.results.some((value) => isStepwise(value, this.length));
    if (stepwise || (instr.op === "scan" && instr.attrs.length === this.length)) {
      refuse(`${reason}, read at every step`, this.graph, instr.results[0]);
    }
    for (const value of instr.results) this.#final.set(value.id, reason);
  }

  #scan(instr: Instr<"scan">): void {
    const { b, graph, length, renamed } = this;
    const obstacle = bodyObstacle(instr, length);
    if (obstacle !== undefined) refuse(obstacle, graph, instr.results[0]);
    if (instr.attrs.length !== length) {
      this.#push(instr);
      return;
    }
    const loop = openLoop(instr);
    const states = loop.states.map((state) => {
      const start = substitute(state.initial, renamed);
      this.#final.set(state.last.id, `a last state over ${length}`);
      return { ...state, initial: this.#keep(state.last.hint ?? "state", start.type, start, () => state.last) };
    });
    b.instrs.push(substituteReads(closeLoop({ ...loop, states }), renamed));
  }

  /** `x[t - k]`: of the batch, else from a buffer of the steps before. All shifts of an array share one. */
  #delayed(instr: Instr<"shift">): Value {
    const { b, graph, length, renamed } = this;
    const { axis, offset, fill } = instr.attrs;
    const [x] = instr.args;
    const [result] = instr.results;
    if (offset < 0) refuse(`a look ahead along ${length}`, graph, result);
    if (this.isRagged) refuse(`a look back along ${length}, along which examples end`, graph, result);
    if (isStepwise({ type: { shape: x.type.shape.toSpliced(axis, 1) } }, length)) {
      refuse(`a shift of pairs of steps of ${length}`, graph, result);
    }
    const now = substitute(x, renamed);
    const key = `${x.id} ${axis} ${fill}`;
    let buffer = this.#buffers.get(key);
    if (buffer === undefined) {
      const offsets = graph.instrs.flatMap((other) => {
        if (other.op !== "shift" || other.args[0].id !== x.id) return [];
        return other.attrs.axis === axis && other.attrs.fill === fill ? [other.attrs.offset] : [];
      });
      const rows = stepsFirst(b, now, axis);
      const type = { elem: rows.type.elem, shape: rows.type.shape.with(0, Math.max(...offsets)) };
      const start = b.fill(fill, type.shape, type.elem);
      buffer = this.#keep(pastName(x), type, start, (before) => bufferWith(b, before, rows, length));
      this.#buffers.set(key, buffer);
    }
    return shifted(b, buffer, now, instr.attrs, result.hint);
  }

  /** `x[0]` and `x[T - 1]`. No other place is known to lie at or before every step that reads it. */
  #lookUp(instr: Instr<"gather">): void {
    const { graph, length } = this;
    const [, index] = instr.args;
    const [result] = instr.results;
    if (isLastStep(index, length, this.#defined)) {
      this.#final.set(result.id, `the last step of ${length}`);
      this.#push(instr);
      return;
    }
    const isFirst = index.type.shape.length === 0 && uniformConstant(index, (id) => this.#defined.get(id)) === 0;
    if (!isFirst) refuse(`a look-up among steps of ${length} by number`, graph, result);
    this.#push(instr);
    const first = this.#keep(result.hint ?? "first", result.type, result, (before) => before);
    this.renamed.set(result.id, first);
  }

  /**
   * Adds what is carried from batch to batch.
   * @param start of examples that begin anew.
   * @param become what it is after the batch, from what it is before, which is also the result.
   */
  #keep(base: string, type: Type, start: Value, become: (before: Value) => Value): Value {
    const { b } = this;
    const axis = type.shape.indexOf(BATCH);
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}_${n}`;
    this.#names.add(name);
    const value = b.fresh(type, name);
    if (axis < 0) refuse("steps that are the same for every example", this.graph, value);
    const before = b.select(b.broadcast(this.reset, type.shape, [axis]), start, value, name);
    this.kept.push({ name, value, next: become(before) });
    return before;
  }
}

const isStepwise = ({ type }: { readonly type: Pick<Type, "shape"> }, length: string) => type.shape.includes(length);

/** Whether steps of the length are brought together. */
function sumsOver({ op, attrs, args }: Instr<"reduce"> | Instr<"contract">, length: string): boolean {
  if (op === "reduce") return attrs.axes.some((axis) => args[0].type.shape[axis] === length);
  return [attrs.lhs, attrs.rhs].some((labels, i) =>
    [...labels].some((label, axis) => !attrs.out.includes(label) && args[i].type.shape[axis] === length),
  );
}

/** The values that something else than where random numbers are drawn depends on. */
function readButByDraws({ instrs, results }: Graph): ReadonlySet<ValueId> {
  const live = new Set(results.map(({ value }) => value.id));
  for (const instr of instrs.toReversed()) {
    if (instr.op === "random" || !instr.results.some(({ id }) => live.has(id))) continue;
    for (const { id } of reads(instr)) live.add(id);
  }
  return live;
}
