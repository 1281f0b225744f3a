/**
 * @file A block made into a model whose forward graph can be pulled back: one step of a cell, with its states as inputs
 * and its next states as outputs; a layer or model as it is. All values that have a name are outputs of it.
 */

import { children } from "../check/reads.js";
import type {
  Binding,
  Block,
  Call,
  Index,
  Output,
  ScanCall,
  State,
  Type,
  TypedExpr,
  TypedModel,
} from "../check/typed.js";
import type { Span } from "../support/span.js";

const NOWHERE: Span = { file: { name: "", text: "" }, start: 0, end: 0 };

/** One step of a cell, without its start; the outputs are the values with names, then the next states and outputs. */
export function stepOf(block: Block): TypedModel {
  const named = [...block.prelude, ...block.steps].map(({ binding }) => outputOf(binding));
  return {
    ...block,
    kind: "model",
    source: "",
    span: NOWHERE,
    inputs: [...block.inputs, ...block.contexts, ...block.states.map((state) => state.binding)],
    contexts: [],
    states: [],
    outputs: [...named, ...block.states.map((state) => outputOf(state.next)), ...block.outputs],
  };
}

/** A layer or model with all of its named values as outputs. */
export function wholeOf(block: Block): TypedModel {
  const named = [...block.prelude, ...block.steps].map(({ binding }) => outputOf(binding));
  return { ...block, kind: "model", source: "", span: NOWHERE, outputs: [...named, ...block.outputs] };
}

/** What a cell computes before its first step: the starts of those states that declare one. */
export function startOf(block: Block): TypedModel | undefined {
  const starts = block.states.flatMap(({ binding, initial }: State): Output[] =>
    initial === undefined || initial.kind === "number" ? [] : [{ name: binding.name, value: initial }],
  );
  if (starts.length === 0) return undefined;
  const named = block.prelude.map(({ binding }) => outputOf(binding));
  return {
    ...block,
    kind: "model",
    source: "",
    span: NOWHERE,
    inputs: block.contexts,
    contexts: [],
    states: [],
    steps: [],
    outputs: [...named, ...starts],
  };
}

function outputOf(binding: Binding): Output {
  return { name: binding.name, value: { kind: "read", binding, type: binding.type, span: binding.span } };
}

function rootsOf(block: Block): readonly TypedExpr[] {
  return [
    ...[...block.prelude, ...block.steps].map((step) => step.value),
    ...block.losses.flatMap((loss) => (loss.where === undefined ? [loss.value] : [loss.value, loss.where])),
    ...block.outputs.map((output) => output.value),
  ];
}

/** Every expression of a block, those of the layers it calls not included. */
export function* expressionsOf(block: Block): Generator<TypedExpr> {
  const seen = new Set<TypedExpr>();
  const stack = [...rootsOf(block)].reverse();
  for (let expr = stack.pop(); expr !== undefined; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    yield expr;
    stack.push(...children(expr).toReversed());
  }
}

/** Whether nothing is left open: a block checked alone may have sizes that its samples do not make whole. */
export function isWhole(block: Block): boolean {
  const known = ({ type }: { readonly type: Type }) =>
    type.kind === "array" && type.axes.every(({ extent }) => extent !== undefined);
  const bindings = [...block.inputs, ...block.contexts, ...block.parameters, ...block.states.map((s) => s.binding)];
  const calls = new Set<Call>();
  for (const expr of expressionsOf(block)) {
    if (expr.kind === "error" || !known(expr)) return false;
    if (expr.kind === "result") calls.add(expr.call);
  }
  return bindings.every(known) && [...calls].every((call) => call.kind === "split" || isWhole(call.block));
}

/** The scans that a block runs, those of its layers included, in the order written. */
export function scansOf(block: Block): readonly ScanCall[] {
  const calls = new Set<Call>();
  for (const expr of expressionsOf(block)) if (expr.kind === "result") calls.add(expr.call);
  return [...calls].flatMap((call) => {
    if (call.kind === "layer") return scansOf(call.block);
    return call.kind === "scan" ? [call] : [];
  });
}

/** The indices that the statements of a block bind, in the order written. */
export function indicesOf(block: Block): readonly Index[] {
  const found = new Set<Index>();
  for (const expr of expressionsOf(block)) {
    if (expr.kind === "build") for (const index of expr.indices) found.add(index);
    if (expr.kind === "reduce" && expr.over !== "axes") for (const index of expr.over) found.add(index);
  }
  return [...found];
}
