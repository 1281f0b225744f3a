/** @file Fits arguments to the inputs of a block, and finds what the block's lengths are at this call. */

import type { RelatedSpan } from "../diagnostics/diagnostic.js";
import { nameOf } from "./operators.js";
import type { Context } from "./scope.js";
import { fixedHere, sameDim, sameElem, showAxes, showElem, substitute } from "./sizes.js";
import type { Binding, Dim, TypedExpr } from "./typed.js";

export interface Match {
  readonly context: Context;
  /** Grows as arguments fix the block's lengths. */
  readonly lengths: Map<string, Dim>;
}

/** The leading axes that the argument has more than the port; undefined after a mistake. */
export function matchPort(match: Match, port: Binding, arg: TypedExpr): readonly Dim[] | undefined {
  const { context, lengths } = match;
  if (port.type.kind === "error" || arg.type.kind === "error") return undefined;
  const extra = arg.type.axes.length - port.type.axes.length;
  const axes = arg.type.axes.slice(Math.max(extra, 0));
  const related: RelatedSpan[] = [];
  for (const [i, dim] of port.type.axes.entries()) {
    if (extra < 0) break;
    if (typeof dim.extent === "string" && !lengths.has(dim.extent)) lengths.set(dim.extent, axes[i]);
    else if (!sameDim(substitute(dim, lengths), axes[i])) {
      related.push(fixedHere(axes[i], context.symbolic), fixedHere(dim, context.symbolic));
      break;
    }
  }
  if (extra < 0 || related.length > 0) {
    const [given, wanted] = [arg.type.axes, port.type.axes].map((a) => showAxes(a, context.symbolic));
    const message = `${nameOf(arg, "The argument")} is ${given}, but the ${port.kind} \`${port.name}\` is ${wanted}.`;
    const declared = { span: port.span, message: `\`${port.name}\` is declared here` };
    context.reporter.report("SEQ3016", arg.span, message, { related: related.length > 0 ? related : [declared] });
    return undefined;
  }
  if (!sameElem(port.type.elem, arg.type.elem)) {
    const [given, wanted] = [arg.type.elem, port.type.elem].map(showElem);
    const message = `${nameOf(arg, "The argument")} holds ${given}, but the ${port.kind} \`${port.name}\` takes ${wanted}.`;
    const related = [{ span: port.span, message: `\`${port.name}\` is declared here` }];
    context.reporter.report("SEQ3008", arg.span, message, { related });
    return undefined;
  }
  return arg.type.axes.slice(0, extra);
}
