/** @file Calls: functions inlined, layers mapped over leading axes, cells scanned. */

import type { ApplyExpr, Argument, CallExpr, Expr, FunctionDeclaration, Ident, ListExpr } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { checkChain, type Once } from "./chains.js";
import { axisHelp, callFunction, functionNames } from "./functions.js";
import { foreignHint } from "./hints.js";
import { constantOf, nameOf, wantNumber } from "./operators.js";
import { type Match, matchPort } from "./ports.js";
import { counted, didYouMean } from "./report.js";
import { NONE, type Results, resultsOf } from "./results.js";
import { scanCell } from "./scans.js";
import { type Context, describeMeaning, errorExpr, type Meaning, valueMeaning, withNames } from "./scope.js";
import { disagreement, sameAxes, showAxes, showDim, substituteType } from "./sizes.js";
import type { Block, Call, Dim, LayerCall, TypedExpr } from "./typed.js";

/** Checks a call that may have several values. */
export function checkCall(context: Context, expr: CallExpr | ApplyExpr): Results {
  if (expr.kind === "apply") return checkApply(context, expr);
  const { callee, span } = expr;
  const meaning = context.scope.lookup(callee.name, callee.span) ?? builtin(callee.name);
  if (meaning?.kind === "builtin" && meaning.name === "split") return checkSplit(context, expr);
  if (meaning === undefined) {
    const [arg, axis] = expr.arguments.map(({ value }) => context.check(context, value));
    const hint = arg && foreignHint(context, callee.name, arg, axis && constantOf(axis));
    const known = [...functionNames, ...context.scope.names()];
    const details = hint === undefined ? didYouMean(callee.name, known) : { help: hint };
    context.reporter.report("SEQ2003", callee.span, `There is no function \`${callee.name}\`.`, details);
    return NONE;
  }
  if (meaning.kind === "function") {
    const result = inline(context, meaning.declaration, meaning.home, expr);
    return result.type.kind === "error" ? NONE : { results: [result] };
  }
  const args = checkArguments(context, expr.arguments, callee.name);
  if (expr.arguments.some(({ name }) => name !== undefined)) return NONE;
  switch (meaning.kind) {
    case "builtin": {
      const result = callFunction({ context, name: meaning.name, args, span });
      return result.type.kind === "error" ? NONE : { results: [result] };
    }
    case "instance": {
      const { kind, declaration, blocks, isArray } = meaning.instance;
      if (kind === "layer" && !isArray) return applyLayer(context, blocks[0], args, expr);
      if (isArray) {
        const message = `\`${callee.name}\` is several instances of the ${kind} ${declaration}.`;
        const call = kind === "cell" ? `chain scan ${callee.name}(xs)` : `chain ${callee.name}(x)`;
        context.reporter.report("SEQ4009", callee.span, message, { help: `run them one after another: \`${call}\`` });
        return NONE;
      }
      const message = `\`${callee.name}\` is an instance of the ${kind} ${declaration}, one time step.`;
      context.reporter.report("SEQ4006", callee.span, message, {
        help: `run it over a sequence: \`scan ${callee.name}(xs)\``,
      });
      return NONE;
    }
    case "declaration":
    case "value":
    case "record": {
      const help =
        meaning.kind === "declaration" ? { help: `make an instance first: \`use f = ${callee.name}(…)\`` } : {};
      const message = `\`${callee.name}\` is ${describeMeaning(meaning)}, not a function.`;
      context.reporter.report("SEQ2003", callee.span, message, help);
      return NONE;
    }
    default:
      return NONE;
  }
}

function builtin(name: string): Meaning | undefined {
  return functionNames.includes(name) ? { kind: "builtin", name } : undefined;
}

/** The function a name stands for, of the text or of the language. */
export function functionNamed(context: Context, name: Ident): Meaning | undefined {
  const meaning = context.scope.lookup(name.name, name.span) ?? builtin(name.name);
  return meaning?.kind === "function" || meaning?.kind === "builtin" ? meaning : undefined;
}

/** `callee` is the function called, for what it has in place of an argument by name. */
function checkArguments(context: Context, args: readonly Argument[], callee = ""): readonly TypedExpr[] {
  const typed = args.map((argument) => context.check(context, argument.value));
  const named = args.find(({ name }) => name !== undefined)?.name;
  if (named !== undefined) {
    const message = "Arguments by name are for `use`; here they come in order.";
    context.reporter.report("SEQ2011", named.span, message, axisHelp(context, callee, typed));
  }
  return typed;
}

/** A function's body with its arguments in place of its parameters. */
function inline(context: Context, declaration: FunctionDeclaration, home: Context["scope"], expr: CallExpr): TypedExpr {
  const { span } = expr;
  const name = declaration.name.name;
  if (context.inlining.includes(declaration)) {
    context.reporter.report("SEQ2014", span, `\`${name}\` calls itself.`);
    return errorExpr(span);
  }
  const wanted = declaration.parameters.length;
  if (expr.arguments.length !== wanted) {
    const message = `\`${name}\` takes ${counted(wanted, "argument")}, here are ${expr.arguments.length}.`;
    const related = [{ span: declaration.name.span, message: "declared here" }];
    context.reporter.report("SEQ2010", span, message, { related });
    return errorExpr(span);
  }
  const locals = new Map<string, Meaning>();
  for (const [i, argument] of expr.arguments.entries()) {
    const passed =
      argument.value.kind === "name" ? functionNamed(context, { name: argument.value.name, span }) : undefined;
    locals.set(declaration.parameters[i].name, passed ?? shareArgument(context, argument));
  }
  const scope = withNames(home, locals);
  const body = context.check({ ...context, scope, inlining: [...context.inlining, declaration] }, declaration.body);
  return { ...body, span };
}

function shareArgument(context: Context, argument: Argument): Meaning {
  const [expr] = checkArguments(context, [argument]);
  const alone = expr.kind === "number" || expr.kind === "read" || expr.kind === "index" || expr.kind === "length";
  return valueMeaning(alone ? expr : { kind: "shared", expr, type: expr.type, span: expr.span });
}

/** `split(z, 4)`, `split(z, [R, N, N])` */
function checkSplit(context: Context, expr: CallExpr): Results {
  const { span } = expr;
  if (expr.arguments.length !== 2) {
    context.reporter.report("SEQ2010", span, `\`split\` takes 2 arguments, here are ${expr.arguments.length}.`);
    return NONE;
  }
  const [first, { value: parts }] = expr.arguments;
  const [arg] = checkArguments(context, [first]);
  const fractions = parts.kind === "list" ? listSizes(context, parts) : equalParts(context, parts);
  if (!wantNumber(context, arg) || arg.type.kind === "error" || fractions === undefined) return NONE;
  const axis = arg.type.axes.at(-1);
  if (axis === undefined) {
    context.reporter.report("SEQ3012", arg.span, "`split` cuts the last axis, but this is a scalar.");
    return NONE;
  }
  const dims = typeof fractions === "number" ? cut(axis, fractions, span) : fractions;
  const total = dims.every((dim) => typeof dim.extent === "number")
    ? dims.reduce((sum, dim) => sum + Number(dim.extent), 0)
    : undefined;
  const odd = typeof fractions === "number" && typeof axis.extent === "number" && axis.extent % fractions !== 0;
  const known = total !== undefined && typeof axis.extent === "number";
  if (typeof axis.extent === "string" || (odd && !context.symbolic) || (known && !odd && total !== axis.extent)) {
    const cutInto =
      typeof fractions === "number" ? `${fractions} equal parts` : `parts of ${showAxes(dims, context.symbolic)}`;
    const message = `The last axis of ${nameOf(arg, "this")} is ${showDim(axis, context.symbolic)}, which does not make ${cutInto}.`;
    const related = [{ span: axis.span, message: `\`${axis.text}\` is fixed here` }];
    context.reporter.report("SEQ3012", span, message, { related });
    return NONE;
  }
  const leading = arg.type.axes.slice(0, -1);
  const type = arg.type;
  const call: Call = { kind: "split", arg, sizes: dims.map((dim) => Number(dim.extent)) };
  return {
    results: resultsOf(
      call,
      dims.map((dim) => ({ ...type, axes: [...leading, dim] })),
      span,
    ),
  };
}

/** Each part is a value of its own. */
const MOST_PARTS = 4096;

function equalParts(context: Context, expr: Expr): number | undefined {
  const count = context.check(context, expr);
  if (count.type.kind === "error") return undefined;
  const value = constantOf(count);
  if (value !== undefined && value > MOST_PARTS) {
    context.reporter.notCompiled(expr.span, `A split into ${value} parts, more than ${MOST_PARTS}, is`);
    return undefined;
  }
  if (value !== undefined && Number.isInteger(value) && value >= 1) return value;
  context.reporter.report("SEQ3012", expr.span, "The number of parts is a whole number known at compile time.");
  return undefined;
}

function listSizes(context: Context, list: ListExpr): readonly Dim[] | undefined {
  const dims = list.elements.map((element) => {
    const size = context.check(context, element);
    const value = constantOf(size);
    const { span } = element;
    if (value !== undefined && Number.isInteger(value) && value >= 1)
      return { extent: value, text: nameOf(size, "?").slice(1, -1), span };
    if (size.type.kind !== "error") {
      context.reporter.report("SEQ3012", span, "The size of a part is a whole number known at compile time.");
    }
    return undefined;
  });
  return dims.every((dim) => dim !== undefined) ? dims : undefined;
}

/** `4*H` in 4 parts is `H`, so that messages read as the text does. */
function cut(axis: Dim, parts: number, span: Span): readonly Dim[] {
  const exact = typeof axis.extent === "number" && axis.extent % parts === 0;
  const factor = new RegExp(`^${parts} ?\\* ?(\\w+)$`).exec(axis.text);
  const text = factor === null ? `${/^\w+$/.test(axis.text) ? axis.text : `(${axis.text})`}/${parts}` : factor[1];
  const extent = exact ? Number(axis.extent) / parts : undefined;
  return Array.from({ length: parts }, () => ({
    extent,
    text: exact && /^\d+$/.test(axis.text) ? String(extent) : text,
    span,
  }));
}

/** `head(hs)`: arguments with more axes than their input are mapped over; they share those axes. */
function applyLayer(context: Context, block: Block, args: readonly TypedExpr[], expr: CallExpr | ApplyExpr): Results {
  const { span } = expr;
  if (args.length !== block.inputs.length) {
    const message = `\`${expr.callee.name}\` takes ${counted(block.inputs.length, "input")}, here are ${args.length}.`;
    context.reporter.report("SEQ2010", span, message);
    return NONE;
  }
  if (block.outputs.length === 0) {
    context.reporter.report("SEQ3013", span, `The layer ${block.name} has no output.`);
    return NONE;
  }
  const match: Match = { lengths: new Map(), context };
  let mapped: readonly Dim[] = [];
  let sound = true;
  for (const [i, arg] of args.entries()) {
    const extra = matchPort(match, block.inputs[i], arg);
    if (extra === undefined) sound = false;
    else if (mapped.length === 0) mapped = extra;
    else if (extra.length > 0 && !sameAxes(mapped, extra)) {
      const [a, b] = [mapped, extra].map((axes) => showAxes(axes, context.symbolic));
      const related = disagreement(mapped, extra, context.symbolic);
      context.reporter.report(
        "SEQ3001",
        arg.span,
        `A layer maps over one set of leading axes, but here are ${a} and ${b}.`,
        { related },
      );
      sound = false;
    }
  }
  if (!sound) return NONE;
  const call: LayerCall = { kind: "layer", block, args, mapped, lengths: match.lengths };
  const types = block.outputs.map(({ value }) => substituteType(value.type, match.lengths));
  return {
    results: resultsOf(
      call,
      types.map((type) => (type.kind === "error" ? type : { ...type, axes: [...mapped, ...type.axes] })),
      span,
    ),
  };
}

function checkApply(context: Context, expr: ApplyExpr): Results {
  const { callee } = expr;
  const meaning = context.scope.lookup(callee.name, callee.span);
  const args = checkArguments(context, expr.arguments);
  if (meaning === undefined) {
    const message = `There is no instance \`${callee.name}\`.`;
    context.reporter.report("SEQ2001", callee.span, message, didYouMean(callee.name, context.scope.names()));
    return NONE;
  }
  if (meaning.kind === "error") return NONE;
  const instance = meaning.kind === "instance" ? meaning.instance : undefined;
  if (instance === undefined || (expr.scan !== "none" && instance.kind !== "cell")) {
    const help =
      instance !== undefined
        ? { help: `a layer maps over leading axes by itself: \`${callee.name}(xs)\`` }
        : meaning.kind === "declaration"
          ? { help: `make an instance first: \`use rnn = ${callee.name}(…)\`` }
          : {};
    const wanted = expr.scan === "none" ? "`chain` runs instances" : "`scan` runs an instance of a cell";
    const message = `${wanted}, but \`${callee.name}\` is ${describeMeaning(meaning)}.`;
    context.reporter.report(expr.scan === "none" ? "SEQ4008" : "SEQ4007", callee.span, message, help);
    return NONE;
  }
  if (context.within === "cell" && instance.kind === "cell") {
    context.reporter.report("SEQ4012", expr.span, `The cell \`${callee.name}\` is stepped inside a cell.`);
    return NONE;
  }
  if (expr.scan === "none" && instance.kind === "cell") {
    const help = `run them over a sequence: \`chain scan ${callee.name}(xs)\``;
    context.reporter.report(
      "SEQ4006",
      callee.span,
      `\`${callee.name}\` is ${describeMeaning(meaning)}, one time step.`,
      { help },
    );
    return NONE;
  }
  const once: Once = (block, inputs, prefix) =>
    expr.scan === "none" ? applyLayer(context, block, inputs, expr) : scanCell(context, block, inputs, expr, prefix);
  if (expr.chain) return checkChain(context, instance, args, expr, once);
  if (!instance.isArray) return once(instance.blocks[0], args, "");
  const message = `\`${callee.name}\` is several instances of the ${instance.kind} ${instance.declaration}.`;
  const help = `stack the scans: \`chain scan ${callee.name}(xs)\``;
  context.reporter.report("SEQ4009", callee.span, message, { help });
  return NONE;
}
