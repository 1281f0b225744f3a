/** @file Which bindings a typed expression depends on, through the steps that define them. */

import { substitute } from "./sizes.js";
import type { Binding, Block, Call, Dim, Step, TypedExpr } from "./typed.js";

/** The bindings read directly or through values. */
export function readsOf(expr: TypedExpr, steps: readonly Step[]): ReadonlySet<Binding> {
  const defined = new Map(steps.map((step) => [step.binding, step.value]));
  const seen = new Set<Binding>();
  const calls = new Set<Call>();
  const visit = (e: TypedExpr): void => {
    if (e.kind === "read" && !seen.has(e.binding)) {
      seen.add(e.binding);
      const value = defined.get(e.binding);
      if (value !== undefined) visit(value);
    }
    if (e.kind === "result") {
      if (calls.has(e.call)) return;
      calls.add(e.call);
    }
    for (const child of children(e)) visit(child);
  };
  visit(expr);
  return seen;
}

/** The axes over which a block scans, as written in it or handed on to the layers it calls. */
export function scannedAxes(block: Block): readonly Dim[] {
  const roots = [
    ...[...block.prelude, ...block.steps].map((step) => step.value),
    ...[...block.outputs, ...block.losses, ...block.metrics].map((result) => result.value),
  ];
  const calls = new Set<Call>();
  const visit = (expr: TypedExpr): void => {
    if (expr.kind === "result" && !calls.has(expr.call)) calls.add(expr.call);
    for (const child of children(expr)) visit(child);
  };
  for (const root of roots) visit(root);
  return [...calls].flatMap((call) => {
    if (call.kind === "scan") return [call.steps];
    return call.kind === "layer" ? scannedAxes(call.block).map((dim) => substitute(dim, call.lengths)) : [];
  });
}

/** Sets apart the steps that depend on no input and no state. */
export function partition(steps: readonly Step[]): Pick<Block, "prelude" | "steps"> {
  const moves = ({ binding, value }: Step) =>
    binding.kind === "next" ||
    [...readsOf(value, steps)].some(({ kind }) => kind === "input" || kind === "state" || kind === "next");
  const moving = new Set(steps.filter(moves));
  return { prelude: steps.filter((step) => !moving.has(step)), steps: steps.filter((step) => moving.has(step)) };
}

/** The expressions that an expression is made of. */
export function children(expr: TypedExpr): readonly TypedExpr[] {
  switch (expr.kind) {
    case "error":
    case "number":
    case "length":
    case "index":
    case "read":
      return [];
    case "shared":
      return [expr.expr];
    case "pointwise":
    case "loss":
    case "concat":
      return expr.args;
    case "matmul":
      return [expr.left, expr.right];
    case "reduce":
    case "dropout":
    case "one_hot":
      return [expr.arg];
    case "build":
      return [expr.body];
    case "element": {
      const looked = expr.subscripts.flatMap((s) => (s.kind === "value" ? [s.expr] : []));
      return [expr.base, ...looked, ...(expr.otherwise === undefined ? [] : [expr.otherwise])];
    }
    case "result":
      return callArguments(expr.call);
  }
}

function callArguments(call: Call): readonly TypedExpr[] {
  if (call.kind === "split") return [call.arg];
  return call.kind === "layer" ? call.args : [...call.args, ...call.contexts, ...call.from.values()];
}
