/** @file Which bindings a typed expression depends on, through the steps that define them. */

import { substitute } from "./sizes.js";
import type { Binding, Block, Call, Dim, Step, TypedExpr } from "./typed.js";

/** The bindings read directly or through values. A chain of definitions may be longer than the stack is deep. */
export function readsOf(expr: TypedExpr, steps: readonly Step[]): ReadonlySet<Binding> {
  const defined = new Map(steps.map((step) => [step.binding, step.value]));
  const seen = new Set<Binding>();
  const calls = new Set<Call>();
  const waiting = [expr];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const binding of directReads(next, calls)) {
      if (seen.has(binding)) continue;
      seen.add(binding);
      const value = defined.get(binding);
      if (value !== undefined) waiting.push(value);
    }
  }
  return seen;
}

/** The bindings that stand in an expression. Results of `calls`, which grow, are left out: they were looked into before. */
function directReads(expr: TypedExpr, calls: Set<Call>): readonly Binding[] {
  if (expr.kind === "read") return [expr.binding];
  if (expr.kind === "result") {
    if (calls.has(expr.call)) return [];
    calls.add(expr.call);
  }
  return children(expr).flatMap((child) => directReads(child, calls));
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

/** Sets apart the steps that depend on no input and no state. Each reads only steps before it. */
export function partition(steps: readonly Step[]): Pick<Block, "prelude" | "steps"> {
  const moving = new Set<Binding>();
  const moves = (binding: Binding) => ["input", "state", "next"].includes(binding.kind) || moving.has(binding);
  const prelude: Step[] = [];
  const rest: Step[] = [];
  for (const step of steps) {
    const early = !moves(step.binding) && !directReads(step.value, new Set()).some(moves);
    if (!early) moving.add(step.binding);
    (early ? prelude : rest).push(step);
  }
  return { prelude, steps: rest };
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
