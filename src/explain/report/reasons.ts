/** @file Why a group of states is of its class: the proof in the names of the spec. */

import { Builder } from "../../ir/builder.js";
import { idsBeyond } from "../../ir/traverse.js";
import type { Graph, Value } from "../../ir/types.js";
import { BATCH } from "../../ir/types.js";
import type { Loop } from "../../passes/loop.js";
import { affineStep, type RecurrenceGroup } from "../../passes/recurrence/index.js";
import { unreachable } from "../../support/assert.js";
import { seqName, seqTerm } from "../seq.js";
import { plus, symbol, type Term, times } from "../term.js";
import { type Phrases, shorten } from "./phrases.js";

export interface Reason {
  /** One line. */
  readonly why: string;
  /** Equations of the step, where it is linear and its coefficients are a few. */
  readonly equations: readonly string[];
}

/** @param graph in which the loop stands. */
export function reasonOf(graph: Graph, loop: Loop, group: RecurrenceGroup, phrases: Phrases): Reason {
  const { proof } = group;
  const names = stateNames(loop, group, phrases);
  const all = names.join(", ");
  const steps = proof.varies ? "differs from step to step" : "is the same at every step";
  switch (group.class) {
    case "delay":
      return {
        why:
          proof.delay === undefined
            ? `${all}' reads no state of its own: a look at the step before, no recurrence`
            : `${all}' moves along an axis and is gone after as many steps as that is long: no recurrence`,
        equations: [],
      };
    case "linear-diagonal":
      return {
        why: `the factor of ${all} is free of it and ${steps}`,
        equations: diagonal(graph, loop, group, phrases),
      };
    case "linear-block":
      return {
        why: `${proof.width} numbers couple within a channel; their matrix ${steps}`,
        equations: block(graph, loop, group, phrases),
      };
    case "linear-dense": {
      const { matrix } = proof;
      const kind = matrix?.kind === "low-rank" ? `a diagonal and a product of rank ${matrix.rank}` : "a whole matrix";
      return { why: `by ${kind} that ${steps}${through(loop, group, phrases)}`, equations: [] };
    }
    case "pointwise":
      return {
        why: "an element of the next value reads the states at its own place alone",
        equations: [],
      };
    case "coupled":
      return { why: `places meet${through(loop, group, phrases)}`, equations: [] };
    default:
      return unreachable(group.class, "explain");
  }
}

export function stateNames(loop: Loop, { states }: RecurrenceGroup, phrases: Phrases): readonly string[] {
  return states.map((state) => phrases.called(loop.states[state].previous));
}

/** The arrays by which places meet: ` through W_hh @ h`. */
function through(loop: Loop, { proof }: RecurrenceGroup, phrases: Phrases): string {
  const values = new Map(loop.instrs.flatMap(({ results }) => results.map((result) => [result.id, result] as const)));
  const found = proof.reads.flatMap((read) => (read.through && values.get(read.through.met)) ?? []);
  const texts = [...new Set(found.map((value) => phrases.of(value)))];
  return texts.length === 0 ? "" : ` through ${texts.join(" and ")}`;
}

function coefficients(graph: Graph, loop: Loop, group: RecurrenceGroup, phrases: Phrases) {
  const b = new Builder(idsBeyond(graph));
  const step = affineStep(b, loop, group);
  phrases.learn(b.instrs);
  return step;
}

function diagonal(graph: Graph, loop: Loop, group: RecurrenceGroup, phrases: Phrases): readonly string[] {
  const { matrix, offset } = coefficients(graph, loop, group, phrases);
  const [h] = stateNames(loop, group, phrases);
  const next = after(h, loop.states[group.states[0]].previous, phrases);
  const [[a], [b]] = [matrix[0], offset];
  if (a === undefined) return [`${next} b`];
  const term = phrases.term(a);
  const unit = term.kind === "number" && term.value === 1;
  const line = `${next} ${unit ? h : `a * ${h}`}${b === undefined ? "" : " + b"}`;
  return unit ? [line] : [line, shorten(`a = ${seqTerm(term)}`)];
}

/** A row of the matrix for each coupled state; the elements of a state along an axis by their place. */
function block(graph: Graph, loop: Loop, group: RecurrenceGroup, phrases: Phrases): readonly string[] {
  const { elements, matrix, offset } = coefficients(graph, loop, group, phrases);
  const named = elements.map(({ state, place }): string => {
    const name = phrases.called(loop.states[state].previous);
    return place.length === 0 ? name : `${name}[${place.join(", ")}]`;
  });
  return matrix.map((row, i) => {
    const terms = row.flatMap((a, j): readonly Term[] =>
      a === undefined ? [] : [times(written(a, phrases), symbol(named[j]))],
    );
    const whole = [...terms, ...(offset[i] === undefined ? [] : [symbol(`b_${i + 1}`)])];
    const right = whole.length === 0 ? "0" : seqTerm(whole.reduce(plus));
    return shorten(`${after(named[i], loop.states[elements[i].state].previous, phrases)} ${right}`);
  });
}

/** `h' =`; of an adjoint, whose prime means another value, `dh ←`. */
function after(text: string, state: Value, phrases: Phrases): string {
  return phrases.name(state)?.adjoint ? `${text} ←` : `${text}' =`;
}

function written(value: Value, phrases: Phrases): Term {
  const name = phrases.name(value);
  return name === undefined ? phrases.term(value) : symbol(seqName(name));
}

/** The extents of a state's axes, those along which nothing is mixed marked: `B · 4 · (16)`. */
export function channelText(loop: Loop, { states, channelAxes }: RecurrenceGroup): readonly string[] {
  return states.map((state, i) =>
    loop.states[state].previous.type.shape
      .map((dim, axis) => {
        const text = dim === BATCH ? "B" : String(dim);
        return channelAxes[i].includes(axis) ? text : `(${text})`;
      })
      .join("·"),
  );
}
