/** @file `seqc explain-error`: what the catalogue says of a code. */

import { catalogue, isDiagnosticCode } from "../diagnostics/catalogue.js";
import { suggest } from "../diagnostics/suggest.js";
import { CommandError } from "./exit.js";

/** What `code` means, and where its specs are. @throws CommandError where there is no such code. */
export function explainError(code: string): string {
  const known = code.toUpperCase();
  if (isDiagnosticCode(known)) {
    const { title, explanation } = catalogue[known];
    return `${known}: ${title}\n\n${explanation}\n\nMore under ${known} in docs/diagnostics.md.`;
  }
  const near = suggest(known, Object.keys(catalogue));
  throw new CommandError(`there is no code ${code}${near === undefined ? "" : `: did you mean ${near}?`}`);
}
