/**
 * @file Kernels and buffers name values by their hints. A program made of labels instead, which are only looked at, tells
 * which value each name stands for, so that every value can be named as the spec does.
 */

import { forEachInstr, substitute, substituteReads } from "../../ir/traverse.js";
import type { Graph, Instr, Value, ValueId } from "../../ir/types.js";
import { type Phrases, shorten } from "./phrases.js";

/** Several stand in one comment. */
const MOST_CHARACTERS = 44;
const LABEL = /\bv(\d+)(?:_\d+)?\b/g;

export interface Labels {
  /** The graph with a label as the hint of each value that an instruction defines. */
  readonly graph: Graph;
  /** The values that a text speaks of. */
  mentioned(text: string): ReadonlySet<ValueId>;
  /** A text with the labels replaced by what the spec calls the values, or by what they are made of. */
  spell(text: string, phrases: Phrases): string;
}

export function labelled(graph: Graph): Labels {
  const values = new Map<ValueId, Value>();
  const names = new Map<ValueId, Value>();
  const label = (value: Value) => {
    values.set(value.id, value);
    names.set(value.id, { ...value, hint: `v${value.id}` });
  };
  forEachInstr(graph.instrs, (instr) => {
    instr.results.forEach(label);
    if (instr.op === "scan") instr.attrs.body.params.forEach(label);
  });
  return {
    graph: {
      args: graph.args,
      instrs: graph.instrs.map((instr) => renamed(instr, names)),
      results: graph.results.map((result) => ({ ...result, value: substitute(result.value, names) })),
    },
    mentioned: (text) => new Set([...text.matchAll(LABEL)].map(([, id]) => Number(id) as ValueId)),
    spell: (text, phrases) =>
      text.replaceAll(LABEL, (whole, id) => {
        const value = values.get(Number(id) as ValueId);
        return value === undefined ? whole : shorten(phrases.called(value), MOST_CHARACTERS);
      }),
  };
}

/** Results and params under their labels, where they are defined and where they are read. */
function renamed(instr: Instr, names: ReadonlyMap<ValueId, Value>): Instr {
  const own = substituteReads(instr, names);
  const results = own.results.map((result) => substitute(result, names));
  if (own.op !== "scan") return { ...own, results };
  const { body } = own.attrs;
  const region = {
    params: body.params.map((param) => substitute(param, names)),
    instrs: body.instrs.map((inner) => renamed(inner, names)),
    results: body.results,
  };
  return { ...own, results, attrs: { ...own.attrs, body: region } };
}
