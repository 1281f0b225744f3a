/**
 * @file Makes the graph of a stream's steps from that of a whole prediction. `T` is the number of steps at hand there;
 * what stands for all steps so far has an axis over `ROOM`, which is at least as long: places of steps still to come hold
 * nothing, and causality is the proof that nobody reads them.
 */

import { Builder } from "../ir/builder.js";
import { registry } from "../ir/registry.js";
import { definitions, idsBeyond, reads, substitute, substituteReads } from "../ir/traverse.js";
import {
  type Dim,
  type Graph,
  type Instr,
  type Op,
  PAST,
  ROOM,
  type Type,
  type Value,
  type ValueId,
} from "../ir/types.js";
import { present } from "../support/assert.js";
import { uniformConstant } from "./constant.js";
import { closeLoop, openLoop } from "./loop.js";
import { bufferWith, cacheWith, delayed, stepsAt, stepsFirst } from "./stream-buffers.js";
import { Causality, NEUTRAL } from "./stream-causal.js";
import { bodyObstacle, nameReduction, refuse } from "./stream-obstacle.js";
import { type Demands, isComputedAnew, isPast, operandRoles, type Roles, uniformRoles } from "./stream-roles.js";

/** What a stream holds between steps. */
export interface Kept {
  readonly name: string;
  /** In the graph of steps: an argument. */
  readonly value: Value;
  /** In the graph of steps: what it becomes; what has none is the same at every step. */
  readonly next?: Value;
  /** Before the first step: a value of the whole prediction that no step takes part in, or one number everywhere. */
  readonly initial: Value | number;
}

/** What is known of a prediction beforehand. */
export interface Survey {
  readonly graph: Graph;
  readonly length: string;
  /** Values that are known before the first step. */
  readonly steady: ReadonlySet<ValueId>;
  /** Those of them that inputs have a part in. */
  readonly given: ReadonlySet<ValueId>;
  /** Values that depend on data of the steps. */
  readonly timed: ReadonlySet<ValueId>;
  readonly demands: Demands;
}

export interface Steps {
  readonly instrs: readonly Instr[];
  /** What results became. */
  readonly renamed: ReadonlyMap<ValueId, Value>;
  readonly kept: readonly Kept[];
}

/** @throws Refusal */
export function buildSteps(survey: Survey): Steps {
  const maker = new StepMaker(survey);
  for (const arg of survey.graph.args) maker.argument(arg.value);
  for (const instr of survey.graph.instrs) maker.instruction(instr);
  return { instrs: maker.b.instrs, renamed: maker.renamed, kept: maker.kept };
}

/** Whether a value that is known beforehand is as well made anew from what it views. */
const isView = (instr: Instr) => instr.op === "broadcast" || instr.op === "slice";

class StepMaker {
  readonly b: Builder;
  readonly renamed = new Map<ValueId, Value>();
  readonly kept: Kept[] = [];
  readonly #defined: ReadonlyMap<ValueId, Instr>;
  readonly #causality = new Causality();
  /** Values for all steps so far, and pairs of a step at hand and one so far, by their roles. */
  readonly #past = new Map<string, Value>();
  /** What is known after the newest step only, and how it comes about. */
  readonly #final = new Map<ValueId, string>();
  readonly #names: Set<string>;
  /** By array and filling. */
  readonly #buffers = new Map<string, Value>();

  constructor(readonly survey: Survey) {
    this.b = new Builder(idsBeyond(survey.graph));
    this.#defined = definitions(survey.graph.instrs);
    this.#names = new Set(survey.graph.args.map(({ name }) => name));
  }

  argument(value: Value): void {
    if (this.survey.given.has(value.id)) this.#keepGiven(value);
    else this.#pasts(value);
  }

  instruction(instr: Instr): void {
    const { steady, given } = this.survey;
    const [result] = instr.results;
    if (steady.has(result.id)) {
      if (given.has(result.id) && !isView(instr)) for (const value of instr.results) this.#keepGiven(value);
      else this.#push(instr);
      return;
    }
    this.#checkFinal(instr);
    if (instr.op === "scan") {
      this.#scan(instr);
    } else if (this.survey.demands.of(result).some((roles) => !isPast(roles))) {
      const now = this.#now(instr);
      if (now !== undefined) this.renamed.set(result.id, now);
    }
    for (const value of instr.results) this.#pasts(value, instr);
  }

  /** What the last step decides must not be read at each: an earlier one would know of it. */
  #checkFinal(instr: Instr): void {
    const { graph, length } = this.survey;
    const reason = reads(instr).flatMap((value) => this.#final.get(value.id) ?? [])[0];
    if (reason === undefined) return;
    const everyStep = instr.results.some(({ type }) => type.shape.includes(length));
    if (everyStep || (instr.op === "scan" && instr.attrs.length === length)) {
      refuse(`${reason}, read at every step`, graph, instr.results[0]);
    }
    for (const value of instr.results) this.#final.set(value.id, reason);
  }

  /** Adds the instruction with its operands as they are for the steps at hand. */
  #push(instr: Instr): void {
    const own = substituteReads(instr, this.renamed);
    this.b.instrs.push(own);
    if (own.op !== "scan") this.#causality.learn(own);
  }

  /** The result for the steps at hand; undefined where it is the instruction's own. */
  #now(instr: Exclude<Instr, Instr<"scan">>): Value | undefined {
    const { length } = this.survey;
    const [result] = instr.results;
    const [first] = instr.args;
    switch (instr.op) {
      case "length":
        this.#final.set(result.id, `the number of steps ${length}`);
        this.#push(instr);
        return this.b.binary("add", result, this.#pastSteps());
      case "iota": {
        this.#push(instr);
        if (instr.attrs.shape[instr.attrs.axis] !== length) return undefined;
        const position = this.b.binary("add", result, this.#pastSteps());
        this.#causality.isPresent(position);
        return position;
      }
      case "reduce":
      case "contract": {
        const roles = uniformRoles(result, length, "now");
        const operands = operandRoles(instr, roles, length);
        if (operands.some(isPast)) return this.#made(instr, roles);
        if (operands.some((own) => countRoles(own) > countRoles(roles))) return this.#accumulated(instr);
        this.#push(instr);
        return undefined;
      }
      case "shift":
        if (first.type.shape[instr.attrs.axis] === length) return this.#delayed(instr);
        break;
      case "gather":
        if (first.type.shape[0] === length) return this.#lookedUp(instr);
        break;
      default:
    }
    this.#push(instr);
    return undefined;
  }

  /** A sum, maximum or minimum over all steps: what it was, joined with the steps at hand. */
  #accumulated(instr: Instr<"reduce"> | Instr<"contract">): Value {
    const { graph, length } = this.survey;
    const [result] = instr.results;
    this.#push(instr);
    const kind = instr.op === "reduce" ? instr.attrs.kind : "sum";
    const join = (before: Value) => this.b.binary(kind === "sum" ? "add" : kind, before, result, result.hint);
    const next = this.#keep(result.hint ?? "total", result.type, NEUTRAL[kind], join).next;
    this.#final.set(result.id, `${nameReduction(instr, graph)} over all of ${length}`);
    return next;
  }

  /** `x[t - k]`: from the steps at hand, and a buffer of those before. All shifts of an array share one. */
  #delayed({ args: [x], attrs: { axis, offset, fill }, results: [result] }: Instr<"shift">): Value {
    const { graph, length } = this.survey;
    if (offset < 0) refuse(`a look ahead along ${length}`, graph, result);
    const { b } = this;
    const rows = stepsFirst(b, substitute(x, this.renamed), axis);
    const key = `${x.id} ${axis} ${fill}`;
    let buffer = this.#buffers.get(key);
    if (buffer === undefined) {
      const offsets = graph.instrs.flatMap((instr) => {
        const shares = instr.op === "shift" && instr.args[0].id === x.id && instr.attrs.fill === fill;
        return shares ? [instr.attrs.offset] : [];
      });
      const { shape, elem } = rows.type;
      const type = { elem, shape: shape.with(0, Math.max(...offsets)) };
      buffer = this.#keep(pastName(x), type, fill, (before) => bufferWith(b, before, rows, length)).value;
      this.#buffers.set(key, buffer);
    }
    return stepsAt(b, delayed(b, buffer, rows, offset, length), axis);
  }

  /** `x[0]` and `x[T - 1]`. No other place is known to lie at or before every step that reads it. */
  #lookedUp(instr: Instr<"gather">): Value {
    const { b } = this;
    const { graph, length } = this.survey;
    const [table, index] = instr.args;
    const [result] = instr.results;
    const rows = substitute(table, this.renamed);
    if (this.#constant(index) === 0 && index.type.shape.length === 0) {
      const first = b.op("gather", {}, [rows, b.constant(0, "i32")], result.hint);
      return this.#keep(result.hint ?? "first", result.type, 0, (kept) => b.select(this.#isStart(), first, kept)).next;
    }
    if (!isLastStep(index, length, this.#defined))
      refuse(`a look-up among steps of ${length} by number`, graph, result);
    this.#final.set(result.id, `the last step of ${length}`);
    const last = b.binary("add", b.op("length", { name: length }, []), b.constant(-1, "i32"));
    return b.op("gather", {}, [rows, last], result.hint);
  }

  #scan(instr: Instr<"scan">): void {
    const { graph, length, steady } = this.survey;
    const obstacle = bodyObstacle(instr, length);
    if (obstacle !== undefined) refuse(obstacle, graph, instr.results[0]);
    if (instr.attrs.length !== length) {
      this.#push(instr);
      return;
    }
    const loop = openLoop(instr);
    const states = loop.states.map((state) => {
      const known = this.#constant(state.initial) ?? (steady.has(state.initial.id) ? state.initial : undefined);
      const { value } = this.#keep(state.last.hint ?? "state", state.initial.type, known ?? 0, () => state.last);
      this.#final.set(state.last.id, `a last state over ${length}`);
      if (known !== undefined) return { ...state, initial: value };
      // It begins from what the first step decides.
      return { ...state, initial: this.b.select(this.#isStart(), substitute(state.initial, this.renamed), value) };
    });
    this.#push(closeLoop({ ...loop, states }));
  }

  /** Makes a value in every role that takes in past steps, as far as one is needed. */
  #pasts(value: Value, instr?: Instr): void {
    for (const roles of this.survey.demands.of(value).filter(isPast)) {
      const isPointwise = instr !== undefined && registry[instr.op].lowering === "pointwise";
      const anew = instr !== undefined && isComputedAnew(instr, roles, this.survey.timed.has(value.id), isPointwise);
      this.#past.set(pastKey(value, roles), anew ? this.#made(instr, roles) : this.#cached(value, roles));
    }
  }

  /** The result in these roles, from operands in theirs. */
  #made(instr: Instr, roles: Roles): Value {
    const { graph, length } = this.survey;
    const operands = operandRoles(instr, roles, length);
    const args = instr.args.map((arg, i) => this.#value(arg, operands[i]));
    const [result] = instr.results;
    if (instr.op === "reduce" || instr.op === "contract") {
      const sumsPast = operands.some((own) => isPast(own)) && !isPast(roles);
      if (sumsPast && !this.#takesInThePastAlone(instr, args)) {
        refuse(`${nameReduction(instr, graph)} over all of ${length}, read at every step`, graph, result);
      }
    }
    if (instr.op === "shift" && instr.args[0].type.shape[instr.attrs.axis] === length) {
      refuse(`a shift of pairs of steps of ${length}`, graph, result);
    }
    const shape = (dims: readonly Dim[]) => dims.map((dim, axis) => (roles[axis] === "past" ? ROOM : dim));
    const attrs = "shape" in instr.attrs ? { ...instr.attrs, shape: shape(instr.attrs.shape) } : instr.attrs;
    const made = this.b.op<Op>(instr.op, attrs, args, result.hint);
    this.#causality.learn(this.b.instrs[this.b.instrs.length - 1]);
    if (instr.op === "iota" && roles[instr.attrs.axis] === "past") this.#causality.isOther(made);
    return made;
  }

  #takesInThePastAlone(instr: Instr<"reduce"> | Instr<"contract">, args: readonly Value[]): boolean {
    const later = args.map((arg) => this.#causality.later(arg));
    return instr.op === "reduce" ? later[0] === NEUTRAL[instr.attrs.kind] : later.includes(0);
  }

  #value(value: Value, roles: Roles): Value {
    if (!isPast(roles)) return substitute(value, this.renamed);
    return present(this.#past.get(pastKey(value, roles)), "stream", `%${value.id} as ${roles.join()}`);
  }

  /** The value of all steps so far, kept from step to step: places of the steps at hand are written, the rest stays. */
  #cached(value: Value, roles: Roles): Value {
    const { b } = this;
    const axis = roles.indexOf("past");
    const rows = stepsFirst(b, substitute(value, this.renamed), axis);
    const { shape, elem } = rows.type;
    const type = { elem, shape: shape.with(0, ROOM) };
    const { next } = this.#keep(pastName(value), type, 0, (cache) => cacheWith(b, cache, rows, this.survey.length));
    return stepsAt(b, next, axis);
  }

  #constant(value: Value): number | undefined {
    return uniformConstant(value, (id) => this.#defined.get(id));
  }

  /** Whether the first step is at hand, as a scalar. */
  #isStart(): Value {
    return this.b.binary("eq", this.#pastSteps(), this.b.constant(0, "i32"));
  }

  #pastSteps(): Value {
    return this.b.op("length", { name: PAST }, []);
  }

  #keepGiven(value: Value): void {
    const name = this.#newName(value.hint ?? "given");
    const kept = this.b.fresh(value.type, name);
    this.kept.push({ name, value: kept, initial: value });
    this.renamed.set(value.id, kept);
  }

  /** Adds what is carried from step to step. @param become what it becomes, from what it is. */
  #keep(base: string, type: Type, initial: Value | number, become: (value: Value) => Value) {
    const name = this.#newName(base);
    const value = this.b.fresh(type, name);
    const next = become(value);
    this.kept.push({ name, value, initial, next });
    return { value, next };
  }

  #newName(base: string): string {
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}_${n}`;
    this.#names.add(name);
    return name;
  }
}

/** Whether the index is that of the last step. */
export function isLastStep(index: Value, length: string, defined: ReadonlyMap<ValueId, Instr>): boolean {
  const instr = defined.get(index.id);
  if (instr?.op !== "add") return false;
  const [a, b] = instr.args.map((arg) => defined.get(arg.id));
  const isLength = (i: Instr | undefined) => i?.op === "length" && i.attrs.name === length;
  const isMinusOne = (i: Instr | undefined) => i?.op === "const" && i.attrs.value === -1;
  return (isLength(a) && isMinusOne(b)) || (isLength(b) && isMinusOne(a));
}

export const pastName = (value: Value) => (value.hint === undefined ? "past" : `${value.hint}.past`);

const pastKey = (value: Value, roles: Roles) => `${value.id}:${roles.join()}`;

const countRoles = (roles: Roles) => roles.filter((role) => role !== undefined).length;
