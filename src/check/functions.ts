/** @file The functions of the language: one table with the typing rule of each. */

import type { Span } from "../support/span.js";
import { reductionHint } from "./hints.js";
import { agree, constantOf, pointwise, wantNumber } from "./operators.js";
import { counted, type Details } from "./report.js";
import { type Context, errorExpr } from "./scope.js";
import { arrayOf, disagreement, fixedHere, isLength, SCALAR, sameAxes, showAxes, showDim, showElem } from "./sizes.js";
import type { ArrayType, Dim, LossName, PointwiseName, ReduceName, TypedExpr } from "./typed.js";

interface Call {
  readonly context: Context;
  readonly name: string;
  readonly args: readonly TypedExpr[];
  readonly span: Span;
}

/** Arguments are checked and free of mistakes; their number lies within `arity`. */
interface FunctionRule {
  readonly arity: readonly [least: number, most: number];
  readonly rule: (call: Call) => TypedExpr;
}

const map = (op: PointwiseName, arity: number): FunctionRule => ({
  arity: [arity, arity],
  rule: ({ context, args, span }) => pointwise(context, op, args, span),
});

/** With one argument a reduction over all axes, with two the pointwise choice. */
const extremum = (op: "max" | "min"): FunctionRule => ({
  arity: [1, 2],
  rule: (call) => (call.args.length === 1 ? reduceAll(op, call) : pointwise(call.context, op, call.args, call.span)),
});

const reduction = (op: ReduceName): FunctionRule => ({ arity: [1, 1], rule: (call) => reduceAll(op, call) });
const loss = (op: LossName): FunctionRule => ({ arity: [2, 2], rule: (call) => lossRule(op, call) });

/** Whole numbers from real ones; sizes are made with them, so they are for compile time alone. */
const rounding = (round: (x: number) => number): FunctionRule => ({
  arity: [1, 1],
  rule: ({ context, name, args: [arg], span }) => {
    if (arg.kind === "number") return { ...arg, value: round(arg.value), span };
    context.reporter.report("SEQ3010", arg.span, `\`${name}\` takes a number known at compile time.`);
    return errorExpr(span);
  },
});

const table = {
  exp: map("exp", 1),
  log: map("log", 1),
  sqrt: map("sqrt", 1),
  abs: map("abs", 1),
  sign: map("sign", 1),
  sin: map("sin", 1),
  cos: map("cos", 1),
  tanh: map("tanh", 1),
  sigmoid: map("sigmoid", 1),
  relu: map("relu", 1),
  gelu: map("gelu", 1),
  silu: map("silu", 1),
  elu: map("elu", 1),
  softplus: map("softplus", 1),
  stop_gradient: map("stop_gradient", 1),
  clamp: map("clamp", 3),
  where: map("where", 3),
  max: extremum("max"),
  min: extremum("min"),
  sum: reduction("sum"),
  mean: reduction("mean"),
  logsumexp: reduction("logsumexp"),
  norm: reduction("norm"),
  softmax: reduction("softmax"),
  log_softmax: reduction("log_softmax"),
  ceil: rounding(Math.ceil),
  floor: rounding(Math.floor),
  round: rounding(Math.round),
  cross_entropy: loss("cross_entropy"),
  accuracy: loss("accuracy"),
  binary_cross_entropy: loss("binary_cross_entropy"),
  mse: loss("mse"),
  mae: loss("mae"),
  huber: loss("huber"),
  concat: { arity: [1, Number.POSITIVE_INFINITY], rule: concatRule },
  one_hot: { arity: [1, 2], rule: oneHotRule },
  dropout: { arity: [2, 2], rule: dropoutRule },
} as const satisfies Record<string, FunctionRule>;

const rules: ReadonlyMap<string, FunctionRule> = new Map(Object.entries(table));

/** `split` has several values, so calls.ts types it; it is a function to everybody else. */
export const functionNames: readonly string[] = [...rules.keys(), "split"];

const reductions: ReadonlySet<string> = new Set<ReduceName>([
  "sum",
  "mean",
  "max",
  "min",
  "logsumexp",
  "norm",
  "softmax",
  "log_softmax",
]);

/** Whether `name[n](…)` is a reduction over named indices. */
export function isReduction(name: string): name is ReduceName {
  return reductions.has(name);
}

/** Softmax and its logarithm keep the indices they run over. */
export function keepsIndices(op: ReduceName): boolean {
  return op === "softmax" || op === "log_softmax";
}

/** Types a call of a function of the language other than `split`. */
export function callFunction(call: Call): TypedExpr {
  const rule = rules.get(call.name);
  if (rule === undefined) return errorExpr(call.span);
  const [least, most] = rule.arity;
  const given = call.args.length;
  if (given < least || given > most) {
    const wanted = least === most ? counted(least, "argument") : `${least} to ${most} arguments`;
    const message = `\`${call.name}\` takes ${wanted}, here are ${given}.`;
    call.context.reporter.report("SEQ2010", call.span, message, axisHelp(call.context, call.name, call.args));
    return errorExpr(call.span);
  }
  if (call.args.some((arg) => arg.type.kind === "error")) return errorExpr(call.span);
  return rule.rule(call);
}

/** How a reduction names its axis, where one is given by its number: `softmax(x, dim = 1)`, `mean(x, 0)`. */
export function axisHelp(context: Context, name: string, args: readonly TypedExpr[]): Details {
  const [arg, axis] = args;
  const at = axis === undefined ? undefined : constantOf(axis);
  if (!isReduction(name) || args.length !== 2 || at === undefined) return {};
  const hint = reductionHint(context, name, keepsIndices(name), arg, at);
  return hint === undefined ? {} : { help: `an axis is named by an index: \`${hint}\`` };
}

function axesOf(expr: TypedExpr): readonly Dim[] {
  return expr.type.kind === "array" ? expr.type.axes : [];
}

function reduceAll(op: ReduceName, { context, name, args: [arg], span }: Call): TypedExpr {
  if (!wantNumber(context, arg)) return errorExpr(span);
  if (axesOf(arg).length === 0) {
    context.reporter.report("SEQ3003", arg.span, `\`${name}\` runs over the axes of an array, but this is a scalar.`);
    return errorExpr(span);
  }
  return { kind: "reduce", op, over: "axes", arg, type: keepsIndices(op) ? arg.type : SCALAR, span };
}

function lossRule(op: LossName, call: Call): TypedExpr {
  const { context, args, span } = call;
  const [prediction, target] = args;
  if (!wantNumber(context, prediction)) return errorExpr(span);
  if (op === "cross_entropy" || op === "accuracy") return classRule(op, call);
  const elem = target.type.kind === "array" ? target.type.elem : undefined;
  if (op === "binary_cross_entropy" ? elem?.kind === "id" : elem?.kind !== "f32") {
    context.reporter.report(
      "SEQ3008",
      target.span,
      `\`${op}\` compares with numbers, but this holds ${showElem(elem!)}.`,
    );
    return errorExpr(span);
  }
  const axes = agree(context, [prediction, target], span);
  if (axes === undefined) return errorExpr(span);
  // Axes that are sizes are averaged over; an axis of steps stays, for the loss to be normalised over the real steps.
  const kept = op === "binary_cross_entropy" ? axes : axes.filter(isLength);
  return { kind: "loss", op, args: [prediction, target], type: arrayOf(kept), span };
}

/** Logits with one more axis, the classes, than the ids they are compared with. */
function classRule(op: LossName, { context, args: [logits, target], span }: Call): TypedExpr {
  const type = target.type as ArrayType;
  if (type.elem.kind !== "id") {
    const message = `\`${op}\` compares with ids, but this holds ${showElem(type.elem)}.`;
    context.reporter.report("SEQ3008", target.span, message, { help: "declare it as `id(V)`" });
    return errorExpr(span);
  }
  const wanted = [...type.axes, type.elem.count];
  if (!sameAxes(axesOf(logits), wanted)) {
    const shown = (axes: readonly Dim[]) => showAxes(axes, context.symbolic);
    context.reporter.report(
      "SEQ3001",
      span,
      `\`${op}\` wants logits of shape ${shown(wanted)} for this target, but they are ${shown(axesOf(logits))}.`,
      { related: disagreement(axesOf(logits), wanted, context.symbolic) },
    );
    return errorExpr(span);
  }
  return { kind: "loss", op, args: [logits, target], type: arrayOf(type.axes), span };
}

function concatRule({ context, args, span }: Call): TypedExpr {
  if (!args.every((arg) => wantNumber(context, arg))) return errorExpr(span);
  const first = axesOf(args[0]);
  for (const arg of args) {
    const axes = axesOf(arg);
    if (axes.length > 0 && sameAxes(axes.slice(0, -1), first.slice(0, -1))) continue;
    const shown = `${showAxes(first, context.symbolic)} and ${showAxes(axes, context.symbolic)}`;
    const related = disagreement(first.slice(0, -1), axes.slice(0, -1), context.symbolic);
    context.reporter.report("SEQ3001", arg.span, `\`concat\` joins last axes; ${shown} differ before it.`, { related });
    return errorExpr(span);
  }
  const lasts = args.map((arg) => axesOf(arg).at(-1)!);
  const long = args.find((arg) => isLength(axesOf(arg).at(-1)!));
  if (long !== undefined) {
    const axes = showAxes(axesOf(long), context.symbolic);
    const message = `\`concat\` joins axes of known size, but this is ${axes}, with a length at the end.`;
    const help = { help: "what comes before a sequence is said with indices: `x[t - 1] else first`" };
    context.reporter.report("SEQ3010", long.span, message, help);
    return errorExpr(span);
  }
  const known = lasts.every((dim) => typeof dim.extent === "number");
  const extent = known ? lasts.reduce((sum, dim) => sum + Number(dim.extent), 0) : undefined;
  const joined: Dim = { extent, text: lasts.map((dim) => dim.text).join(" + "), span };
  return { kind: "concat", args, type: arrayOf([...first.slice(0, -1), joined]), span };
}

function dropoutRule({ context, args: [arg, rate], span }: Call): TypedExpr {
  if (!wantNumber(context, arg)) return errorExpr(span);
  const p = constantOf(rate);
  if (p === undefined) {
    context.reporter.report("SEQ3010", rate.span, "`dropout` takes a probability known at compile time.");
    return errorExpr(span);
  }
  if (!(p >= 0 && p < 1)) {
    context.reporter.report("SEQ3023", rate.span, `\`dropout\` takes a probability from 0 to below 1, not ${p}.`);
    return errorExpr(span);
  }
  return { kind: "dropout", arg, rate: p, type: arg.type, span };
}

function oneHotRule({ context, args: [arg, size], span }: Call): TypedExpr {
  const type = arg.type as ArrayType;
  if (type.elem.kind !== "id") {
    context.reporter.report("SEQ3008", arg.span, `\`one_hot\` takes ids, but this holds ${showElem(type.elem)}.`);
    return errorExpr(span);
  }
  const classes = type.elem.count;
  const count = classes.extent;
  if (typeof count !== "number") return errorExpr(span);
  if (size !== undefined && (size.kind !== "number" || size.value !== count)) {
    const message = `The ids are of ${showElem(type.elem)}, so \`one_hot\` makes ${showDim(classes, context.symbolic)} numbers of each.`;
    context.reporter.report("SEQ3019", size.span, message, { related: [fixedHere(classes, context.symbolic)] });
    return errorExpr(span);
  }
  return { kind: "one_hot", arg, count, type: arrayOf([...type.axes, classes]), span };
}
