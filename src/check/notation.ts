/** @file Index notation: what an index ranges over, and which element a list of subscripts reads. */

import type { Expr, Ident, IndexBinder, IndexExpr, ReduceExpr } from "../parser/ast.js";
import { isReduction, keepsIndices } from "./functions.js";
import { constantOf, nameOf, wantNumber } from "./operators.js";
import { sourceText } from "./report.js";
import { type Context, errorExpr, type Meaning, withNames } from "./scope.js";
import { fixedHere, isLength, SCALAR, sameAxes, sameDim, sameElem, showAxes, showDim, showElem } from "./sizes.js";
import type { Affine, ArrayType, Dim, Elem, Index, Subscript, TypedExpr } from "./typed.js";

/** Reads an extent; handed in, as sizes are themselves expressions. */
export type SizeOf = (context: Context, expr: Expr) => Dim;

/** Binds indices for the expressions `within`; `declared` are the axes of the left side where those are known. */
export function bindIndices(
  context: Context,
  binders: readonly { readonly name: Ident; readonly extent?: Dim | undefined }[],
  within: readonly Expr[],
  declared: readonly Dim[] = [],
): { readonly indices: readonly Index[]; readonly context: Context } {
  const locals = new Map<string, Meaning>();
  const indices = binders.map(({ name, extent }, position): Index => {
    refuseTaken(context, name, locals);
    const found = extent ?? declared[position] ?? inferExtent(context, name.name, within);
    if (found === undefined) {
      const message = `Nothing says what the index \`${name.name}\` ranges over.`;
      context.reporter.report("SEQ3005", name.span, message, {
        help: `give it where it is bound: \`${name.name}: N\``,
      });
    }
    const unknown: Dim = { extent: undefined, text: name.name, span: name.span };
    const index = { name: name.name, extent: found ?? unknown, span: name.span };
    locals.set(name.name, { kind: "value", expr: { kind: "index", index, type: SCALAR, span: name.span } });
    return index;
  });
  return { indices, context: { ...context, scope: withNames(context.scope, locals) } };
}

/** An index is local to its statement and has a name of its own. */
function refuseTaken(context: Context, name: Ident, locals: ReadonlyMap<string, Meaning>): void {
  const taken = withNames(context.scope, locals).taken(name.name);
  if (taken === undefined) return;
  const related = [{ span: taken.span, message: taken.isIndex ? "bound here" : "the name in scope" }];
  if (taken.isIndex)
    context.reporter.report("SEQ2009", name.span, `The index \`${name.name}\` is bound already.`, { related });
  else {
    const message = `The index \`${name.name}\` has the name of a value or size in scope.`;
    context.reporter.report("SEQ2008", name.span, message, { related });
  }
}

/** The axis on which the index stands alone, else the one along which it shifts. */
function inferExtent(context: Context, name: string, within: readonly Expr[]): Dim | undefined {
  let shifted: Dim | undefined;
  let reversed: Dim | undefined;
  let mistaken: Dim | undefined;
  const visit = (expr: Expr): Dim | undefined => {
    // What could not be read may have said it, and the mistake has been told.
    if (expr.kind === "error") mistaken ??= { extent: undefined, text: name, span: expr.span };
    if (expr.kind === "index") {
      for (const [position, subscript] of expr.indices.entries()) {
        const alone = subscript.kind === "name" && subscript.name === name;
        const sign = alone ? 1 : signOf(subscript, name);
        if (sign === 0) continue;
        const base = context.check(context, expr.base);
        // Of a mistaken array nothing is known, and the mistake has been told.
        const unknown: Dim = { extent: undefined, text: name, span: subscript.span };
        const axis = base.type.kind === "array" ? base.type.axes[position] : unknown;
        if (alone && axis !== undefined) return axis;
        if (sign > 0) shifted ??= axis;
        else reversed ??= axis;
      }
    }
    for (const child of childrenOf(expr)) {
      const found = visit(child);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const expr of within) {
    const found = visit(expr);
    if (found !== undefined) return found;
  }
  return shifted ?? reversed ?? mistaken;
}

/** 1 where the index is added, by itself, to the rest of the subscript (`t` in `t - k`), −1 where it is taken away. */
function signOf(subscript: Expr, name: string): number {
  if (subscript.kind === "name") return subscript.name === name ? 1 : 0;
  if (subscript.kind !== "binary") return 0;
  const [left, right] = [signOf(subscript.left, name), signOf(subscript.right, name)];
  if (subscript.operator === "+") return left || right;
  return subscript.operator === "-" ? left || -right : 0;
}

/** The expressions directly inside, except those of a record. */
function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "number":
    case "name":
    case "path":
    case "error":
      return [];
    case "unary":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "call":
      return expr.arguments.map((argument) => argument.value);
    case "apply":
      return expr.arguments.map((argument) => argument.value);
    case "index":
      return expr.otherwise === undefined ? expr.indices : [...expr.indices, expr.otherwise];
    case "reduce":
      return [expr.argument];
    case "list":
      return expr.elements;
  }
}

/** The left side of a definition in index notation: an array with one axis an index. */
export function checkBuild(
  context: Context,
  binders: readonly IndexBinder[],
  value: Expr,
  sizeOf: SizeOf,
  declared: readonly Dim[] = [],
): TypedExpr {
  const bound = bindIndices(
    context,
    binders.map(({ name, extent }) => ({ name, extent: extent && sizeOf(context, extent) })),
    [value],
    declared,
  );
  const body = context.check(bound.context, value);
  if (body.type.kind === "error") return errorExpr(value.span);
  const type = { ...body.type, axes: [...bound.indices.map((index) => index.extent), ...body.type.axes] };
  return { kind: "build", indices: bound.indices, body, type, span: value.span };
}

/** `sum[n](e)` */
export function checkReduce(context: Context, expr: ReduceExpr, sizeOf: SizeOf): TypedExpr {
  const { span } = expr;
  const op = expr.function.name;
  if (!isReduction(op)) {
    const message = `\`${op}\` does not run over indices.`;
    context.reporter.report("SEQ2003", expr.function.span, message, {
      help: "those that do are sum, mean, max, min, logsumexp, norm, softmax and log_softmax",
    });
    return errorExpr(span);
  }
  if (keepsIndices(op)) {
    const over = expr.indices.flatMap(({ name }) => outerIndex(context, name, op));
    const named = expr.indices.filter(({ name }) => !over.some((index) => index.name === name.name));
    const unbound = new Map(named.map(({ name }) => [name.name, { kind: "error" } as const]));
    const arg = context.check({ ...context, scope: withNames(context.scope, unbound) }, expr.argument);
    if (!wantNumber(context, arg) || over.length < expr.indices.length) return errorExpr(span);
    return { kind: "reduce", op, over, arg, type: arg.type, span };
  }
  const bound = bindIndices(
    context,
    expr.indices.map(({ name, extent }) => ({ name, extent: extent && sizeOf(context, extent) })),
    [expr.argument],
  );
  const arg = context.check(bound.context, expr.argument);
  if (!wantNumber(context, arg)) return errorExpr(span);
  return { kind: "reduce", op, over: bound.indices, arg, type: arg.type, span };
}

function outerIndex(context: Context, name: Ident, op: string): Index[] {
  const meaning = context.scope.lookup(name.name, name.span);
  if (meaning?.kind === "value" && meaning.expr.kind === "index") return [meaning.expr.index];
  const message = `\`${op}[${name.name}]\` keeps its index, so the left side or a reduction around it has to bind \`${name.name}\`.`;
  context.reporter.report("SEQ3005", name.span, message);
  return [];
}

/** `x[t - k] else 0`, `E[token]`, `h[d, n]` */
export function checkElement(context: Context, expr: IndexExpr): TypedExpr {
  const { span } = expr;
  const base = context.check(context, expr.base);
  if (readsStep(context, expr, base)) return errorExpr(span);
  const subscripts = expr.indices.map((index) => context.check(context, index));
  const otherwise = expr.otherwise && context.check(context, expr.otherwise);
  if (base.type.kind === "error" || subscripts.some((s) => s.type.kind === "error")) return errorExpr(span);
  const { axes } = base.type;
  if (subscripts.length > axes.length) {
    const shape = axes.length === 0 ? "is a scalar" : axes.length === 1 ? "has 1 axis" : `has ${axes.length} axes`;
    const message = `${nameOf(base, "This")} ${shape} but is given ${subscripts.length === 1 ? "1 index" : `${subscripts.length} indices`}.`;
    context.reporter.report("SEQ3003", span, message);
    return errorExpr(span);
  }
  const read = subscripts.map((s, i) => checkSubscript(context, s, axes[i], base, expr));
  if (!read.every((s) => s !== undefined)) return errorExpr(span);
  const looked = read
    .flatMap((s) => (s.kind === "value" ? [(s.expr.type as ArrayType).axes] : []))
    .filter((a) => a.length > 0);
  if (looked.length > 0 && subscripts.length > 1) {
    const message = "An array of ids looks up along one axis; with several indices each is a single number.";
    context.reporter.report("SEQ3003", span, message);
    return errorExpr(span);
  }
  const type: ArrayType = { ...base.type, axes: [...(looked[0] ?? []), ...axes.slice(subscripts.length)] };
  if (otherwise === undefined) return { kind: "element", base, subscripts: read, type, span };
  if (otherwise.type.kind === "error") return errorExpr(span);
  if (!sameElem(otherwise.type.elem, type.elem) && !isIdOf(type.elem, constantOf(otherwise))) {
    const message = `After \`else\` stand ${showElem(otherwise.type.elem)}, but the array holds ${showElem(type.elem)}.`;
    const help = type.elem.kind === "id" ? { help: "a whole number stands for an id, such as 0" } : {};
    context.reporter.report("SEQ3008", otherwise.span, message, help);
    return errorExpr(span);
  }
  if (otherwise.type.axes.length > 0 && !sameAxes(otherwise.type.axes, type.axes)) {
    const [there, here] = [otherwise.type.axes, type.axes].map((a) => showAxes(a, context.symbolic));
    context.reporter.report(
      "SEQ3001",
      otherwise.span,
      `The value after \`else\` is ${there}, but the element is ${here}.`,
    );
    return errorExpr(span);
  }
  return { kind: "element", base, subscripts: read, otherwise, type, span };
}

/** What steps are called by those who index them. */
const stepNames: ReadonlySet<string> = new Set(["t", "step", "time"]);

/** `h[t - 1]` in a cell, which sees one step: reports the index of the step, which nothing binds. */
function readsStep({ reporter, scope, within }: Context, { base, indices }: IndexExpr, read: TypedExpr): boolean {
  const kind = read.kind === "read" ? read.binding.kind : undefined;
  if (within !== "cell" || base.kind !== "name" || (kind !== "state" && kind !== "next" && kind !== "input"))
    return false;
  const unbound = indices.flatMap(namesIn).find(({ name }) => stepNames.has(name) && !scope.names().includes(name));
  if (unbound === undefined) return false;
  const { name } = base;
  const help =
    kind === "input"
      ? `a cell is one step: write \`${name}\``
      : `a cell is one step: bare \`${name}\` is ${name} at t − 1, \`${name}'\` is ${name} at t`;
  reporter.report("SEQ2001", unbound.span, `Nothing here is called \`${unbound.name}\`.`, { help });
  return true;
}

function namesIn(expr: Expr): readonly Ident[] {
  return expr.kind === "name" ? [expr] : childrenOf(expr).flatMap(namesIn);
}

/** Whether a number known now is one of the ids of an element type. */
function isIdOf(elem: Elem, value: number | undefined): boolean {
  if (elem.kind !== "id" || value === undefined || !Number.isInteger(value)) return false;
  const { extent } = elem.count;
  return value >= 0 && (typeof extent !== "number" || value < extent);
}

function checkSubscript(
  context: Context,
  subscript: TypedExpr,
  axis: Dim,
  base: TypedExpr,
  element: IndexExpr,
): Subscript | undefined {
  const mayLeave = element.otherwise !== undefined;
  if (subscript.type.kind === "error") return undefined;
  const { elem } = subscript.type;
  if (elem.kind === "id") {
    if (sameDim(elem.count, axis)) return { kind: "value", expr: subscript };
    const related = [fixedHere(elem.count, context.symbolic), fixedHere(axis, context.symbolic)];
    const [ids, size] = [elem.count, axis].map((dim) => showDim(dim, context.symbolic));
    const message = `The ids range over ${ids} values, but this axis of ${nameOf(base, "the table")} has ${size}.`;
    context.reporter.report("SEQ3019", subscript.span, message, { related });
    return undefined;
  }
  const form = elem.kind === "f32" && subscript.type.axes.length === 0 ? affine(subscript) : undefined;
  if (form === undefined) {
    const message = `${nameOf(subscript, "This")} is neither a sum of indices with whole factors nor an id.`;
    context.reporter.report("SEQ3007", subscript.span, message);
    return undefined;
  }
  const [term] = form.terms;
  if (form.constant === 0 && form.terms.length === 1 && typeof term.of !== "string" && term.factor === 1) {
    if (sameDim(term.of.extent, axis)) return { kind: "index", index: term.of };
    if (!mayLeave) {
      const related = [fixedHere(term.of.extent, context.symbolic), fixedHere(axis, context.symbolic)];
      const [range, size] = [term.of.extent, axis].map((dim) => showDim(dim, context.symbolic));
      const message = `The index \`${term.of.name}\` ranges over ${range}, but this axis of ${nameOf(base, "the array")} is ${size}.`;
      const shorter = Number(term.of.extent.extent) < Number(axis.extent);
      const reads = shorter ? "the front of the axis" : "what there is, and 0 past the end of the axis";
      const help = `\`${sourceText(element.span)} else 0\` reads ${reads}`;
      context.reporter.report("SEQ3004", subscript.span, message, { related, help });
      return undefined;
    }
  }
  const runsOverLength = ({ of }: Affine["terms"][number]) => typeof of === "string" || isLength(of.extent);
  if (isLength(axis) && form.terms.some((t) => Math.abs(t.factor) !== 1 && runsOverLength(t))) {
    const message = `${nameOf(subscript, "This")} takes strides over the length \`${axis.text}\`.`;
    context.reporter.report("SEQ3022", subscript.span, message);
    return undefined;
  }
  if (!mayLeave && !staysInside(form, axis)) {
    const message = `${nameOf(subscript, "This")} can lie outside this axis of ${nameOf(base, "the array")}, which is ${showDim(axis, context.symbolic)}.`;
    context.reporter.report("SEQ3006", subscript.span, message, { help: outsideHelp(context, form, axis, element) });
    return undefined;
  }
  return { kind: "affine", form, span: subscript.span };
}

/** What to write where `form` can lie outside `axis`. */
function outsideHelp({ within }: Context, form: Affine, axis: Dim, { base, indices, span }: IndexExpr): string {
  if (form.terms.length === 0 && form.constant < 0 && indices.length === 1) {
    return `places count from 0; from the end that is \`${sourceText(base.span)}[${axis.text} - ${-form.constant}]\``;
  }
  const outside = `say what stands there: \`${sourceText(span)} else 0\``;
  const back = form.constant === -1 && form.terms.length === 1 && indices.length === 1;
  const state = within === "cell" && base.kind === "name" && !base.primed;
  return back && state ? `${outside}; the step before needs no index, it is what bare states are` : outside;
}

/** The expression as a sum of indices and lengths with whole factors, if it is one. */
function affine(expr: TypedExpr): Affine | undefined {
  if (expr.kind === "index") return { constant: 0, terms: [{ of: expr.index, factor: 1 }] };
  if (expr.kind === "length") return { constant: 0, terms: [{ of: expr.name, factor: 1 }] };
  if (expr.kind === "shared") return affine(expr.expr);
  if (expr.kind === "number") return Number.isInteger(expr.value) ? { constant: expr.value, terms: [] } : undefined;
  if (expr.kind !== "pointwise") return undefined;
  const [a, b] = expr.args.map(affine);
  if (a === undefined) return undefined;
  if (expr.op === "neg") return combine(a, -1, { constant: 0, terms: [] });
  if (b === undefined) return undefined;
  if (expr.op === "add") return combine(a, 1, b);
  if (expr.op === "sub") return combine(b, -1, a);
  if (expr.op !== "mul") return undefined;
  const [left, right] = expr.args.map(constantOf);
  if (left !== undefined) return combine(b, left, { constant: 0, terms: [] });
  return right === undefined ? undefined : combine(a, right, { constant: 0, terms: [] });
}

/** scale · a + b */
function combine(a: Affine, scale: number, b: Affine): Affine {
  const factors = new Map(b.terms.map(({ of, factor }) => [of, factor]));
  for (const { of, factor } of a.terms) factors.set(of, (factors.get(of) ?? 0) + scale * factor);
  const terms = [...factors].filter(([, factor]) => factor !== 0).map(([of, factor]) => ({ of, factor }));
  return { constant: scale * a.constant + b.constant, terms };
}

/** Proves 0 ≤ form < extent for all values of the indices and all lengths of at least 1. */
function staysInside(form: Affine, axis: Dim): boolean {
  if (axis.extent === undefined) return true;
  const one: Affine = { constant: 1, terms: [] };
  const size = sizeForm(axis);
  let [least, most]: Affine[] = [
    { constant: form.constant, terms: [] },
    { constant: form.constant, terms: [] },
  ];
  for (const { of, factor } of form.terms) {
    if (typeof of === "string") {
      const term = { constant: 0, terms: [{ of, factor }] };
      [least, most] = [combine(term, 1, least), combine(term, 1, most)];
      continue;
    }
    if (of.extent.extent === undefined) return true;
    const last = combine(one, -1, sizeForm(of.extent));
    if (factor > 0) most = combine(last, factor, most);
    else least = combine(last, factor, least);
  }
  return neverNegative(least) && neverNegative(combine(one, -1, combine(most, -1, size)));
}

function sizeForm(dim: Dim): Affine {
  if (typeof dim.extent === "string") return { constant: 0, terms: [{ of: dim.extent, factor: 1 }] };
  return { constant: dim.extent ?? 0, terms: [] };
}

function neverNegative(form: Affine): boolean {
  const least = form.terms.reduce((sum, { factor }) => sum + factor, form.constant);
  return form.terms.every(({ factor }) => factor >= 0) && least >= 0;
}
