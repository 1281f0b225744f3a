/** @file Shows diagnostics: for people, for tools, for the log of a continuous integration. */

import pc from "picocolors";
import type { Diagnostic } from "../diagnostics/diagnostic.js";
import { renderGithub, renderJson, renderText } from "../diagnostics/render.js";

export const ERROR_FORMATS = ["text", "json", "github-actions"] as const;
export type ErrorFormat = (typeof ERROR_FORMATS)[number];

/**
 * Shows all of them; whether any is an error. Text goes to the error stream. What tools read goes to the standard output,
 * or to the error stream too where the command's own result stands there.
 */
export function reportDiagnostics(
  diagnostics: readonly Diagnostic[],
  format: ErrorFormat,
  result: "alone" | "beside output" = "beside output",
): boolean {
  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const stream = format === "text" || result === "beside output" ? process.stderr : process.stdout;
  switch (format) {
    case "text":
      if (diagnostics.length > 0) stream.write(page(diagnostics, errors));
      break;
    case "json":
      stream.write(`${JSON.stringify(diagnostics.map(renderJson), undefined, 2)}\n`);
      break;
    case "github-actions":
      stream.write(diagnostics.map((diagnostic) => `${renderGithub(diagnostic)}\n`).join(""));
      break;
  }
  return errors > 0;
}

function page(diagnostics: readonly Diagnostic[], errors: number): string {
  const colour = process.stderr.isTTY && pc.isColorSupported;
  const frames = diagnostics.map((diagnostic) => renderText(diagnostic, colour)).join("\n\n");
  const warnings = diagnostics.length - errors;
  const counts = [counted(errors, "error"), counted(warnings, "warning")].filter(Boolean).join(", ");
  return `${frames}\n\n${counts}\n`;
}

function counted(count: number, noun: string): string {
  return count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
}
