/** @file Values with a declared type: parameters, and what consts, states and next values have to fit. */

import type { Ident, ParamStatement } from "../parser/ast.js";
import { checkInit } from "./initialisers.js";
import type { Reporter } from "./report.js";
import { type Context, errorExpr } from "./scope.js";
import { disagreement, elementsOf, isLength, MOST_ELEMENTS, sameAxes, sameElem, showAxes, showElem } from "./sizes.js";
import type { ArrayType, Binding, Parameter, Step, TypedExpr } from "./typed.js";

/** `path` is that of the block it belongs to. */
export function checkParameter(context: Context, statement: ParamStatement, type: ArrayType, path: string): Parameter {
  const { name, indices, init, frozen, noDecay, span, doc } = statement;
  const length = type.axes.find(isLength);
  if (length !== undefined) {
    const message = `The size of a parameter is known at compile time; \`${length.text}\` is a length.`;
    context.reporter.report("SEQ3010", length.span, message);
  }
  if (type.elem.kind !== "f32") {
    context.reporter.report("SEQ3008", span, `The parameter \`${name.name}\` has to hold numbers.`);
  }
  if (indices.length > 0 && indices.length !== type.axes.length) {
    const given = indices.length === 1 ? "1 index" : `${indices.length} indices`;
    const message = `\`${name.name}\` has ${given} on the left but the shape ${showAxes(type.axes, true)}.`;
    context.reporter.report("SEQ3003", span, message);
  }
  if (init === undefined) {
    const help = "write `~ kaiming_uniform`, `~ zeros` or another after its shape";
    context.reporter.report("SEQ2013", span, `Nothing says how the parameter \`${name.name}\` starts.`, { help });
  }
  const start = init && checkInit(context, indices, type.axes, init);
  return {
    kind: "param",
    name: name.name,
    type,
    span: name.span,
    ...(doc === undefined ? {} : { doc }),
    path: path === "" ? name.name : `${path}.${name.name}`,
    init: start ?? { kind: "expression", expr: { op: "number", value: 0 } },
    frozen,
    noDecay,
  };
}

/** Whether the array `name` has more elements than can be addressed, with a diagnostic. A sample of a size says nothing. */
export function refuseLarge({ reporter, symbolic }: Context, name: Ident, { axes }: ArrayType): boolean {
  const elements = elementsOf(axes);
  if (symbolic || elements <= MOST_ELEMENTS) return false;
  const message = `\`${name.name}\` is ${showAxes(axes, symbolic)}, ${elements} elements, more than ${MOST_ELEMENTS}.`;
  reporter.report("SEQ3025", name.span, message);
  return true;
}

/** A kernel is made by recursion along what is computed in it. */
const MOST_STEPS = 500;

export function refuseLong(reporter: Reporter, { name, span }: Ident, { length }: readonly Step[]): void {
  if (length <= MOST_STEPS) return;
  reporter.notCompiled(span, `\`${name}\`, which defines ${length} values, more than ${MOST_STEPS}, is`);
}

/** The value, if it has the declared type. */
export function checkFit(context: Context, value: TypedExpr, type: ArrayType, binding: Binding): TypedExpr {
  if (value.type.kind === "error") return value;
  const what = binding.kind === "next" ? `the state \`${binding.name.slice(0, -1)}\`` : `\`${binding.name}\``;
  if (!sameAxes(value.type.axes, type.axes)) {
    const [given, wanted] = [value.type.axes, type.axes].map((axes) => showAxes(axes, context.symbolic));
    const related = disagreement(value.type.axes, type.axes, context.symbolic);
    context.reporter.report("SEQ3016", value.span, `The value is ${given}, but ${what} is ${wanted}.`, { related });
    return errorExpr(value.span);
  }
  if (!sameElem(value.type.elem, type.elem)) {
    const message = `The value holds ${showElem(value.type.elem)}, but ${what} holds ${showElem(type.elem)}.`;
    context.reporter.report("SEQ3008", value.span, message);
    return errorExpr(value.span);
  }
  return value;
}
