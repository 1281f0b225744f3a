/** @file What a block gives: outputs, losses and metrics. */

import type { AssignTarget, Expr, LossStatement, MetricStatement } from "../parser/ast.js";
import { checkExpr } from "./expressions.js";
import { wantBool, wantNumber } from "./operators.js";
import { readsOf } from "./reads.js";
import { type Reporter, sourceText } from "./report.js";
import { type Context, errorExpr } from "./scope.js";
import { sameAxes, showAxes } from "./sizes.js";
import type { Loss, Output, Step, TypedExpr } from "./typed.js";

/** An output by the name on its left side, or `primed` by the next value of the state of that name. */
export function checkOutput(
  context: Context,
  steps: readonly Step[],
  { name: { name }, span }: AssignTarget,
  primed: boolean,
  doc: string | undefined,
): Output {
  const value = checkExpr(context, { kind: "name", name, primed, span });
  const target = [...readsOf(value, steps)].find(({ kind }) => kind === "target");
  if (target !== undefined) {
    const message = `The output \`${name}\` depends on the target \`${target.name}\`, which is not given when the model is used.`;
    context.reporter.report("SEQ2019", span, message);
  }
  return { name, value, ...(doc === undefined ? {} : { doc }) };
}

/** Outputs, and metrics, are told apart by their names. */
export function refuseTwice(reporter: Reporter, outputs: readonly Output[]): void {
  for (const [i, { name, value }] of outputs.entries()) {
    const first = outputs.findIndex((other) => other.name === name);
    if (first === i) continue;
    const related = [{ span: outputs[first].value.span, message: "the first one" }];
    reporter.report("SEQ2002", value.span, `\`${name}\` is given a second time.`, { related });
  }
}

export function checkLoss(context: Context, statement: LossStatement): readonly Loss[] {
  const value = perStep(context, statement.value, "loss");
  if (statement.where === undefined) return [{ value }];
  const where = checkExpr(context, statement.where);
  if (!wantBool(context, where) || value.type.kind === "error" || where.type.kind === "error") return [];
  const [mask, shape] = [where.type.axes, value.type.axes];
  if (mask.length > 0 && shape.length > 0 && !sameAxes(mask, shape)) {
    const [given, wanted] = [mask, shape].map((axes) => showAxes(axes, context.symbolic));
    context.reporter.report("SEQ3001", where.span, `The mask is ${given}, but the loss is ${wanted}.`);
    return [];
  }
  return [{ value, where }];
}

/** A metric is named as given, else after the function that it calls. */
export function checkMetric(context: Context, statement: MetricStatement): readonly Output[] {
  const value = perStep(context, statement.value, "metric");
  const called = statement.value.kind === "call" ? statement.value.callee.name : undefined;
  const name = statement.name?.name ?? called;
  if (name !== undefined) return [{ name, value }];
  const help = `name it: \`metric m = ${sourceText(statement.value.span)}\``;
  context.reporter.report("SEQ2013", statement.span, "This metric has no name.", { help });
  return [];
}

/** A number for each step or example: an array with no axes but lengths. */
function perStep(context: Context, expr: Expr, what: string): TypedExpr {
  const value = checkExpr(context, expr);
  if (!wantNumber(context, value) || value.type.kind === "error") return errorExpr(expr.span);
  const size = value.type.axes.find((dim) => typeof dim.extent === "number");
  if (size === undefined) return value;
  const shape = showAxes(value.type.axes, context.symbolic);
  const message = `A ${what} is one number a step or an example, but this is ${shape}.`;
  const hasSteps = value.type.axes.some((dim) => typeof dim.extent !== "number");
  const help = hasSteps ? "give its mean at each step a name: `e[t] = mean[k](y[t, k])`" : "take its mean or sum";
  context.reporter.report("SEQ3018", expr.span, message, { help });
  return errorExpr(expr.span);
}
