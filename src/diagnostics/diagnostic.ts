/** @file The shape of everything the compiler says to a user about their text. */

import type { Span } from "../support/span.js";
import type { DiagnosticCode } from "./catalogue.js";

export interface RelatedSpan {
  readonly span: Span;
  /** What stands there: "`H` is fixed here as 64". */
  readonly message: string;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: "error" | "warning";
  /** One plain sentence, with its capital and its full stop; what is related and what helps have neither. */
  readonly message: string;
  readonly span: Span;
  readonly related: readonly RelatedSpan[];
  /** What to do, where it is known: "did you mean `W_hh`?" */
  readonly help?: string;
}

/** A diagnostic at `span`; an error without related spans or help unless said otherwise. */
export function diagnostic(
  code: DiagnosticCode,
  span: Span,
  message: string,
  more: Partial<Pick<Diagnostic, "related" | "help" | "severity">> = {},
): Diagnostic {
  return { code, severity: "error", message, span, related: [], ...more };
}
