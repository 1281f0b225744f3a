/**
 * @file How parameters start: the named initialisers and expressions of indices and draws.
 *
 * The fans of an array are those of torch.nn.init: fan_in is the product of all axes but the first, fan_out the first
 * axis times the product of those behind the second. `kaiming_uniform` is uniform in ±1/sqrt(fan_in), which is what
 * torch.nn.Linear makes of it (a = sqrt(5)); `kaiming_normal` has the deviation sqrt(2/fan_in).
 */

import type { CallExpr, Expr, Ident } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { functionNamed } from "./calls.js";
import { constants } from "./expressions.js";
import { foldNumbers, operatorNames } from "./operators.js";
import { counted, type Details, didYouMean, sourceText } from "./report.js";
import type { Context } from "./scope.js";
import type { Comparison, Dim, Init, InitExpr, InitFunction } from "./typed.js";

/** What the names of an initialiser mean: indices, and the parameters of a function being inlined. */
type Names = ReadonlyMap<string, InitExpr>;

const number = (value: number): InitExpr => ({ op: "number", value });
const uniform = (bound: number): InitExpr => ({ op: "uniform", args: [number(-bound), number(bound)] });
const normal = (deviation: number): InitExpr => ({ op: "normal", args: [number(0), number(deviation)] });

interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Initialisers written as a name alone; `gain` may be given, as in `xavier_uniform(0.5)`. */
const named: Readonly<Record<string, (fans: Fans, gain: number) => InitExpr>> = {
  zeros: () => number(0),
  ones: () => number(1),
  uniform: () => ({ op: "uniform", args: [number(0), number(1)] }),
  normal: () => normal(1),
  xavier_uniform: (fans, gain) => uniform(gain * Math.sqrt(6 / (fans.in + fans.out))),
  xavier_normal: (fans, gain) => normal(gain * Math.sqrt(2 / (fans.in + fans.out))),
  kaiming_uniform: (fans, gain) => uniform(gain / Math.sqrt(fans.in)),
  kaiming_normal: (fans, gain) => normal(gain * Math.sqrt(2 / fans.in)),
};

const scaled: ReadonlySet<string> = new Set(["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]);

type Applied = Exclude<InitFunction, Comparison | "select">;

/** Functions and operators of an expression; comparisons stand only as the condition of `where`. */
const arities: Readonly<Record<Applied, number>> = {
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  pow: 2,
  max: 2,
  min: 2,
  neg: 1,
  exp: 1,
  log: 1,
  sqrt: 1,
  abs: 1,
  sign: 1,
  sin: 1,
  cos: 1,
  tanh: 1,
  sigmoid: 1,
  softplus: 1,
  inv_softplus: 1,
};

const operators: ReadonlySet<string> = new Set(["add", "sub", "mul", "div", "pow", "neg"]);

/** Names that can be called in an initialiser and nowhere else. */
const draws = [...Object.keys(named), "orthogonal", "inv_softplus"];

/** Checks what stands after `~`; undefined after a mistake. */
export function checkInit(
  context: Context,
  indices: readonly Ident[],
  axes: readonly Dim[],
  expr: Expr,
): Init | undefined {
  const names = new Map<string, InitExpr>();
  for (const [axis, index] of indices.entries()) {
    if (context.scope.lookup(index.name, index.span)?.kind === "value") {
      const message = `The index \`${index.name}\` has the name of a value or size in scope.`;
      context.reporter.report("SEQ2008", index.span, message);
    }
    names.set(index.name, { op: "index", axis });
  }
  const head = headOf(context, expr);
  if (head?.name === "orthogonal") {
    const gain = head.args.length === 0 ? 1 : numberOf(convert(context, names, head.args[0]));
    return gain === undefined ? undefined : { kind: "orthogonal", gain };
  }
  if (head !== undefined && (head.args.length === 0 || (scaled.has(head.name) && head.args.length === 1))) {
    const gain = head.args.length === 0 ? 1 : numberOf(convert(context, names, head.args[0]));
    const rule = named[head.name];
    if (gain !== undefined) return { kind: "expression", expr: rule(fansOf(axes), gain) };
  }
  const converted = convert(context, names, expr);
  return converted && { kind: "expression", expr: converted };
}

/** `zeros`, `orthogonal(0.5)`: a named initialiser that stands alone. */
function headOf(context: Context, expr: Expr): { readonly name: string; readonly args: readonly Expr[] } | undefined {
  const name = expr.kind === "name" ? expr.name : expr.kind === "call" ? expr.callee.name : undefined;
  if (name === undefined || !draws.includes(name) || context.scope.lookup(name, expr.span) !== undefined)
    return undefined;
  return { name, args: expr.kind === "call" ? expr.arguments.map(({ value }) => value) : [] };
}

function fansOf(axes: readonly Dim[]): Fans {
  const sizes = axes.map((dim) => (typeof dim.extent === "number" ? dim.extent : 1));
  const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
  return { in: product(sizes.slice(1)), out: (sizes[0] ?? 1) * product(sizes.slice(2)) };
}

function numberOf(expr: InitExpr | undefined): number | undefined {
  return expr?.op === "number" ? expr.value : undefined;
}

function apply(op: Applied, args: readonly InitExpr[]): InitExpr {
  const numbers = args.flatMap((arg) => (arg.op === "number" ? [arg.value] : []));
  const value = op === "inv_softplus" || numbers.length < args.length ? undefined : foldNumbers(op, numbers);
  return value === undefined ? { op, args } : number(value);
}

function convert(context: Context, names: Names, expr: Expr): InitExpr | undefined {
  switch (expr.kind) {
    case "error":
      return undefined;
    case "number":
      return number(expr.value);
    case "name": {
      const local = names.get(expr.name);
      if (local !== undefined) return local;
      break;
    }
    case "unary": {
      const operand = convert(context, names, expr.operand);
      return operand === undefined || expr.operator === "+" ? operand : apply("neg", [operand]);
    }
    case "binary": {
      const op = expr.operator === "@" ? undefined : operatorNames[expr.operator];
      if (op === undefined || !operators.has(op)) return refuse(context, expr.span, `\`${expr.operator}\``);
      const [left, right] = [convert(context, names, expr.left), convert(context, names, expr.right)];
      return left && right && apply(op as Applied, [left, right]);
    }
    case "call":
      return convertCall(context, names, expr);
    default:
      return refuse(context, expr.span, `\`${sourceText(expr.span)}\``);
  }
  if (draws.includes(expr.name) && context.scope.lookup(expr.name, expr.span) === undefined) {
    return convertCall(context, names, { ...expr, kind: "call", callee: expr, arguments: [] });
  }
  if (context.scope.lookup(expr.name, expr.span) === undefined && !constants.has(expr.name)) {
    const help = helpFor(context, expr.name, names.keys());
    context.reporter.report("SEQ2001", expr.span, `Nothing here is called \`${expr.name}\`.`, help);
    return undefined;
  }
  const value = context.check(context, expr);
  if (value.type.kind === "error") return undefined;
  if (value.kind === "number") return number(value.value);
  context.reporter.report(
    "SEQ3010",
    expr.span,
    `\`${expr.name}\` is not known at compile time; a parameter starts from numbers, indices and draws.`,
  );
  return undefined;
}

/** `where(n == 0, a, b)`. */
function convertWhere(context: Context, names: Names, expr: CallExpr): InitExpr | undefined {
  if (!takes(context, expr.span, "where", expr.arguments.length, 3)) return undefined;
  const [condition, ...branches] = expr.arguments.map(({ value }) => value);
  const [yes, no] = branches.map((branch) => convert(context, names, branch));
  const op = condition.kind === "binary" && condition.operator !== "@" ? operatorNames[condition.operator] : undefined;
  if (condition.kind !== "binary" || op === undefined || !isComparison(op)) {
    return refuse(context, condition.span, "a condition that is no comparison");
  }
  const [left, right] = [convert(context, names, condition.left), convert(context, names, condition.right)];
  return left && right && yes && no && { op: "select", args: [{ op, args: [left, right] }, yes, no] };
}

const isComparison = (op: string): op is Comparison => ["lt", "le", "gt", "ge", "eq", "ne"].includes(op);

function convertCall(context: Context, names: Names, expr: CallExpr): InitExpr | undefined {
  const { callee, span } = expr;
  if (callee.name === "where") return convertWhere(context, names, expr);
  const args = expr.arguments.map(({ value }) => convert(context, names, value));
  const sound = args.every((arg) => arg !== undefined) ? args : undefined;
  const name = callee.name;
  const meaning = functionNamed(context, callee);
  if (meaning?.kind === "function") {
    const { declaration, home } = meaning;
    if (context.inlining.includes(declaration)) {
      context.reporter.report("SEQ2014", span, `\`${name}\` calls itself.`);
      return undefined;
    }
    if (!takes(context, span, name, args.length, declaration.parameters.length) || sound === undefined)
      return undefined;
    const locals = new Map(declaration.parameters.map((parameter, i) => [parameter.name, sound[i]]));
    const inner = { ...context, scope: home, inlining: [...context.inlining, declaration] };
    return convert(inner, locals, declaration.body);
  }
  if (name === "uniform" || name === "normal") {
    const [first = number(0), second = number(1)] = sound ?? [];
    if (args.length > 0 && !takes(context, span, name, args.length, 2)) return undefined;
    return sound && { op: name, args: [first, second] };
  }
  if (name === "zeros" || name === "ones") {
    return takes(context, span, name, args.length, 0) ? number(name === "ones" ? 1 : 0) : undefined;
  }
  if (Object.hasOwn(arities, name) && !operators.has(name)) {
    const op = name as Applied;
    return takes(context, span, name, args.length, arities[op]) && sound !== undefined ? apply(op, sound) : undefined;
  }
  if (meaning !== undefined || draws.includes(name)) return refuse(context, callee.span, `\`${name}\``);
  const help = helpFor(context, name, Object.keys(arities));
  context.reporter.report("SEQ2003", callee.span, `There is no function or initialiser \`${name}\`.`, help);
  return undefined;
}

/** What other frameworks call their initialisers, and what comes nearest here. */
const elsewhere: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "`xavier_uniform` or `xavier_normal`": ["xavier", "glorot"],
    "`xavier_uniform`": ["glorot_uniform"],
    "`xavier_normal`": ["glorot_normal"],
    "`kaiming_uniform` or `kaiming_normal`": ["kaiming", "he"],
    "`kaiming_uniform`": ["he_uniform", "lecun_uniform"],
    "`kaiming_normal`": ["he_normal", "lecun_normal"],
    "`normal(0, 0.1)`": ["randn", "gaussian", "random_normal", "truncated_normal", "trunc_normal"],
    "`uniform(-0.1, 0.1)`": ["rand", "random", "random_uniform"],
    "`orthogonal`": ["ortho", "orthonormal"],
    "a number, `~ 0.1`": ["constant", "full", "fill"],
    "indices, `W[i, j]: [N, N] ~ where(i == j, 1, 0)`": ["eye", "identity"],
  }).flatMap(([here, names]) => names.map((name): [string, string] => [name, here])),
);

function helpFor(context: Context, name: string, more: Iterable<string>): Details {
  const here = elsewhere.get(name.replace(/_$/, ""));
  return here === undefined
    ? didYouMean(name, [...draws, ...more, ...context.scope.names()])
    : { help: `the nearest here is ${here}` };
}

function takes(context: Context, span: Span, name: string, given: number, wanted: number): boolean {
  if (given === wanted) return true;
  context.reporter.report("SEQ2010", span, `\`${name}\` takes ${counted(wanted, "argument")}, here are ${given}.`);
  return false;
}

function refuse(context: Context, span: Span, what: string): undefined {
  context.reporter.report("SEQ2019", span, `${what} cannot stand in an expression for how a parameter starts.`);
}
