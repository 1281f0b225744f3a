/**
 * @file Equations as a reader sees them: a small tree of mathematical terms, written through constructors that bring it
 * into the order of textbooks (adjoints in front, signs outside, squares as squares).
 */

/** A value of the spec, or the adjoint of one. */
export interface Name {
  /** As in the spec: `h'`, `W_hh`, `rnn.W_hh`. */
  readonly text: string;
  readonly adjoint: boolean;
  /** Whether the spec has a name that reads like this adjoint: `dt` beside the adjoint of `t`. */
  readonly clashes?: boolean;
}

export type Relation = "<" | "<=" | ">" | ">=" | "==" | "!=";

export type Term =
  | { readonly kind: "number"; readonly value: number }
  /** An index, a length, or an expression of sizes. */
  | { readonly kind: "symbol"; readonly text: string }
  /** A whole array, or its element `at` these indices; `otherwise` is read outside. */
  | { readonly kind: "read"; readonly name: Name; readonly at: readonly Term[]; readonly otherwise?: number }
  /** The elements `from` … `to` − 1 of a vector. */
  | { readonly kind: "part"; readonly of: Term; readonly from: Term; readonly to: Term }
  | { readonly kind: "sum"; readonly terms: readonly Term[] }
  | { readonly kind: "negative"; readonly arg: Term }
  /** Element by element. */
  | { readonly kind: "product"; readonly factors: readonly Term[] }
  | { readonly kind: "quotient"; readonly over: Term; readonly under: Term }
  | { readonly kind: "power"; readonly base: Term; readonly exponent: Term }
  | { readonly kind: "relation"; readonly op: Relation; readonly left: Term; readonly right: Term }
  | { readonly kind: "call"; readonly function: string; readonly args: readonly Term[] }
  | { readonly kind: "matmul"; readonly left: Term; readonly right: Term }
  | { readonly kind: "transpose"; readonly arg: Term }
  | { readonly kind: "outer"; readonly left: Term; readonly right: Term }
  /** Over the named indices; over all axes where there are none. */
  | {
      readonly kind: "reduce";
      readonly function: "sum" | "max" | "min";
      readonly over: readonly string[];
      readonly arg: Term;
    };

export const number = (value: number): Term => ({ kind: "number", value });
export const symbol = (text: string): Term => ({ kind: "symbol", text });

export function isNumber(term: Term, value: number): boolean {
  return term.kind === "number" && term.value === value;
}

/** Whether an adjoint is read anywhere in the term. */
export function hasAdjoint(term: Term): boolean {
  return term.kind === "read" ? term.name.adjoint || term.at.some(hasAdjoint) : children(term).some(hasAdjoint);
}

function children(term: Term): readonly Term[] {
  switch (term.kind) {
    case "number":
    case "symbol":
      return [];
    case "read":
      return term.at;
    case "part":
      return [term.of];
    case "sum":
      return term.terms;
    case "product":
      return term.factors;
    case "quotient":
      return [term.over, term.under];
    case "power":
      return [term.base, term.exponent];
    case "call":
      return term.args;
    case "relation":
    case "matmul":
    case "outer":
      return [term.left, term.right];
    case "negative":
    case "transpose":
    case "reduce":
      return [term.arg];
  }
}

const key = (term: Term) => JSON.stringify(term);

export function negative(term: Term): Term {
  if (term.kind === "negative") return term.arg;
  if (term.kind === "number") return number(-term.value);
  return { kind: "negative", arg: term };
}

export function plus(left: Term, right: Term): Term {
  const terms = [left, right].flatMap((term) => (term.kind === "sum" ? term.terms : [term]));
  return factored(collected(terms.filter((term) => !isNumber(term, 0))));
}

/** Equal terms as multiples of one. */
function collected(terms: readonly Term[]): readonly Term[] {
  const counts = new Map<string, { readonly term: Term; count: number }>();
  for (const term of terms) {
    const known = counts.get(key(term));
    if (known === undefined) counts.set(key(term), { term, count: 1 });
    else known.count++;
  }
  return [...counts.values()].map(({ term, count }) => (count === 1 ? term : times(number(count), term)));
}

export const minus = (left: Term, right: Term): Term => plus(left, negated(right));

function negated(term: Term): Term {
  return term.kind === "sum" ? { kind: "sum", terms: term.terms.map(negative) } : negative(term);
}

/** A sum; an adjoint that is a factor of every term stands in front of it. */
function factored(terms: readonly Term[]): Term {
  if (terms.length === 0) return number(0);
  if (terms.length === 1) return terms[0];
  const [first, ...rest] = terms.map((term) => factorsOf(unsigned(term)));
  const common = first.filter((factor) => rest.every((others) => others.some((other) => key(other) === key(factor))));
  if (!common.some(hasAdjoint)) return { kind: "sum", terms };
  const inner = terms.map((term) => {
    const left = common.reduce(without, factorsOf(unsigned(term)));
    const remainder = left.length === 0 ? number(1) : product(left);
    return term.kind === "negative" ? negative(remainder) : remainder;
  });
  const sorted = [...inner.filter((term) => !isMinus(term)), ...inner.filter(isMinus)];
  return times(product(common), { kind: "sum", terms: sorted });
}

/** Whether a minus stands in front of the term. */
export function isMinus(term: Term): boolean {
  return term.kind === "negative" || (term.kind === "number" && term.value < 0);
}

const unsigned = (term: Term): Term => (term.kind === "negative" ? term.arg : term);

function factorsOf(term: Term): readonly Term[] {
  return term.kind === "product" ? term.factors : [term];
}

/** The factors without the first that equals `factor`. */
function without(factors: readonly Term[], factor: Term): readonly Term[] {
  return factors.toSpliced(
    factors.findIndex((other) => key(other) === key(factor)),
    1,
  );
}

export function times(left: Term, right: Term): Term {
  if (isMinus(left) || isMinus(right)) {
    const positive = times(isMinus(left) ? negative(left) : left, isMinus(right) ? negative(right) : right);
    return isMinus(left) === isMinus(right) ? positive : negative(positive);
  }
  if (left.kind === "quotient" || right.kind === "quotient") {
    const [[a, b], [c, d]] = [parts(left), parts(right)];
    return over(times(a, c), times(b, d));
  }
  return product([...factorsOf(left), ...factorsOf(right)]);
}

const parts = (term: Term): readonly [Term, Term] =>
  term.kind === "quotient" ? [term.over, term.under] : [term, number(1)];

/** Numbers first, then adjoints, then the others as they come; equal factors are powers. */
function product(given: readonly Term[]): Term {
  let scale = 1;
  const counts = new Map<string, { readonly base: Term; exponent: number }>();
  for (const factor of given) {
    if (factor.kind === "number") {
      scale *= factor.value;
      continue;
    }
    const [base, exponent] =
      factor.kind === "power" && factor.exponent.kind === "number" ? [factor.base, factor.exponent.value] : [factor, 1];
    const known = counts.get(key(base));
    if (known === undefined) counts.set(key(base), { base, exponent });
    else known.exponent += exponent;
  }
  const powers = [...counts.values()].map(({ base, exponent }) => power(base, number(exponent)));
  const ranked = [...powers.filter(hasAdjoint), ...powers.filter((factor) => !hasAdjoint(factor))];
  const factors = scale === 1 && ranked.length > 0 ? ranked : [number(scale), ...ranked];
  const choice = factors.find(isIndicator);
  if (choice?.kind === "call" && factors.length > 1) {
    return call("where", choice.args[0], product(factors.filter((factor) => factor !== choice)), number(0));
  }
  return factors.length === 1 ? factors[0] : { kind: "product", factors };
}

/** The term with `otherwise` for the reads at `index`, which stand in it as factors (of sums). */
export function guarded(term: Term, index: Term, otherwise: number): Term {
  const isThere = (at: readonly Term[]) => at.some((other) => key(other) === key(index));
  if (term.kind === "read") return isThere(term.at) ? { ...term, otherwise } : term;
  if (term.kind === "negative" || term.kind === "reduce") return { ...term, arg: guarded(term.arg, index, otherwise) };
  if (term.kind !== "product") return term;
  return { ...term, factors: term.factors.map((factor) => guarded(factor, index, otherwise)) };
}

/** 1 where a condition holds, else 0. */
function isIndicator(term: Term): boolean {
  return term.kind === "call" && term.function === "where" && isNumber(term.args[1], 1) && isNumber(term.args[2], 0);
}

export function over(numerator: Term, denominator: Term): Term {
  if (isNumber(denominator, 1)) return numerator;
  if (isMinus(numerator)) return negative(over(negative(numerator), denominator));
  if (isMinus(denominator)) return negative(over(numerator, negative(denominator)));
  const [[a, b], [c, d]] = [parts(numerator), parts(denominator)];
  if (!isNumber(b, 1) || !isNumber(d, 1)) return over(times(a, d), times(b, c));
  return { kind: "quotient", over: numerator, under: denominator };
}

export function power(base: Term, exponent: Term): Term {
  return isNumber(exponent, 1) ? base : { kind: "power", base, exponent };
}

export function reduction(name: "sum" | "max" | "min", over: readonly string[], arg: Term): Term {
  if (name === "sum" && isMinus(arg)) return negative(reduction(name, over, negative(arg)));
  return { kind: "reduce", function: name, over, arg };
}

export function matmul(left: Term, right: Term): Term {
  return bilinear("matmul", left, right);
}

export function outer(left: Term, right: Term): Term {
  return bilinear("outer", left, right);
}

function bilinear(kind: "matmul" | "outer", left: Term, right: Term): Term {
  if (isMinus(left)) return negative(bilinear(kind, negative(left), right));
  return isMinus(right) ? negative(bilinear(kind, left, negative(right))) : { kind, left, right };
}

export const call = (name: string, ...args: readonly Term[]): Term => ({ kind: "call", function: name, args });
