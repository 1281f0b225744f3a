/** @file The one table of all diagnostic codes. A code keeps its meaning for good; a new mistake gets a new code. */

import { differentiation } from "./codes/differentiation.js";
import { internal } from "./codes/internal.js";
import { names } from "./codes/names.js";
import { recurrence } from "./codes/recurrence.js";
import { shapes } from "./codes/shapes.js";
import { syntax } from "./codes/syntax.js";

export const catalogue = {
  ...syntax,
  ...names,
  ...shapes,
  ...recurrence,
  ...differentiation,
  ...internal,
} as const;

/** `SEQ1001`, … */
export type DiagnosticCode = keyof typeof catalogue;

export function isDiagnosticCode(text: string): text is DiagnosticCode {
  return Object.hasOwn(catalogue, text);
}
