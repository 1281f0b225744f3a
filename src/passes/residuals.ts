/**
 * @file Chooses what a forward loop keeps for its reverse loop.
 *
 * Policy: results of contractions, reductions, gathers and transcendental functions are kept; views and plain
 * arithmetic are recomputed if all they need is at hand anyway (sequences, captured values, other kept values). One
 * exception: an array that is larger than all it is computed from is recomputed whatever its function, so that
 * `exp(dt[d] * A[d, n])` is never written out for every step. Booleans are always recomputed.
 */

import { registry } from "../ir/registry.js";
import type { Instr, Op, Value, ValueId } from "../ir/types.js";
import type { Loop, LoopState } from "./loop.js";
import { size, totalSize } from "./size.js";

const TRANSCENDENTAL: ReadonlySet<Op> = new Set([
  "exp",
  "log",
  "sqrt",
  "sin",
  "cos",
  "tanh",
  "sigmoid",
  "softplus",
  "erf",
  "div",
  "pow",
] as const);

const RECOMPUTABLE: ReadonlySet<string> = new Set(["pointwise", "view", "source"]);

type Simple = Exclude<Instr, Instr<"scan">>;

export interface ResidualPlan {
  /** Values of the forward body, previous values of states included, that the reverse loop is given as sequences. */
  readonly kept: readonly Value[];
  /** Instructions of the forward body to do again in the reverse loop, in order. */
  readonly recomputed: readonly Simple[];
}

/**
 * @param needed ids of values of the forward body that the reverse body reads.
 * @param startsAtZero states whose previous value is the stacked next one, shifted: it then costs no array of its own.
 */
export function planResiduals(
  loop: Loop,
  needed: ReadonlySet<ValueId>,
  startsAtZero: (state: LoopState) => boolean,
): ResidualPlan {
  const instrs = loop.instrs.filter((instr): instr is Simple => instr.op !== "scan");
  const definition = new Map(instrs.map((instr) => [instr.results[0].id, instr]));
  const previous = new Set(loop.states.map((s) => s.previous.id));
  const stacked = new Set(loop.outputs.map((o) => o.step.id));
  const given = new Set(loop.sequences.map((s) => s.step.id));
  const again = new Set<Simple>();

  /** What `value` is computed from by the ops that `through` allows, back to what is stacked or would have to be. */
  const bases = (value: Value, through: (op: Op) => boolean, into = new Map<ValueId, Value>()) => {
    const instr = definition.get(value.id);
    const inBody = instr !== undefined || previous.has(value.id) || given.has(value.id);
    if (!inBody) return into;
    const opaque = instr === undefined || stacked.has(value.id) || !RECOMPUTABLE.has(registry[instr.op].lowering);
    if (opaque || !(through(instr.op) || again.has(instr))) return into.set(value.id, value);
    for (const arg of instr.args) bases(arg, through, into);
    return into;
  };
  const missing = (from: ReadonlyMap<ValueId, Value>) =>
    [...from.keys()].filter((id) => !stacked.has(id) && !given.has(id));
  const recompute = (value: Value, from: ReadonlyMap<ValueId, Value>) => {
    for (const id of missing(from)) stacked.add(id);
    const repeat = (v: Value) => {
      const instr = definition.get(v.id);
      if (instr === undefined || stacked.has(v.id)) return;
      instr.args.forEach(repeat);
      again.add(instr);
    };
    repeat(value);
  };

  for (const state of loop.states) {
    if (!needed.has(state.previous.id)) continue;
    stacked.add(state.previous.id);
    if (startsAtZero(state)) stacked.add(state.next.id);
  }
  for (const { results } of instrs) {
    const [value] = results;
    if (!needed.has(value.id) || stacked.has(value.id)) continue;
    const plain = bases(value, (op) => !TRANSCENDENTAL.has(op));
    const all = bases(value, () => true);
    if (all.has(value.id)) stacked.add(value.id);
    else if (missing(plain).length === 0 || value.type.elem === "bool") recompute(value, plain);
    else if (size(value) > totalSize(all.values())) recompute(value, all);
    else stacked.add(value.id);
  }

  const recomputed = instrs.filter((instr) => again.has(instr));
  const wanted = new Set([...needed, ...recomputed.flatMap((instr) => instr.args.map((a) => a.id))]);
  for (const { results } of recomputed) wanted.delete(results[0].id);
  const candidates = [...loop.states.map((s) => s.previous), ...instrs.map((instr) => instr.results[0])];
  return { kept: candidates.filter((v) => wanted.has(v.id)), recomputed };
}
