/** @file Expressions from concrete to abstract syntax, with the rules that the grammar leaves open. */

import type { CstNode, IToken } from "chevrotain";
import { joinSpans } from "../support/span.js";
import type {
  Argument,
  BinaryOperator,
  Expr,
  Ident,
  IndexBinder,
  NameExpr,
  PathExpr,
  RecordSyntax,
  UnaryExpr,
} from "./ast.js";
import type { Builder } from "./builder.js";
import { child, children, token, tokens } from "./cst.js";

export function expression(b: Builder, node: CstNode | undefined): Expr {
  if (node === undefined) return b.missing();
  const operators = tokens(node, "operator");
  if (operators.length > 1) {
    b.report(
      "SEQ1010",
      b.tokenSpan(operators[1]),
      "Comparisons do not chain.",
      "compare twice and combine with `where`",
    );
  }
  return leftFold(b, node, (operand) =>
    leftFold(b, operand, (term) => leftFold(b, term, (factor) => signed(b, factor))),
  );
}

function leftFold(b: Builder, node: CstNode | undefined, operand: (node: CstNode | undefined) => Expr): Expr {
  if (node === undefined) return b.missing();
  const [first, ...rest] = children(node, "operand");
  return tokens(node, "operator").reduce(
    (left, operator, at) => binary(b, operator, left, operand(rest[at])),
    operand(first),
  );
}

function binary(b: Builder, operator: IToken, left: Expr, right: Expr): Expr {
  const span = joinSpans(left.span, right.span);
  return b.grow({ kind: "binary", operator: operator.image as BinaryOperator, left, right, span }, [left, right]);
}

function signed(b: Builder, node: CstNode | undefined): Expr {
  return withSigns(b, node, power(b, child(node, "operand")));
}

/** `inner` under the signs of a node of the rules `signed`, `exponent` or `otherwise`. */
function withSigns(b: Builder, node: CstNode | undefined, inner: Expr): Expr {
  return children(node, "sign").reduceRight<Expr>((operand, sign) => {
    const operator: UnaryExpr["operator"] = token(sign, "Plus") === undefined ? "-" : "+";
    return b.grow({ kind: "unary", operator, operand, span: joinSpans(b.span(sign), operand.span) }, [operand]);
  }, inner);
}

/** `a ** b ** c` is `a ** (b ** c)`, and `a ** -b ** c` is `a ** (-(b ** c))`. */
function power(b: Builder, node: CstNode | undefined): Expr {
  const [base, ...exponents] = children(node, "operand");
  const operators = tokens(node, "operator");
  let right: Expr | undefined;
  for (let at = operators.length - 1; at >= 0; at--) {
    const value = postfix(b, child(exponents[at], "operand"));
    const raised: Expr = right === undefined ? value : binary(b, operators[at + 1], value, right);
    right = withSigns(b, exponents[at], raised);
  }
  const left = postfix(b, base);
  return right === undefined ? left : binary(b, operators[0], left, right);
}

function postfix(b: Builder, node: CstNode | undefined): Expr {
  if (node === undefined) return b.missing();
  const base = atom(b, child(node, "atom"));
  const otherwiseNode = child(node, "otherwise");
  if (otherwiseNode === undefined) return base;
  const otherwise = withSigns(b, otherwiseNode, atom(b, child(otherwiseNode, "operand")));
  if (base.kind === "error") return base;
  if (base.kind !== "index" || child(child(node, "atom"), "reference") === undefined) {
    const message = "`else` gives the value outside the range of an index, and here is no index in front of it.";
    b.report("SEQ1012", b.tokenSpan(token(node, "Else")), message, "to choose between values write `where(c, a, b)`");
    return base;
  }
  return b.grow({ ...base, otherwise, span: b.span(node) }, [base, otherwise]);
}

function atom(b: Builder, node: CstNode | undefined): Expr {
  const number = token(node, "NumberLiteral");
  if (number !== undefined) return numberLiteral(b, number);
  const applied = child(node, "application");
  if (applied !== undefined) return application(b, applied);
  const inner = child(node, "parenthesized");
  if (inner !== undefined) return parenthesized(b, inner);
  const list = child(node, "list");
  if (list !== undefined) {
    const elements = children(list, "expression").map((element) => expression(b, element));
    return b.grow({ kind: "list", elements, span: b.span(list) }, elements);
  }
  return reference(b, child(node, "reference"));
}

function numberLiteral(b: Builder, at: IToken): Expr {
  const value = Number(at.image);
  const span = b.tokenSpan(at);
  if (Number.isFinite(value)) return { kind: "number", value, text: at.image, span };
  b.report("SEQ1019", span, `the number \`${at.image}\` is too large.`, "infinity is written `inf`");
  return { kind: "error", span };
}

/** The parentheses are gone from the tree, yet belong to the span that a message underlines. */
function parenthesized(b: Builder, node: CstNode): Expr {
  const inner = expression(b, child(node, "expression"));
  return b.grow({ ...inner, span: b.span(node) }, [inner]);
}

function reference(b: Builder, node: CstNode | undefined): Expr {
  const head = token(node, "head");
  if (head === undefined) return b.missing();
  const base = named(b, node, head);
  const indices = child(node, "indices");
  const called = child(node, "arguments");
  const span = b.span(node);
  if (called === undefined) {
    if (head.image === "where") {
      const help = "`where(c, a, b)` chooses; a loss has its clause, `loss e where m`";
      b.report("SEQ1015", b.tokenSpan(head), "`where` is a reserved word and no value.", help);
    }
    if (indices === undefined) return base;
    const values = children(indices, "index").map((index) => plainIndex(b, index));
    return b.grow({ kind: "index", base, indices: values, span }, values);
  }
  const list = callArguments(b, called);
  const values = list.map((argument) => argument.value);
  if (base.kind === "path") {
    const { message, help } = appliedPath(base, values);
    b.report("SEQ1014", base.span, message, help);
    return { kind: "error", span };
  }
  if (base.primed) {
    b.report("SEQ1014", base.span, "Only a name can be applied, and this is a state's next value.");
    return { kind: "error", span };
  }
  const callee = b.ident(head);
  if (indices === undefined) return b.grow({ kind: "call", callee, arguments: list, span }, values);
  const binders = children(indices, "index").flatMap((index) => reductionIndex(b, index));
  if (list.length !== 1 || list[0].name !== undefined) {
    b.report("SEQ2010", b.span(called), `\`${head.image}\` over indices takes one expression.`);
    return { kind: "error", span };
  }
  return b.grow({ kind: "reduce", function: callee, indices: binders, argument: values[0], span }, values);
}

function named(b: Builder, node: CstNode | undefined, head: IToken): NameExpr | PathExpr {
  const fields = children(node, "field").map((field) => fieldName(b, field));
  const prime = token(node, "Prime");
  const first = b.tokenSpan(head);
  if (fields.length === 0) {
    const span = prime === undefined ? first : joinSpans(first, b.tokenSpan(prime));
    return { kind: "name", name: head.image, primed: prime !== undefined, span };
  }
  if (prime !== undefined) b.report("SEQ1021", b.tokenSpan(prime), "A prime follows the name of a state, not a path.");
  return { kind: "path", head: b.ident(head), fields, span: joinSpans(first, fields[fields.length - 1].span) };
}

function fieldName(b: Builder, node: CstNode): Ident {
  const at = token(node, "IndexField") ?? token(node, "Word");
  return { name: at === undefined ? "" : at.image.replace(".", ""), span: b.span(node) };
}

function plainIndex(b: Builder, node: CstNode): Expr {
  const extent = child(node, "extent");
  if (extent !== undefined) {
    const message = "An index gets its extent where it is bound: on the left side or by a reduction.";
    b.report("SEQ1001", b.span(extent), message);
  }
  return expression(b, child(node, "expression"));
}

function reductionIndex(b: Builder, node: CstNode): IndexBinder[] {
  const name = expression(b, child(node, "expression"));
  const extentNode = child(node, "extent");
  if (name.kind !== "name" || name.primed) {
    b.report("SEQ1001", name.span, "A reduction binds names between its brackets.", "write `sum[n](x[n + 1] else 0)`");
    return [];
  }
  const ident = { name: name.name, span: name.span };
  const span = b.span(node);
  return [extentNode === undefined ? { name: ident, span } : { name: ident, extent: expression(b, extentNode), span }];
}

/** The arguments between the parentheses of an `arguments` node. */
export function callArguments(b: Builder, node: CstNode | undefined): Argument[] {
  const list = children(node, "argument").map((argument): Argument => {
    const value = expression(b, child(argument, "expression"));
    const name = b.name(child(argument, "name"));
    return name === undefined ? { value, span: b.span(argument) } : { name, value, span: b.span(argument) };
  });
  const firstNamed = list.findIndex((argument) => argument.name !== undefined);
  const late = firstNamed < 0 ? undefined : list.slice(firstNamed).find((argument) => argument.name === undefined);
  if (late !== undefined) {
    b.report("SEQ1018", late.span, "Arguments by position come before those by name.");
  }
  return list;
}

const reductions: ReadonlySet<string> = new Set(["sum", "mean", "max", "min", "logsumexp", "norm"]);
const normalizations: ReadonlySet<string> = new Set(["softmax", "log_softmax"]);

/** `block.0(x)`, or a method of other languages: `x.mean(0)`, `x.tanh()`. */
function appliedPath({ head, fields }: PathExpr, [axis]: readonly Expr[]): { message: string; help: string } {
  const last = fields[fields.length - 1].name;
  if (/^\d/.test(last)) {
    const message = "Only a name can be applied, and this is a path.";
    return { message, help: `\`chain ${head.name}(x)\` runs the instances one after another` };
  }
  const path = [head.name, ...fields.map(({ name }) => name)];
  const [value, message] = [path.slice(0, -1).join("."), `Values have no methods such as \`${last}\`.`];
  const keeps = normalizations.has(last);
  if (axis?.kind !== "number" || axis.value > 3 || !(keeps || reductions.has(last))) {
    return { message, help: `a function stands in front of what it takes: \`${last}(${value})\`` };
  }
  const indices = ["i", "j", "k", "l"].slice(0, axis.value + 1);
  const left = keeps ? indices : indices.slice(0, -1);
  const reduced = `${last}[${indices[axis.value]}](${value}[${indices.join(", ")}])`;
  return {
    message,
    help: `name the axis by an index: \`${left.length > 0 ? `y[${left.join(", ")}] = ` : ""}${reduced}\``,
  };
}

function application(b: Builder, node: CstNode): Expr {
  const callee = b.name(child(node, "name"));
  const list = callArguments(b, child(node, "arguments"));
  if (callee === undefined) return b.missing();
  const chain = token(node, "Chain") !== undefined;
  const scanNode = child(node, "scan");
  const scan = scanNode === undefined ? "none" : token(scanNode, "Reverse") === undefined ? "forward" : "reverse";
  const start = child(node, "start");
  if (start !== undefined && scan === "none") {
    b.report("SEQ1020", b.tokenSpan(token(node, "From")), "`from` says where a scan starts, and here is no `scan`.");
  }
  const span = b.span(node);
  const parts = list.map((argument) => argument.value);
  if (start === undefined) return b.grow({ kind: "apply", chain, scan, callee, arguments: list, span }, parts);
  const from = startOf(b, start);
  const values = from.kind === "record" ? from.fields.map((field) => field.value) : [from];
  return b.grow({ kind: "apply", chain, scan, callee, arguments: list, from, span }, [...parts, ...values]);
}

function startOf(b: Builder, node: CstNode): Expr | RecordSyntax {
  const record = child(node, "record");
  if (record === undefined) {
    const inner = child(node, "parenthesized");
    return inner === undefined ? reference(b, child(node, "reference")) : parenthesized(b, inner);
  }
  const fields = children(record, "recordField").flatMap((field) => {
    const name = b.name(child(field, "name"));
    return name === undefined ? [] : [{ name, value: expression(b, child(field, "expression")) }];
  });
  return { kind: "record", fields, span: b.span(record) };
}
