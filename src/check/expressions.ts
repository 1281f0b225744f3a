/** @file Types expressions: names, paths, numbers, and the way to the rules of each construct. */

import type { Expr, NameExpr, PathExpr } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { checkCall } from "./calls.js";
import { transposeHint } from "./hints.js";
import { checkElement, checkReduce } from "./notation.js";
import { constantOf, matmul, operatorNames, pointwise } from "./operators.js";
import { didYouMean, sourceText } from "./report.js";
import { type Context, describeMeaning, errorExpr, numberExpr } from "./scope.js";
import { MOST_ELEMENTS } from "./sizes.js";
import type { Dim, TypedExpr } from "./typed.js";

export const constants: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["inf", Number.POSITIVE_INFINITY],
]);

/** Checks an expression that has one value. */
export function checkExpr(context: Context, expr: Expr): TypedExpr {
  const { span } = expr;
  switch (expr.kind) {
    case "error":
      return errorExpr(span);
    case "number":
      return numberExpr(expr.value, span);
    case "name":
      return checkName(context, expr);
    case "path":
      return checkPath(context, expr);
    case "unary": {
      const operand = checkExpr(context, expr.operand);
      return expr.operator === "-" ? pointwise(context, "neg", [operand], span) : operand;
    }
    case "binary": {
      const [left, right] = [checkExpr(context, expr.left), checkExpr(context, expr.right)];
      if (expr.operator === "@") return matmul(context, expr, left, right);
      return pointwise(context, operatorNames[expr.operator], [left, right], span);
    }
    case "index":
      return checkElement(context, expr);
    case "reduce":
      return checkReduce(context, expr, checkSize);
    case "list":
      context.reporter.report("SEQ2019", span, "A list of sizes stands only in `split(z, [A, B])`.");
      return errorExpr(span);
    case "call":
    case "apply": {
      const { results, last } = checkCall(context, expr);
      if (results.length === 1) return results[0];
      if (results.length > 1 || last !== undefined) {
        const message = `This has ${results.length === 0 ? "no values" : `${results.length} values`} where one is wanted; name them first: \`a, b = …\`.`;
        context.reporter.report("SEQ3013", span, message);
      }
      return errorExpr(span);
    }
  }
}

function checkName(context: Context, expr: NameExpr): TypedExpr {
  const { name, span } = expr;
  if (expr.primed) return checkPrimed(context, name, span);
  const meaning = context.scope.lookup(name, span);
  if (meaning === undefined) {
    const constant = constants.get(name);
    return constant === undefined ? unknownName(context, name, span) : numberExpr(constant, span);
  }
  if (meaning.kind === "value") return { ...meaning.expr, span };
  if (meaning.kind !== "error") {
    const help = meaning.kind === "record" ? { help: stateOf(name, [...meaning.fields.keys()]) } : {};
    context.reporter.report("SEQ2019", span, `\`${name}\` is ${describeMeaning(meaning)}, not a value.`, help);
  }
  return errorExpr(span);
}

/** Of the record `name`, how one of its states is written. */
function stateOf(name: string, fields: readonly string[]): string {
  const paths = fields.slice(0, 4).map((field) => `\`${name}.${field}\``);
  return `write one of its states: ${paths.join(" or ")}${fields.length > paths.length ? ", …" : ""}`;
}

function checkPrimed(context: Context, name: string, span: Span): TypedExpr {
  const next = context.scope.lookup(`${name}'`, span);
  if (next?.kind === "value") return { ...next.expr, span };
  if (next !== undefined) return errorExpr(span);
  if (context.scope.lookup(name, span) === undefined) return unknownName(context, name, span);
  const message = `\`${name}\` is no state, so it has no next value.`;
  context.reporter.report("SEQ4002", span, message, { help: `write \`${name}\` without the prime` });
  return errorExpr(span);
}

export function unknownName(context: Context, name: string, span: Span): TypedExpr {
  const known = [...context.scope.names().filter((n) => !n.endsWith("'")), ...constants.keys()];
  context.reporter.report("SEQ2001", span, `Nothing here is called \`${name}\`.`, didYouMean(name, known));
  return errorExpr(span);
}

/** `rnn.W_ih`, `end.h` */
function checkPath(context: Context, expr: PathExpr): TypedExpr {
  const { head, fields, span } = expr;
  const meaning = context.scope.lookup(head.name, head.span);
  if (meaning === undefined) return unknownName(context, head.name, head.span);
  const rest = fields.map((field) => field.name).join(".");
  const missing = (known: readonly string[], what: string) => {
    const message = `\`${head.name}\` has no ${what} \`${rest}\`.`;
    context.reporter.report("SEQ2005", span, message, didYouMean(rest, known));
    return errorExpr(span);
  };
  // A block checked alone has fewer instances in an array than it may get.
  const wanted = context.symbolic ? rest.replace(/^\d+/, "0") : rest;
  if (meaning.kind === "record") {
    const field = meaning.fields.get(wanted);
    return field === undefined ? missing([...meaning.fields.keys()], "last state") : { ...field, span };
  }
  if (meaning.kind === "instance") {
    const { path, blocks } = meaning.instance;
    const parameters = blocks.flatMap((block) => block.parameters);
    const parameter = parameters.find((p) => p.path === `${path}.${wanted}`);
    if (parameter !== undefined) return { kind: "read", binding: parameter, type: parameter.type, span };
    const known = parameters.map((p) => p.path.slice(path.length + 1));
    return missing(known, "parameter");
  }
  if (meaning.kind !== "error") {
    const message = `\`${head.name}\` is ${describeMeaning(meaning)} and has no members.`;
    const help =
      meaning.kind === "value" && rest === "T"
        ? transposeHint(context, { ...meaning.expr, span: head.span })
        : undefined;
    context.reporter.report("SEQ2005", span, message, help === undefined ? {} : { help });
  }
  return errorExpr(span);
}

/** The number of an expression known at compile time; otherwise a diagnostic, or silence where one was given before. */
export function checkNumber(context: Context, expr: Expr): number | undefined {
  const typed = checkExpr(context, expr);
  if (typed.type.kind === "error") return undefined;
  const value = constantOf(typed);
  if (value === undefined) {
    context.reporter.report("SEQ3010", expr.span, `\`${sourceText(expr.span)}\` is not known at compile time.`);
  }
  return value;
}

/** An axis, or a size given to a declaration. A length alone is an axis; a length in arithmetic is none. */
export function checkSize(context: Context, expr: Expr): Dim {
  const text = sourceText(expr.span);
  const unknown: Dim = { extent: undefined, text, span: expr.span };
  const typed = checkExpr(context, expr);
  if (typed.type.kind === "error") return unknown;
  if (typed.kind === "length") return { ...unknown, extent: typed.name };
  const value = constantOf(typed);
  if (value === undefined) {
    const message = `The size \`${text}\` is not known at compile time.`;
    context.reporter.report(readsLength(typed) ? "SEQ3021" : "SEQ3010", expr.span, message);
    return unknown;
  }
  if (value > MOST_ELEMENTS && !context.symbolic) {
    const message = `The size \`${text}\` is ${value}, more than ${MOST_ELEMENTS}.`;
    context.reporter.report("SEQ3025", expr.span, message);
    return unknown;
  }
  if (Number.isInteger(value) && value >= 1) return { ...unknown, extent: value };
  if (!context.symbolic) {
    const message = value === Number(text) ? `\`${text}\` is no size.` : `The size \`${text}\` is ${value}.`;
    context.reporter.report("SEQ3009", expr.span, message, { help: "sizes are whole and at least 1" });
  }
  return unknown;
}

function readsLength(expr: TypedExpr): boolean {
  if (expr.kind === "length") return true;
  return expr.kind === "pointwise" && expr.args.some(readsLength);
}
