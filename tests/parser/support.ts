/** @file Parsing small texts in tests. */

import type { Diagnostic } from "../../src/diagnostics/diagnostic.js";
import { renderText } from "../../src/diagnostics/render.js";
import type { Expr, SourceUnit, Statement } from "../../src/parser/ast.js";
import { parse } from "../../src/parser/parse.js";

export function parseText(text: string): { unit: SourceUnit; diagnostics: readonly Diagnostic[] } {
  return parse({ name: "test.seq", text });
}

/** The statements of one cell with this body, which has no mistake. */
export function statements(body: string): readonly Statement[] {
  const { unit, diagnostics } = parseText(`cell A(H) {\n${body}\n}`);
  if (diagnostics.length > 0) throw new Error(diagnostics.map((found) => renderText(found)).join("\n"));
  const [block] = unit.declarations;
  if (block?.kind !== "cell") throw new Error("the body does not end where its cell ends");
  return block.body;
}

/** The right-hand side of `y = text`. */
export function expressionOf(text: string): Expr {
  const [statement, ...others] = statements(`y = ${text}`);
  if (statement.kind !== "assign" || others.length > 0) throw new Error(`${text} is no single expression`);
  return statement.value;
}

/** An expression with parentheses around every operation, which shows how it was read. */
export function shape(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return expr.text;
    case "name":
      return expr.name + (expr.primed ? "'" : "");
    case "path":
      return [expr.head, ...expr.fields].map((part) => part.name).join(".");
    case "unary":
      return `(${expr.operator}${shape(expr.operand)})`;
    case "binary":
      return `(${shape(expr.left)} ${expr.operator} ${shape(expr.right)})`;
    case "index": {
      const base = `${shape(expr.base)}[${expr.indices.map(shape).join(", ")}]`;
      return expr.otherwise === undefined ? base : `(${base} else ${shape(expr.otherwise)})`;
    }
    case "call":
      return `${expr.callee.name}(${expr.arguments.map((argument) => shape(argument.value)).join(", ")})`;
    default:
      return `<${expr.kind}>`;
  }
}

/** A tree without its spans. */
export function withoutSpans(tree: unknown): unknown {
  return JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === "span" ? undefined : value)));
}

export function rendered(text: string): string {
  return parseText(text)
    .diagnostics.map((found) => renderText(found))
    .join("\n");
}

export function codes(text: string): string[] {
  return parseText(text).diagnostics.map((found) => found.code);
}
