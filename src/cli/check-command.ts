/** @file `seqc check`: the mistakes in specs, and nothing written. */

import { check } from "../compile.js";
import { EXIT, type ExitCode } from "./exit.js";
import { readText } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";

export interface CheckOptions {
  readonly errorFormat: ErrorFormat;
}

export function checkCommand(files: readonly string[], { errorFormat }: CheckOptions): ExitCode {
  files.forEach(readText);
  const { diagnostics } = check({ files, host: nodeHost() });
  const failed = reportDiagnostics(diagnostics, errorFormat, "alone");
  return failed ? EXIT.failed : EXIT.ok;
}
