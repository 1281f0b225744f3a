/** @file Makes declarations into blocks: the values of their parameters, `use`, and samples for checking them alone. */

import type { Argument, BlockDeclaration, DeclarationParameter, Expr, UseStatement } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { functionNamed } from "./calls.js";
import { checkExpr, checkNumber, checkSize } from "./expressions.js";
import { counted, didYouMean, type Reporter } from "./report.js";
import {
  type Context,
  describeMeaning,
  type Instance,
  type Meaning,
  numberExpr,
  type Scope,
  withNames,
} from "./scope.js";
import type { Block } from "./typed.js";

/** A declaration with the values of its parameters. */
export interface Instantiation {
  readonly declaration: BlockDeclaration;
  readonly home: Scope;
  readonly values: ReadonlyMap<string, Meaning>;
  /** The prefix of its parameters' paths. */
  readonly path: string;
  readonly symbolic: boolean;
  /** The declarations around it, outermost first: none may contain itself. */
  readonly around: readonly BlockDeclaration[];
}

export function isSizeName(name: string): boolean {
  return /^[A-Z]/.test(name);
}

/** Outside of any block: for the defaults of parameters and values from the command line. */
export function topContext(reporter: Reporter, scope: Scope, symbolic: boolean): Context {
  return { reporter, scope, symbolic, within: "fn", inlining: [], check: checkExpr };
}

/** What a `use` statement makes, block by block through `elaborate`; undefined after a mistake in the statement itself. */
export function checkUse(
  context: Context,
  statement: UseStatement,
  parent: Instantiation,
  elaborate: (reporter: Reporter, instantiation: Instantiation) => Block,
): Instance | undefined {
  const { target } = statement;
  const meaning = context.scope.lookup(target.name, target.span);
  if (meaning?.kind === "error") return undefined;
  if (meaning?.kind !== "declaration" || meaning.declaration.kind === "model") {
    const what = meaning === undefined ? "nothing here" : describeMeaning(meaning);
    const message = `\`use\` makes instances of cells and layers, but \`${target.name}\` is ${what}.`;
    context.reporter.report("SEQ2004", target.span, message, didYouMean(target.name, context.scope.names()));
    return undefined;
  }
  const { declaration, home } = meaning;
  const around = [...parent.around, parent.declaration];
  if (around.includes(declaration)) {
    const related = [{ span: declaration.name.span, message: "declared here" }];
    context.reporter.report("SEQ2014", target.span, `\`${target.name}\` contains itself.`, { related });
    return undefined;
  }
  if (parent.declaration.kind === "cell" && declaration.kind === "cell") {
    context.reporter.report("SEQ4012", target.span, `The cell \`${target.name}\` is used inside a cell.`, {
      help: "a layer that scans along a size may stand in a cell",
    });
    return undefined;
  }
  const given = bindArguments(context, declaration.parameters, statement.arguments, target.span);
  const values = parameterValues(context, declaration, home, given, target.span);
  if (values === undefined) return undefined;
  const path = parent.path === "" ? statement.name.name : `${parent.path}.${statement.name.name}`;
  const make = (at: string) =>
    elaborate(context.reporter, { declaration, home, values, path: at, symbolic: context.symbolic, around });
  const instance = { path, kind: declaration.kind, declaration: declaration.name.name };
  if (statement.count === undefined) return { ...instance, blocks: [make(path)], isArray: false };
  const count = instanceCount(context, statement.count);
  if (count === undefined) return undefined;
  return { ...instance, blocks: Array.from({ length: count }, (_, i) => make(`${path}.${i}`)), isArray: true };
}

/** Each instance is checked and compiled on its own. */
const MOST_INSTANCES = 256;

/** A sample of a size stands for any; two instances show all there is to a chain. */
function instanceCount(context: Context, count: Expr): number | undefined {
  const { extent, text } = checkSize(context, count);
  if (typeof extent === "number" && extent > MOST_INSTANCES && !context.symbolic) {
    context.reporter.notCompiled(count.span, `An array of ${extent} instances, more than ${MOST_INSTANCES}, is`);
    return undefined;
  }
  if (typeof extent === "number") return context.symbolic ? Math.min(extent, 2) : extent;
  if (extent !== undefined) {
    context.reporter.report(
      "SEQ3010",
      count.span,
      `The number of instances \`${text}\` is a length, known only at run time.`,
    );
  }
  return undefined;
}

/** Arguments by position, then by name. */
function bindArguments(
  context: Context,
  parameters: readonly DeclarationParameter[],
  args: readonly Argument[],
  span: Span,
): ReadonlyMap<string, Meaning> {
  const given = new Map<string, Meaning>();
  for (const [i, argument] of args.entries()) {
    const name = argument.name?.name ?? parameters[i]?.name.name;
    if (name === undefined) {
      const message = `Here are ${args.length} arguments, but the declaration takes ${counted(parameters.length, "parameter")}.`;
      context.reporter.report("SEQ2010", argument.span, message, {
        related: [{ span, message: "of this declaration" }],
      });
      continue;
    }
    if (!parameters.some((parameter) => parameter.name.name === name)) {
      const known = parameters.map((parameter) => parameter.name.name);
      context.reporter.report("SEQ2011", argument.span, `There is no parameter \`${name}\`.`, didYouMean(name, known));
      continue;
    }
    if (given.has(name)) context.reporter.report("SEQ2012", argument.span, `\`${name}\` is given twice.`);
    given.set(name, argumentValue(context, name, argument));
  }
  return given;
}

/** A size, a number, a function or a declaration. */
function argumentValue(context: Context, name: string, { value, span }: Pick<Argument, "value" | "span">): Meaning {
  if (isSizeName(name)) {
    const size = checkSize(context, value);
    if (typeof size.extent === "number") return { kind: "value", expr: numberExpr(size.extent, span) };
    if (size.extent !== undefined) {
      context.reporter.report("SEQ3010", span, `The size \`${size.text}\` is a length, known only at run time.`);
    }
    return { kind: "error" };
  }
  if (value.kind === "name" && !value.primed) {
    const ident = { name: value.name, span: value.span };
    const meaning = functionNamed(context, ident) ?? context.scope.lookup(value.name, value.span);
    if (meaning?.kind === "builtin" || meaning?.kind === "function" || meaning?.kind === "declaration") return meaning;
  }
  const number = checkNumber(context, value);
  return number === undefined ? { kind: "error" } : { kind: "value", expr: numberExpr(number, span) };
}

/** Every parameter's value, defaults filled in; undefined if one is missing. */
export function parameterValues(
  context: Context,
  declaration: BlockDeclaration,
  home: Scope,
  given: ReadonlyMap<string, Meaning>,
  span: Span,
  severity: "error" | "warning" = "error",
): ReadonlyMap<string, Meaning> | undefined {
  const values = new Map<string, Meaning>();
  const missing: string[] = [];
  for (const parameter of declaration.parameters) {
    const name = parameter.name.name;
    const value = given.get(name);
    const inner = { ...context, scope: withNames(home, values) };
    if (value !== undefined) values.set(name, value);
    else if (parameter.default !== undefined) {
      const argument = { value: parameter.default, span: parameter.span };
      values.set(name, argumentValue(inner, name, argument));
    } else missing.push(name);
  }
  if (missing.length === 0) return values;
  const list = missing.map((name) => `\`${name}\``).join(", ");
  const related = [{ span: declaration.name.span, message: "declared here" }];
  const help = declaration.kind === "model" ? { help: `give it on the command line: \`--set ${missing[0]}=…\`` } : {};
  const message = `\`${declaration.name.name}\` needs a value for ${list}.`;
  context.reporter.report("SEQ2013", span, message, { related, severity, ...help });
  return undefined;
}

const RATIOS = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41];

/**
 * Values with which a declaration is checked alone. Each size without a default is a multiple of those after it, by
 * primes, so that `D / heads` is whole and no two sizes, nor small multiples of them, are equal by chance.
 */
export function sampleValues(
  reporter: Reporter,
  declaration: BlockDeclaration,
  home: Scope,
): ReadonlyMap<string, Meaning> {
  const open = declaration.parameters.filter((parameter) => parameter.default === undefined);
  const given = new Map<string, Meaning>();
  let size = 48 * 5;
  for (const [i, { name }] of open.toReversed().entries()) {
    given.set(
      name.name,
      isSizeName(name.name) ? { kind: "value", expr: numberExpr(size, name.span) } : { kind: "error" },
    );
    size *= RATIOS[i % RATIOS.length];
  }
  const context = topContext(reporter, home, true);
  return parameterValues(context, declaration, home, given, declaration.name.span) ?? given;
}
