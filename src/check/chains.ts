/** @file `chain`: the instances of an array one after another, each on what the one before gave. */

import type { ApplyExpr } from "../parser/ast.js";
import { NONE, type Results } from "./results.js";
import type { Context, Instance } from "./scope.js";
import { sameAxes, sameElem, showAxes } from "./sizes.js";
import type { Block, Type, TypedExpr } from "./typed.js";

/** Calls one instance; its last states stand in the record under `prefix`. */
export type Once = (block: Block, args: readonly TypedExpr[], prefix: string) => Results;

/** The first input goes through all instances, the others are given to each. */
export function checkChain(
  context: Context,
  instance: Instance,
  args: readonly TypedExpr[],
  expr: ApplyExpr,
  once: Once,
): Results {
  const { callee, span } = expr;
  if (!instance.isArray) {
    const help = `make several: \`use ${callee.name}[L] = ${instance.declaration}(…)\``;
    context.reporter.report("SEQ4008", callee.span, `\`${callee.name}\` is a single instance.`, { help });
    return NONE;
  }
  const last = new Map<string, TypedExpr>();
  const [given, ...others] = args;
  let through: readonly TypedExpr[] = given === undefined ? [] : [given];
  for (const [i, block] of instance.blocks.entries()) {
    const one = once(block, [...through, ...others], `${i}.`);
    for (const [name, state] of one.last ?? []) last.set(`${i}.${name}`, state);
    if (one.results.length === 0 && one.last === undefined) return NONE;
    if (one.results.length !== 1) {
      const message = `\`chain\` feeds on one output, but ${instance.declaration} has ${one.results.length}.`;
      context.reporter.report("SEQ3017", span, message);
      return NONE;
    }
    if (!sameType(given.type, one.results[0].type)) {
      const [before, after] = [given, one.results[0]].map(({ type }) => show(context, type));
      const message = `${instance.declaration} makes ${after} of ${before}, so its instances do not follow one another.`;
      context.reporter.report("SEQ3017", span, message);
      return NONE;
    }
    through = one.results;
  }
  return expr.scan === "none" ? { results: through } : { results: through, last };
}

function sameType(a: Type, b: Type): boolean {
  if (a.kind === "error" || b.kind === "error") return true;
  return sameAxes(a.axes, b.axes) && sameElem(a.elem, b.elem);
}

function show(context: Context, type: Type): string {
  return type.kind === "error" ? "?" : showAxes(type.axes, context.symbolic);
}
