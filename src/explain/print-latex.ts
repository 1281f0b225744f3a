/** @file Sections as LaTeX that KaTeX accepts: one `aligned` environment each; adjoints have a bar. */

import type { Equation } from "./equations.js";
import type { Section } from "./explain.js";
import { headingText, scanText, summedOver } from "./print-seq.js";
import { seqName, showNumber } from "./seq.js";
import { isMinus, type Name, type Relation, type Term } from "./term.js";

export function printLatex(sections: readonly Section[]): string {
  return sections
    .map((section) => {
      const { heading, lines } = section;
      const comments = headingText(heading, seqName).map((text) => `% ${text}`);
      const rows = lines.map((line) =>
        line.kind === "equation"
          ? latexEquation(line.equation, summedOver(heading))
          : `&\\text{${scanText(line, (names) => names.map((name) => `$${latexName(name)}$`).join(", "))}}`,
      );
      return [...comments, "\\begin{aligned}", rows.join(" \\\\\n"), "\\end{aligned}", ""].join("\n");
    })
    .join("\n");
}

/** How tightly each form binds; products of matrices and elements look alike, so both bind alike. */
const level = { relation: 1, sum: 2, product: 3, sign: 4, power: 5, atom: 6 } as const;

/** How factors stand beside each other: between whole arrays the product is element by element. */
type Style = "whole" | "elements";

function latexEquation({ left, indices, adds, summed, right }: Equation, over: string): string {
  const names = left.map((name) => latexRead(name, indices)).join(" = ");
  const sum = summed ? (over === "t" ? "\\sum_{t} " : `\\sum_{\\text{${over}}} `) : "";
  const style = indices.length === 0 ? "whole" : "elements";
  const text = latexTerm(right, summed ? level.product : level.relation, style);
  return `${names} &${adds ? "\\mathrel{+}=" : "="} ${sum}${text}`;
}

const GREEK = new Set(
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega".split(
    " ",
  ),
);

/** `h'` is h', `W_hh` is W with a subscript, `rnn.W_hh` has the path above, `lambda_re` is Greek. */
export function latexName({ text, adjoint }: Name): string {
  const prime = text.endsWith("'") ? "'" : "";
  const path = text.slice(0, text.length - prime.length).split(".");
  const [base, ...subscripts] = (path.pop() ?? "").split("_");
  const letter = word(base);
  const barred = adjoint
    ? base.length > 1 && !GREEK.has(base)
      ? `\\overline{${letter}}`
      : `\\bar{${letter}}`
    : letter;
  const below = subscripts.filter((part) => part !== "").map(subscript);
  const under = below.length === 0 ? "" : `_{${below.join(",")}}`;
  const above = path.length === 0 ? "" : `^{\\mathrm{${path.join(".").replaceAll("_", "\\_")}}}`;
  return barred + prime + under + above;
}

function word(text: string): string {
  if (GREEK.has(text)) return `\\${text}`;
  return text.length === 1 ? text : `\\mathit{${text}}`;
}

/** Two letters are two subscripts, as in W_{hh}; more are a word. */
function subscript(text: string): string {
  if (GREEK.has(text)) return `\\${text}`;
  return text.length <= 2 || /^\d+$/.test(text) ? text : `\\mathrm{${text}}`;
}

function latexRead(name: Name, indices: readonly string[]): string {
  const text = latexName(name);
  if (indices.length === 0) return text;
  const own = /[_^]/.test(text);
  return `${own ? `\\left(${text}\\right)` : text}_{${indices.join(",")}}`;
}

export function latexTerm(term: Term, least: number, style: Style): string {
  const [text, own] = write(term, style);
  return own < least ? bracketed(text) : text;
}

const bracketed = (text: string) => `\\left(${text}\\right)`;

const RELATIONS: { readonly [K in Relation]: string } = {
  "<": "<",
  "<=": "\\le",
  ">": ">",
  ">=": "\\ge",
  "==": "=",
  "!=": "\\ne",
};

/** The functions that LaTeX has; the others are words. */
const OPERATORS = new Set(["exp", "log", "sin", "cos", "tanh", "max", "min"]);

function write(term: Term, style: Style): readonly [string, number] {
  const inner = (of: Term, least: number = level.relation) => latexTerm(of, least, style);
  switch (term.kind) {
    case "number":
      return [latexNumber(term.value), term.value < 0 ? level.sign : level.atom];
    case "symbol":
      return [term.text.length === 1 ? term.text : `\\mathrm{${term.text}}`, level.atom];
    case "read": {
      const text = latexRead(
        term.name,
        term.at.map((index) => latexTerm(index, level.relation, "elements")),
      );
      if (term.otherwise === undefined) return [text, level.atom];
      return [`${text}\\;\\text{else}\\;${latexNumber(term.otherwise)}`, level.relation];
    }
    case "part":
      return [`${inner(term.of, level.atom)}_{[${inner(term.from)}:${inner(term.to)}]}`, level.atom];
    case "sum":
      return [signed(term.terms, style), level.sum];
    case "negative":
      return [`-${inner(term.arg, level.product)}`, level.sign];
    case "product":
      return [product(term.factors, style), level.product];
    case "quotient":
      return [`\\frac{${inner(term.over)}}{${inner(term.under)}}`, level.atom];
    case "power":
      return [power(term.base, term.exponent, style), level.power];
    case "relation":
      return [`${inner(term.left, level.sum)} ${RELATIONS[term.op]} ${inner(term.right, level.sum)}`, level.relation];
    case "call":
      return latexCall(term.function, term.args, style);
    case "matmul":
      return [`${inner(term.left, level.product)}\\, ${inner(term.right, level.sign)}`, level.product];
    case "transpose":
      return [`{${inner(term.arg, level.atom)}}^{\\top}`, level.power];
    case "outer":
      return [`${inner(term.left, level.sign)}\\, {${inner(term.right, level.power)}}^{\\top}`, level.product];
    case "reduce": {
      const sign = term.function === "sum" ? "\\sum" : `\\${term.function}`;
      if (term.over.length === 0) {
        return [`\\operatorname{${term.function}}${bracketed(inner(term.arg))}`, level.atom];
      }
      return [`${sign}_{${term.over.join(",")}} ${latexTerm(term.arg, level.product, "elements")}`, level.product];
    }
  }
}

function product(factors: readonly Term[], style: Style): string {
  return factors
    .map((factor, i) => {
      const last = i === factors.length - 1;
      // A sum reaches as far as the product does.
      const open = factor.kind === "reduce" && factor.over.length > 0 && !last;
      const isProduct = factor.kind === "matmul" || factor.kind === "outer";
      const text = latexTerm(factor, isProduct || open ? level.sign : level.product, style);
      if (last) return text;
      const scalar = factor.kind === "number" || factor.kind === "symbol";
      return `${text}${style === "whole" && !scalar ? " \\odot " : "\\, "}`;
    })
    .join("");
}

function power(base: Term, exponent: Term, style: Style): string {
  const raised = latexTerm(exponent, level.relation, style);
  if (base.kind === "call" && OPERATORS.has(base.function) && base.args.length === 1) {
    return `\\${base.function}^{${raised}}${bracketed(latexTerm(base.args[0], level.relation, style))}`;
  }
  const text = latexTerm(base, level.atom, style);
  return `${base.kind === "read" && /['^_]/.test(text) ? bracketed(text) : text}^{${raised}}`;
}

function latexCall(name: string, args: readonly Term[], style: Style): readonly [string, number] {
  const given = args.map((arg) => latexTerm(arg, level.relation, style));
  switch (name) {
    case "sqrt":
      return [`\\sqrt{${given[0]}}`, level.atom];
    case "abs":
      return [`\\left|${given[0]}\\right|`, level.atom];
    case "sigmoid":
      return [`\\sigma${bracketed(given[0])}`, level.atom];
    case "concat":
      return [`\\left[${given.join(";\\, ")}\\right]`, level.atom];
    case "where":
      return [
        `\\begin{cases} ${given[1]} & \\text{if } ${given[0]} \\\\ ${given[2]} & \\text{else} \\end{cases}`,
        level.product,
      ];
    default: {
      const operator = OPERATORS.has(name) ? `\\${name}` : `\\operatorname{${name}}`;
      return [operator + bracketed(given.join(", ")), level.atom];
    }
  }
}

function signed(terms: readonly Term[], style: Style): string {
  return terms
    .map((term, i) => {
      const text = latexTerm(term, level.product, style);
      if (i === 0) return text;
      return isMinus(term) ? `- ${latexTerm(unsigned(term), level.product, style)}` : `+ ${text}`;
    })
    .join(" ");
}

function unsigned(term: Term): Term {
  if (term.kind === "number") return { ...term, value: -term.value };
  return term.kind === "negative" ? term.arg : term;
}

function latexNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "\\infty" : "-\\infty";
  return showNumber(value).replace(
    /e([+-]?)(\d+)$/,
    (_, sign, digits) => `\\cdot 10^{${sign === "-" ? "-" : ""}${digits}}`,
  );
}
