/** @file `seqc fmt`: specs in their canonical form. */

import type { Diagnostic } from "../diagnostics/diagnostic.js";
import { formatUnit } from "../parser/format.js";
import { parse } from "../parser/parse.js";
import { EXIT, type ExitCode } from "./exit.js";
import { readExactText, rewriteFile } from "./files.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";

export interface FmtOptions {
  /** Only name the files that are not canonical. */
  readonly check?: boolean;
  readonly errorFormat: ErrorFormat;
}

/** A file with syntax errors is left alone, and the others are done. */
export function fmtCommand(files: readonly string[], { check = false, errorFormat }: FmtOptions): ExitCode {
  const sources = [...new Set(files)].map((name) => ({ name, text: readExactText(name) }));
  const found: Diagnostic[] = [];
  const changed: string[] = [];
  for (const source of sources) {
    const { unit, diagnostics } = parse(source);
    found.push(...diagnostics);
    if (diagnostics.some(({ severity }) => severity === "error")) continue;
    const text = formatUnit(unit);
    if (text === source.text) continue;
    if (!check) rewriteFile(source.name, text);
    console.log(source.name);
    changed.push(source.name);
  }
  const failed = reportDiagnostics(found, errorFormat, "beside output");
  return failed || (check && changed.length > 0) ? EXIT.failed : EXIT.ok;
}
