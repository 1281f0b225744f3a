/** @file What a call gives when it may have several values. */

import type { Span } from "../support/span.js";
import { errorExpr } from "./scope.js";
import type { Call, Type, TypedExpr } from "./typed.js";

/** The values, and the last states of a scan. Neither: a mistake was reported. */
export interface Results {
  readonly results: readonly TypedExpr[];
  readonly last?: ReadonlyMap<string, TypedExpr>;
}

export const NONE: Results = { results: [] };

/** Gives every result of a call its type. */
export function resultsOf(call: Call, types: readonly Type[], span: Span): readonly TypedExpr[] {
  return types.map((type, at) => (type.kind === "error" ? errorExpr(span) : { kind: "result", call, at, type, span }));
}
