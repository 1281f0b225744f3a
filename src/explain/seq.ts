/** @file Equations as plain text, in the notation of the language with `transpose` and `outer` besides. */

import type { Equation } from "./equations.js";
import { isMinus, type Name, type Term } from "./term.js";

/** How tightly each form binds, as in the language. */
const level = { relation: 1, sum: 2, product: 3, sign: 4, power: 5, otherwise: 6, atom: 7 } as const;

/** `over` says what a summed line is summed over: `t`. */
export function seqEquation({ left, indices, adds, summed, right }: Equation, over: string): string {
  const at = indices.length === 0 ? "" : `[${indices.join(", ")}]`;
  const names = left.map((name) => seqName(name) + at).join(" = ");
  const sum = summed ? `sum over ${over}: ` : "";
  return `${names} ${adds ? "+=" : "="} ${sum}${seqTerm(right)}`;
}

/** `dh'`; of a path `d(rnn.W_hh)`, and of t where the spec has a dt of its own, `d(t)`. */
export function seqName({ text, adjoint, clashes = false }: Name): string {
  if (!adjoint) return text;
  return clashes || text.includes(".") ? `d(${text})` : `d${text}`;
}

export function seqTerm(term: Term, least: number = level.relation): string {
  const [text, own] = write(term);
  return own < least ? `(${text})` : text;
}

function write(term: Term): readonly [string, number] {
  switch (term.kind) {
    case "number":
      return [showNumber(term.value), term.value < 0 ? level.sign : level.atom];
    case "symbol":
      return [term.text, /^\w+$/.test(term.text) ? level.atom : level.product];
    case "read": {
      const at = term.at.length === 0 ? "" : `[${term.at.map((index) => seqTerm(index)).join(", ")}]`;
      const text = seqName(term.name) + at;
      // No parentheses are needed, but they are easier on the eye.
      return term.otherwise === undefined ? [text, level.atom] : [`${text} else ${term.otherwise}`, level.relation];
    }
    case "part": {
      const [from, to] = [term.from, term.to].map((end) => seqTerm(end));
      return [`${seqTerm(term.of, level.atom)}[${from} : ${to}]`, level.atom];
    }
    case "sum":
      return [signed(term.terms), level.sum];
    case "negative":
      return [`-${seqTerm(term.arg, level.product)}`, level.sign];
    case "product":
      return [
        term.factors.map((f, i) => seqTerm(f, i === 0 && f.kind !== "matmul" ? level.product : level.sign)).join(" * "),
        level.product,
      ];
    case "quotient":
      return [`${seqTerm(term.over, level.product)} / ${seqTerm(term.under, level.sign)}`, level.product];
    case "power":
      return [`${seqTerm(term.base, level.otherwise)} ** ${seqTerm(term.exponent, level.sign)}`, level.power];
    case "relation":
      return [`${seqTerm(term.left, level.sum)} ${term.op} ${seqTerm(term.right, level.sum)}`, level.relation];
    case "call":
      return [`${term.function}(${term.args.map((arg) => seqTerm(arg)).join(", ")})`, level.atom];
    case "matmul":
      return [`${seqTerm(term.left, level.product)} @ ${seqTerm(term.right, level.sign)}`, level.product];
    case "transpose":
      return [`transpose(${seqTerm(term.arg)})`, level.atom];
    case "outer":
      return [`outer(${seqTerm(term.left)}, ${seqTerm(term.right)})`, level.atom];
    case "reduce": {
      const over = term.over.length === 0 ? "" : `[${term.over.join(", ")}]`;
      return [`${term.function}${over}(${seqTerm(term.arg)})`, level.atom];
    }
  }
}

function signed(terms: readonly Term[]): string {
  return terms
    .map((term, i) => {
      const text = seqTerm(isMinus(term) && i > 0 ? positive(term) : term, level.product);
      return i === 0 ? text : `${isMinus(term) ? "-" : "+"} ${text}`;
    })
    .join(" ");
}

function positive(term: Term): Term {
  if (term.kind === "negative") return term.arg;
  return term.kind === "number" ? { kind: "number", value: -term.value } : term;
}

/** Six digits are enough to recognise a number by. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(Number(value.toPrecision(6)));
}
