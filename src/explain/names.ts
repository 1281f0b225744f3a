/**
 * @file Which values of a forward graph have a name: those of the spec, and a few that the derivative will need often
 * or as the argument of a curve ("pre-activations"), which get a letter that the spec does not use.
 */

import { captured } from "../ir/traverse.js";
import type { Graph, Instr, Op, Value, ValueId } from "../ir/types.js";
import { countReads, ownWeight } from "./weight.js";

export interface Naming {
  readonly names: ReadonlyMap<ValueId, string>;
  /** The names that are not the spec's. */
  readonly introduced: ReadonlySet<string>;
}

/** A value this heavy is no trivial part of a line. */
const HEAVY = 3;

const BENDS: ReadonlySet<Op> = new Set([
  "abs",
  "max",
  "min",
  "exp",
  "log",
  "sqrt",
  "sin",
  "cos",
  "tanh",
  "sigmoid",
  "softplus",
  "erf",
] as const);

/**
 * Names come from the arguments, the results and, for what was written out inside, the hints. `reserved` are other
 * names of the spec: its indices and sizes.
 */
export function nameValues(graph: Graph, varying: ReadonlySet<ValueId>, reserved: Iterable<string>): Naming {
  const names = new Map<ValueId, string>();
  const taken = new Set(reserved);
  const give = (value: Value, text: string) => {
    taken.add(text);
    names.set(value.id, text);
  };
  for (const { name, value } of [...graph.args, ...graph.results]) if (!names.has(value.id)) give(value, name);
  for (const { hint, ...value } of graph.instrs.flatMap((instr) => instr.results)) {
    if (hint !== undefined && !names.has(value.id)) give(value, unused(hint, taken));
  }
  const introduced = new Set<string>();
  for (const value of worthy(graph, varying, names)) {
    give(value, letter(FORWARD_LETTERS, taken));
    introduced.add(names.get(value.id) ?? "");
  }
  return { names, introduced };
}

/** Values without a name that deserve one. */
function worthy(graph: Graph, varying: ReadonlySet<ValueId>, names: ReadonlyMap<ValueId, string>): readonly Value[] {
  const roots = graph.results.map((result) => result.value);
  const reads = countReads(graph.instrs, roots, () => false);
  const bent = new Set(graph.instrs.flatMap((instr) => (BENDS.has(instr.op) ? [instr.args[0].id] : [])));
  const inProducts = new Set(graph.instrs.flatMap((i) => (i.op === "contract" ? i.args.map((arg) => arg.id) : [])));
  const looped = new Set(graph.instrs.flatMap((instr) => (instr.op === "scan" ? loopReads(instr) : [])));
  const weights = new Map<ValueId, number>();
  const found: Value[] = [];
  for (const instr of graph.instrs) {
    const inside = instr.args.reduce((sum, arg) => sum + (weights.get(arg.id) ?? 0), ownWeight(instr));
    for (const result of instr.results) {
      const used = (reads.get(result.id) ?? 0) > 1 && ownWeight(instr) > 0;
      const heavy = inside >= HEAVY && (used || bent.has(result.id));
      const between = (instr.op === "contract" || instr.op === "concat") && inProducts.has(result.id);
      const wanted = heavy || between || looped.has(result.id);
      if (wanted && varying.has(result.id) && !names.has(result.id)) found.push(result);
      else if (!names.has(result.id)) weights.set(result.id, inside);
    }
  }
  return found;
}

function loopReads(instr: Instr<"scan">): readonly ValueId[] {
  return [...instr.args, ...captured(instr.attrs.body)].map((value) => value.id);
}

function unused(text: string, taken: ReadonlySet<string>): string {
  if (!taken.has(text)) return text;
  for (let i = 2; ; i++) if (!taken.has(`${text}_${i}`)) return `${text}_${i}`;
}

/** The first of `letters` that is free, also as `d` and the letter; then the first of them with a number. */
export function letter(letters: string, taken: ReadonlySet<string>): string {
  const free = (text: string) => !taken.has(text) && !taken.has(`d${text}`);
  const plain = [...letters].find(free);
  if (plain !== undefined) return plain;
  for (let i = 1; ; i++) if (free(`${letters[0]}${i}`)) return `${letters[0]}${i}`;
}

/** For values of the forward map. */
export const FORWARD_LETTERS = "zuvwapqs";
/** For adjoints that are those of no value alone: an error on its way. */
export const BACKWARD_LETTERS = "e";
