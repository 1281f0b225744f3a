/**
 * @file Applies rules, each an instruction's cheaper equivalent, over a graph and its regions until none fires.
 * Rules see definitions and uses, and write with the builder; they never see where an instruction stands.
 */

import { Builder, type IdSource } from "../ir/builder.js";
import { forEachInstr, idsBeyond, substitute, substituteReads } from "../ir/traverse.js";
import type { Graph, Instr, Op, Value, ValueId } from "../ir/types.js";
import { invariant } from "../support/assert.js";
import { uniformConstant } from "./constant.js";
import { dce } from "./dce.js";

/** What a rule may ask about values. */
export interface Facts {
  definition(value: Value): Instr | undefined;
  /** The definition if it is by `op`. */
  by<K extends Op>(op: K, value: Value): Instr<K> | undefined;
  /** As `by`, but only if nothing else reads the value, so that rewriting its user makes it vanish. */
  onlyBy<K extends Op>(op: K, value: Value): Instr<K> | undefined;
  /** The one number at every place, if that is known. */
  constant(value: Value): number | undefined;
  /** Whether anything read a result of the graph as it was before this sweep. */
  isRead(result: Value): boolean;
}

type Apply<K extends Op> = (b: Builder, instr: Instr<K>, facts: Facts) => Value | undefined;

/** A named rewrite of instructions with one result: the answer stands for the result; undefined leaves it. */
export interface Rule {
  readonly name: string;
  /** Those of an instruction that `apply` may be given. */
  readonly ops: ReadonlySet<Op>;
  readonly apply: (b: Builder, instr: Instr, facts: Facts) => Value | undefined;
}

export function rule<K extends Op>(name: string, ops: readonly K[], apply: Apply<K>): Rule {
  const set: ReadonlySet<Op> = new Set(ops);
  return { name, ops: set, apply: (b, instr, facts) => apply(b, instr as Instr<K>, facts) };
}

/** What happens to a loop as a whole, its body done already: the loop anew, and what its results became. */
export type LoopRewrite = (
  b: Builder,
  instr: Instr<"scan">,
  facts: Facts,
  renamed: Map<ValueId, Value>,
) => Instr<"scan"> | undefined;

/** No chain of rewrites is as long; only rules that undo each other are. */
const MOST_SWEEPS = 100;

/** Rewrites to a fixed point and removes what became dead. */
export function rewrite(graph: Graph, rules: readonly Rule[], loopRewrite?: LoopRewrite): Graph {
  let current = graph;
  for (let sweep = 0; ; sweep++) {
    invariant(sweep < MOST_SWEEPS, "simplify", "rules undo each other");
    const sweeper = new Sweeper(current, rules, loopRewrite);
    const next = dce(sweeper.graph());
    if (!sweeper.changed) return next;
    current = next;
  }
}

class Sweeper implements Facts {
  changed = false;
  readonly #ids: IdSource;
  readonly #definitions = new Map<ValueId, Instr>();
  readonly #uses = new Map<ValueId, number>();
  readonly #renamed = new Map<ValueId, Value>();

  constructor(
    readonly before: Graph,
    readonly rules: readonly Rule[],
    readonly loopRewrite: LoopRewrite | undefined,
  ) {
    this.#ids = idsBeyond(before);
    const use = (value: Value) => this.#uses.set(value.id, (this.#uses.get(value.id) ?? 0) + 1);
    forEachInstr(before.instrs, (instr) => {
      instr.args.forEach(use);
      if (instr.op === "scan") instr.attrs.body.results.forEach(use);
    });
    for (const result of before.results) use(result.value);
  }

  graph(): Graph {
    const b = new Builder(this.#ids);
    this.#sweep(b, this.before.instrs);
    const results = this.before.results.map((r) => ({ ...r, value: substitute(r.value, this.#renamed) }));
    return { args: this.before.args, instrs: b.instrs, results };
  }

  #sweep(b: Builder, instrs: readonly Instr[]): void {
    for (const instr of instrs) {
      if (instr.op === "scan") this.#loop(b, instr);
      else this.#simple(b, substituteReads(instr, this.#renamed));
    }
  }

  #simple(b: Builder, instr: Instr): void {
    for (const { ops, apply } of this.rules) {
      if (!ops.has(instr.op)) continue;
      const known = b.instrs.length;
      const value = apply(b, instr, this);
      this.#learn(b, known);
      if (value === undefined) continue;
      this.#renamed.set(instr.results[0].id, value);
      this.changed = true;
      return;
    }
    const known = b.instrs.push(instr) - 1;
    this.#learn(b, known);
  }

  #loop(b: Builder, instr: Instr<"scan">): void {
    const inner = new Builder(this.#ids);
    this.#sweep(inner, instr.attrs.body.instrs);
    const renew = (value: Value) => substitute(value, this.#renamed);
    const { params, results } = instr.attrs.body;
    const body = { params, instrs: inner.instrs, results: results.map(renew) };
    const done: Instr<"scan"> = { ...instr, args: instr.args.map(renew), attrs: { ...instr.attrs, body } };
    const known = b.instrs.length;
    const better = this.loopRewrite?.(b, done, this, this.#renamed);
    if (better !== undefined) this.changed = true;
    b.instrs.push(better ?? done);
    this.#learn(b, known);
  }

  #learn(b: Builder, from: number): void {
    for (const instr of b.instrs.slice(from)) {
      for (const result of instr.results) this.#definitions.set(result.id, instr);
    }
  }

  definition(value: Value): Instr | undefined {
    return this.#definitions.get(value.id);
  }

  by<K extends Op>(op: K, value: Value): Instr<K> | undefined {
    const instr = this.definition(value);
    return instr?.op === op ? (instr as Instr<K>) : undefined;
  }

  onlyBy<K extends Op>(op: K, value: Value): Instr<K> | undefined {
    return this.#uses.get(value.id) === 1 ? this.by(op, value) : undefined;
  }

  isRead(result: Value): boolean {
    return this.#uses.has(result.id);
  }

  constant(value: Value): number | undefined {
    return uniformConstant(value, (id) => this.#definitions.get(id));
  }
}
