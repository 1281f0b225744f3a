/** @file `seqc explain-error`: what the catalogue says of a code. */

import { catalogue, isDiagnosticCode } from "../diagnostics/catalogue.js";
import { suggest } from "../diagnostics/suggest.js";
import { CommandError } from "./exit.js";

/** The page of `code`. @throws CommandError where there is no such code. */
export function explainError(code: string): string {
  const known = code.toUpperCase();
  if (isDiagnosticCode(known)) return `${known}: ${catalogue[known].title}\n\n${catalogue[known].explanation}`;
  const near = suggest(known, Object.keys(catalogue));
  throw new CommandError(`there is no code ${code}${near === undefined ? "" : `: did you mean ${near}?`}`);
}
