/** @file Collects what the checker finds; the same mistake seen in several instances of a declaration is told once. */

import type { DiagnosticCode } from "../diagnostics/catalogue.js";
import type { Diagnostic, RelatedSpan } from "../diagnostics/diagnostic.js";
import { suggest } from "../diagnostics/suggest.js";
import type { Span } from "../support/span.js";

export interface Details {
  readonly related?: readonly RelatedSpan[];
  readonly help?: string;
  readonly severity?: "error" | "warning";
}

export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  readonly #pending: Pick<Diagnostic, "code" | "span" | "message">[] = [];
  #errors = 0;

  /** Mistakes met so far, repeated ones included: an instance is sound if this did not grow while it was checked. */
  get errors(): number {
    return this.#errors;
  }

  /** A code is told once a place: other instances differ in nothing but the numbers. */
  report(code: DiagnosticCode, span: Span, message: string, details: Details = {}): void {
    const severity = details.severity ?? "error";
    if (severity === "error") this.#errors++;
    const key = `${code} ${span.file.name} ${span.start} ${span.end}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const help = details.help === undefined ? {} : { help: details.help };
    this.diagnostics.push({ code, severity, message, span, related: details.related ?? [], ...help });
  }

  /** A warning that is told at the end, if there are no errors by then. */
  warnIfSound(code: DiagnosticCode, span: Span, message: string): void {
    this.#pending.push({ code, span, message });
  }

  /** To be called once everything is checked. */
  finish(): readonly Diagnostic[] {
    if (!this.diagnostics.some(({ severity }) => severity === "error")) {
      for (const { code, span, message } of this.#pending) this.report(code, span, message, { severity: "warning" });
    }
    return this.diagnostics;
  }

  /** Takes in what the parser found. */
  add(diagnostics: readonly Diagnostic[]): void {
    this.diagnostics.push(...diagnostics);
  }

  notCompiled(span: Span, what: string): void {
    this.report("SEQ9002", span, `${what} not compiled yet.`);
  }
}

/** A help line with the nearest of `known`, if one is near. */
export function didYouMean(name: string, known: Iterable<string>): Details {
  const near = suggest(name, known);
  return near === undefined ? {} : { help: `did you mean \`${near}\`?` };
}

/** `1 argument`, `2 arguments`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

export function sourceText(span: Span): string {
  return span.file.text.slice(span.start, span.end);
}
