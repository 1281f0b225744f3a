/** @file Expressions and statements as canonical text, each on one line, with no parentheses that are not needed. */

import { invariant, unreachable } from "../support/assert.js";
import type {
  ApplyExpr,
  Argument,
  AssignTarget,
  BinaryOperator,
  Expr,
  IndexBinder,
  ParamStatement,
  Statement,
  TypeSyntax,
} from "./ast.js";

/** How tightly each form binds; an operand that binds more loosely than its place asks for gets parentheses. */
const level = { comparison: 1, sum: 2, product: 3, sign: 4, power: 5, otherwise: 6, atom: 7 } as const;

const operators: Readonly<Record<BinaryOperator, { own: number; left: number; right: number }>> = {
  "<": comparison(),
  "<=": comparison(),
  ">": comparison(),
  ">=": comparison(),
  "==": comparison(),
  "!=": comparison(),
  "+": { own: level.sum, left: level.sum, right: level.product },
  "-": { own: level.sum, left: level.sum, right: level.product },
  "*": { own: level.product, left: level.product, right: level.sign },
  "/": { own: level.product, left: level.product, right: level.sign },
  "@": { own: level.product, left: level.product, right: level.sign },
  "**": { own: level.power, left: level.otherwise, right: level.sign },
};

function comparison() {
  return { own: level.comparison, left: level.sum, right: level.sum };
}

/**
 * An expression as text. `tight` is the style between brackets, where products are written `4*H` and quotients `D/16`.
 * The expression has no error in it.
 */
export function printExpr(expr: Expr, least: number = level.comparison, tight = false): string {
  const text = printBare(expr, tight);
  return levelOf(expr) < least ? `(${text})` : text;
}

function levelOf(expr: Expr): number {
  if (expr.kind === "binary") return operators[expr.operator].own;
  if (expr.kind === "unary") return level.sign;
  if (expr.kind === "index" && expr.otherwise !== undefined) return level.otherwise;
  return level.atom;
}

function printBare(expr: Expr, tight: boolean): string {
  switch (expr.kind) {
    case "number":
      return expr.text;
    case "name":
      return expr.name + (expr.primed ? "'" : "");
    case "path":
      return [expr.head, ...expr.fields].map((part) => part.name).join(".");
    case "unary":
      return expr.operator + printExpr(expr.operand, level.sign, tight);
    case "binary": {
      const { left, right } = operators[expr.operator];
      const gap = tight && (expr.operator === "*" || expr.operator === "/") ? "" : " ";
      return printExpr(expr.left, left, tight) + gap + expr.operator + gap + printExpr(expr.right, right, tight);
    }
    case "call":
      return expr.callee.name + printArguments(expr.arguments, tight);
    case "index": {
      const base = printExpr(expr.base) + brackets(expr.indices);
      return expr.otherwise === undefined ? base : `${base} else ${printOtherwise(expr.otherwise, tight)}`;
    }
    case "reduce":
      return `${expr.function.name}${printBinders(expr.indices)}(${printExpr(expr.argument, level.comparison, tight)})`;
    case "apply":
      return printApply(expr, tight);
    case "list":
      return brackets(expr.elements);
    case "error":
      invariant(false, "format", "an expression with a syntax error has no text");
      return "";
    default:
      return unreachable(expr, "format");
  }
}

/** Behind `else` stands one operand under any signs. */
function printOtherwise(expr: Expr, tight: boolean): string {
  if (expr.kind === "unary") return expr.operator + printOtherwise(expr.operand, tight);
  return printExpr(expr, level.atom, tight);
}

function printApply(expr: ApplyExpr, tight: boolean): string {
  const words = [
    ...(expr.chain ? ["chain"] : []),
    ...(expr.scan === "none" ? [] : ["scan"]),
    ...(expr.scan === "reverse" ? ["reverse"] : []),
  ];
  const applied = [...words, expr.callee.name].join(" ") + printArguments(expr.arguments, tight);
  return expr.from === undefined ? applied : `${applied} from ${printStart(expr.from, tight)}`;
}

function printStart(from: NonNullable<ApplyExpr["from"]>, tight: boolean): string {
  if (from.kind === "record") {
    const fields = from.fields.map(({ name, value }) => `${name.name}: ${printExpr(value, level.comparison, tight)}`);
    return `{ ${fields.join(", ")} }`;
  }
  const bare = ["name", "path", "call", "index", "reduce"].includes(from.kind) && levelOf(from) === level.atom;
  return bare ? printExpr(from, level.atom, tight) : `(${printExpr(from, level.comparison, tight)})`;
}

function printArguments(list: readonly Argument[], tight: boolean): string {
  const items = list.map(({ name, value }) => {
    const text = printExpr(value, level.comparison, tight);
    return name === undefined ? text : `${name.name} = ${text}`;
  });
  return `(${items.join(", ")})`;
}

function brackets(list: readonly Expr[]): string {
  return `[${list.map((element) => printExpr(element, level.comparison, true)).join(", ")}]`;
}

function printBinders(list: readonly IndexBinder[]): string {
  const items = list.map(({ name, extent }) =>
    extent === undefined ? name.name : `${name.name}: ${printExpr(extent, level.comparison, true)}`,
  );
  return `[${items.join(", ")}]`;
}

/** One statement, or several of one kind as a list: the word in front stands once. */
export function printStatements([first, ...others]: readonly Statement[]): string {
  return [printStatement(first), ...others.map((other) => printStatement(other).slice(other.kind.length + 1))].join(
    ", ",
  );
}

function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case "input":
    case "context":
    case "target":
      return `${statement.kind} ${statement.name.name}: ${printType(statement.type)}`;
    case "state":
      return `state ${statement.name.name}: ${printType(statement.type)}${given(" =", statement.initial)}`;
    case "param": {
      const marks = (statement.frozen ? " frozen" : "") + (statement.noDecay ? " no_decay" : "");
      return `param ${indexed(statement)}: ${printType(statement.type)}${given(" ~", statement.init)}${marks}`;
    }
    case "const":
      return `const ${indexed(statement)}: ${printType(statement.type)} = ${printExpr(statement.value)}`;
    case "use": {
      const count = statement.count === undefined ? "" : brackets([statement.count]);
      const made = statement.target.name + printArguments(statement.arguments, false);
      return `use ${statement.name.name}${count} = ${made}`;
    }
    case "length":
      return `length ${statement.name.name}${statement.ragged ? " ragged" : ""}`;
    case "assign":
      return `${printTargets(statement.targets)} = ${printExpr(statement.value)}`;
    case "output":
      return `output ${printTargets(statement.targets)}${given(" =", statement.value)}`;
    case "loss":
      return `loss ${printExpr(statement.value)}${given(" where", statement.where)}`;
    case "metric":
      return `metric ${statement.name === undefined ? "" : `${statement.name.name} = `}${printExpr(statement.value)}`;
    default:
      return unreachable(statement, "format");
  }
}

function given(sign: string, value: Expr | undefined): string {
  return value === undefined ? "" : `${sign} ${printExpr(value)}`;
}

function indexed({ name, indices }: Pick<ParamStatement, "name" | "indices">): string {
  return indices.length === 0 ? name.name : `${name.name}[${indices.map((index) => index.name).join(", ")}]`;
}

function printType({ axes, elem }: TypeSyntax): string {
  const element = elem.kind === "id" ? `id(${printExpr(elem.count, level.comparison, true)})` : elem.kind;
  if (axes.length === 0) return element;
  return elem.kind === "f32" ? brackets(axes) : `${brackets(axes)} ${element}`;
}

function printTargets(targets: readonly AssignTarget[]): string {
  return targets
    .map(({ name, primed, indices }) => {
      const binders = indices === undefined ? "" : printBinders(indices);
      return name.name + (primed ? "'" : "") + binders;
    })
    .join(", ");
}
