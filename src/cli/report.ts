/** @file Shows diagnostics: for people on the error stream, for tools on the standard output. */

import pc from "picocolors";
import type { Diagnostic } from "../diagnostics/diagnostic.js";
import { renderJson, renderText } from "../diagnostics/render.js";

export type ErrorFormat = "text" | "json";

/** Shows all of them; whether any is an error. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[], format: ErrorFormat): boolean {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  if (format === "json") {
    process.stdout.write(`${JSON.stringify(diagnostics.map(renderJson), undefined, 2)}\n`);
  } else if (diagnostics.length > 0) {
    const colour = process.stderr.isTTY && pc.isColorSupported;
    process.stderr.write(`${diagnostics.map((diagnostic) => renderText(diagnostic, colour)).join("\n\n")}\n\n`);
    const warnings = diagnostics.length - errors;
    process.stderr.write(`${[counted(errors, "error"), counted(warnings, "warning")].filter(Boolean).join(", ")}\n`);
  }
  return errors > 0;
}

function counted(count: number, noun: string): string {
  return count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
}
