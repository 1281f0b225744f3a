import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Argument, BinaryOperator, Expr, Ident, IndexBinder } from "../../src/parser/ast.js";
import { formatUnit } from "../../src/parser/format.js";
import { lex } from "../../src/parser/lexical.js";
import { printExpr } from "../../src/parser/print.js";
import { specs as randomSpecs } from "../fuzz/spec.js";
import { randomSource } from "../lower/support.js";
import { expressionOf, parseText, statements, withoutSpans } from "./support.js";

const specs = readdirSync("specs", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".seq"));

/** Formatting keeps the tree and the comments, in their order, and has nothing to do a second time. */
function formatted(text: string): string {
  const { unit, diagnostics } = parseText(text);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const after = formatUnit(unit);
  const again = parseText(after);
  expect(withoutSpans(again.unit)).toEqual(withoutSpans(unit));
  expect(comments(after)).toEqual(comments(text));
  expect(formatUnit(again.unit)).toBe(after);
  return after;
}

function comments(text: string): string[] {
  return lex({ name: "test.seq", text }).comments.map(({ start, end }) => text.slice(start, end).trimEnd());
}

/** `text` with comments between its tokens, at the ends of lines and inside them. */
function commented(text: string, random: () => number): string {
  const { tokens } = lex({ name: "test.seq", text });
  let at = 0;
  const parts = tokens.map(({ startOffset, image }, i) => {
    const part = text.slice(at, startOffset);
    at = startOffset;
    if (random() > 0.1 || image === "'" || image === ".") return part;
    const here = [`// ${i}\n`, `\n// ${i}\n`, `/* ${i} */`, `\n\n/* ${i} */\n`];
    return `${part} ${here[Math.floor(4 * random())]}`;
  });
  return `${parts.join("")}${text.slice(at)}\n// end`;
}

describe("the specs that ship", () => {
  const texts = specs.map((name) => ({ name, text: readFileSync(`specs/${name}`, "utf8") }));

  it.each(texts)("$name is in its canonical form", ({ text }) => {
    expect(formatted(text)).toBe(text);
  });

  it.each(texts)("$name keeps comments at any place", ({ text }) => {
    formatted(commented(text, randomSource(1)));
  });
});

describe("random specs", () => {
  it("keep their tree and comments, and are canonical after one turn", () => {
    const property = fc.property(randomSpecs, ({ text, seed }) => {
      formatted(text);
      formatted(commented(text, randomSource(seed)));
    });
    fc.assert(property, { seed: 1, numRuns: 30, endOnFailure: true });
  });
});

describe("format", () => {
  it("writes one canonical text and keeps comments where they stood", () => {
    const { unit } = parseText(`// head
import {A,B} from "std/x" // trailing
/* long
     comment */
fn f(a,b)=(a+b)*(c-(d-e))
/// doc
///   two
model M(V=1,cell=LSTM) { // open
  // first
  input x:[T,4 * H] id(V),y: f32 // t


  use a=X(1), // one
   b[L]=Y(2,act=elu)
  z,e=scan reverse rnn(x) from {h:0,c:x[t-1] else -(1+2)}
  q[n:N,k:K]=sum[s:4](z[n * K/3+k] else -1)**2
  loss f(x) /* inside */ where m
  // last
}
cell B { }
// end`);
    expect(formatUnit(unit)).toBe(`// head
import { A, B } from "std/x" // trailing
/* long
 comment */
fn f(a, b) = (a + b) * (c - (d - e))

/// doc
///   two
model M(V = 1, cell = LSTM) { // open
  // first
  input x: [T, 4*H] id(V), y: f32 // t

  use a = X(1) // one
  use b[L] = Y(2, act = elu)
  z, e = scan reverse rnn(x) from { h: 0, c: x[t - 1] else -(1 + 2) }
  q[n: N, k: K] = sum[s: 4](z[n*K/3 + k] else -1) ** 2
  /* inside */
  loss f(x) where m
  // last
}

cell B() {
}

// end
`);
  });

  it("keeps a list on a line while it fits, and what shares a text of docs in one list", () => {
    const body = `/// Both.
param a: [D] ~ ones,
  b: [D] ~ zeros,
  /// Its own.
  c: [D] ~ zeros frozen, d: [D] ~ ones
input x: [D], // the first
  y: [D]`;
    const { unit } = parseText(`layer A(D) { ${body} }`);
    expect(formatUnit(unit)).toBe(`layer A(D) {
  /// Both.
  param a: [D] ~ ones, b: [D] ~ zeros
  /// Its own.
  param c: [D] ~ zeros frozen
  /// Both.
  param d: [D] ~ ones
  input x: [D] // the first
  input y: [D]
}
`);
  });

  it("keeps docs that document nothing as comments", () => {
    const body = "\ny = /// inside\n x\n/// shared\ninput /// own\nx: [D]\n/// last\n";
    const { unit } = parseText(`layer A(D) { ${body} }\n/// end`);
    expect(formatUnit(unit)).toBe(`layer A(D) {
  // inside
  y = x
  // shared
  /// own
  input x: [D]
  // last
}

// end
`);
  });

  it("breaks long lines outside of brackets where it can, rather behind a comma or a sum than inside a product", () => {
    const terms = (name: string) => Array.from({ length: 9 }, (_, i) => `${name}${i} * other`).join(" + ");
    const long = `param first: [A, B, C] ~ uniform(-k, k), second: [A, B, C] ~ uniform(-k, k), third: [A, B, C] ~ uniform(-k, k)`;
    const text = `layer A(D) { ${long} y = f(${terms("a")}, b) output z = ${terms("word")} }`;
    expect(formatted(text)).toBe(`layer A(D) {
  param first: [A, B, C] ~ uniform(-k, k), second: [A, B, C] ~ uniform(-k, k),
    third: [A, B, C] ~ uniform(-k, k)
  y = f(a0 * other + a1 * other + a2 * other + a3 * other + a4 * other + a5 * other + a6 * other +
    a7 * other + a8 * other, b)
  output z = word0 * other + word1 * other + word2 * other + word3 * other + word4 * other + word5 * other +
    word6 * other + word7 * other + word8 * other
}
`);
  });

  it.each([
    "a - (b - c)",
    "(a ** b) ** c",
    "-a ** b",
    "(-a) ** b",
    "a ** -b",
    "(a < b) < c",
    "-(a + b)",
    "a @ (b @ c)",
  ])("keeps the parentheses of %s and no others", (text) => {
    expect(printExpr(expressionOf(`((${text}))`))).toBe(text);
  });
});

describe("generated expressions", () => {
  it("read the same after printing", () => {
    fc.assert(
      fc.property(expressions, (expr) => {
        expect(withoutSpans(expressionOf(printExpr(expr)))).toEqual(withoutSpans(expr));
      }),
      { numRuns: 400 },
    );
  });
});

describe("the end of a statement", () => {
  it("is found without newlines, and newlines inside make no difference", () => {
    fc.assert(
      fc.property(fc.array(expressions, { minLength: 2, maxLength: 4 }), fc.boolean(), (list, broken) => {
        const text = list.map((expr, at) => `y${at} = ${printExpr(expr)}`).join(" ");
        const found = statements(broken ? text.replaceAll(" ", "\n") : text);
        const values = found.map((statement) => (statement.kind === "assign" ? statement.value : undefined));
        expect(withoutSpans(values)).toEqual(withoutSpans(list));
      }),
      { numRuns: 200 },
    );
  });
});

const span = { file: { name: "", text: "" }, start: 0, end: 0 };
const names = fc.constantFrom("a", "W_hh", "cell", "id", "reverse", "x1");
const idents = names.map((name): Ident => ({ name, span }));
const operators = fc.constantFrom<BinaryOperator>("+", "-", "*", "/", "@", "**", "<", "<=", ">", ">=", "==", "!=");

const { expr: expressions } = fc.letrec<{ expr: Expr; atom: Expr; argument: Argument; binder: IndexBinder }>((tie) => {
  const many = fc.array(tie("expr"), { minLength: 1, maxLength: 3 });
  const base = fc.record({
    kind: fc.constant("name" as const),
    name: names,
    primed: fc.boolean(),
    span: fc.constant(span),
  });
  const argumentList = fc
    .tuple(fc.array(tie("expr"), { maxLength: 2 }), fc.array(fc.tuple(idents, tie("expr")), { maxLength: 2 }))
    .map(([plain, named]): Argument[] => [
      ...plain.map((value) => ({ value, span })),
      ...named.map(([name, value]) => ({ name, value, span })),
    ]);
  const index = fc
    .tuple(base, many, fc.option(tie("expr"), { nil: undefined }))
    .map(
      ([on, indices, otherwise]): Expr => ({ kind: "index", base: on, indices, ...(otherwise && { otherwise }), span }),
    );
  const record = fc
    .array(fc.tuple(idents, tie("expr")), { minLength: 1, maxLength: 2 })
    .map((fields) => ({ kind: "record" as const, fields: fields.map(([name, value]) => ({ name, value })), span }));
  const scans = fc.constantFrom<[boolean, "none" | "forward" | "reverse"]>(
    [true, "none"],
    [true, "forward"],
    [false, "forward"],
    [false, "reverse"],
  );
  const apply = fc
    .tuple(scans, idents, argumentList, fc.option(fc.oneof(tie("expr"), record), { nil: undefined }))
    .map(([[chain, scan], callee, list, from]): Expr => {
      const start = scan === "none" ? undefined : from;
      return { kind: "apply", chain, scan, callee, arguments: list, ...(start && { from: start }), span };
    });
  return {
    binder: fc
      .tuple(idents, fc.option(tie("expr"), { nil: undefined }))
      .map(([name, extent]) => ({ name, ...(extent && { extent }), span })),
    argument: tie("expr").map((value) => ({ value, span })),
    atom: fc.oneof(
      base,
      fc.constantFrom("3", "0.5", "1e-5").map((text): Expr => ({ kind: "number", value: Number(text), text, span })),
      fc
        .tuple(idents, fc.array(fc.constantFrom("0", "12", "W", "state"), { minLength: 1, maxLength: 3 }))
        .map(([head, fields]): Expr => ({ kind: "path", head, fields: fields.map((name) => ({ name, span })), span })),
    ),
    expr: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      tie("atom"),
      fc
        .tuple(operators, tie("expr"), tie("expr"))
        .map(([operator, left, right]): Expr => ({ kind: "binary", operator, left, right, span })),
      fc
        .tuple(fc.constantFrom<"+" | "-">("+", "-"), tie("expr"))
        .map(([operator, operand]): Expr => ({ kind: "unary", operator, operand, span })),
      fc.tuple(idents, argumentList).map(([callee, list]): Expr => ({ kind: "call", callee, arguments: list, span })),
      index,
      fc
        .tuple(idents, fc.array(tie("binder"), { minLength: 1, maxLength: 2 }), tie("expr"))
        .map(([name, indices, argument]): Expr => ({ kind: "reduce", function: name, indices, argument, span })),
      apply,
      many.map((elements): Expr => ({ kind: "list", elements, span })),
    ),
  };
});
