/** @file `seqc grad`: the derivative as equations, for reading. */

import { checkProgram } from "../check/check.js";
import { explainBlock, explainModel } from "../explain/explain.js";
import { printLatex } from "../explain/print-latex.js";
import { printSeq } from "../explain/print-seq.js";
import { isWhole } from "../explain/step.js";
import { parse } from "../parser/parse.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { readText } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";
import { requireKnownSettings } from "./settings.js";

export interface GradOptions {
  readonly format: "seq" | "latex";
  readonly errorFormat: ErrorFormat;
  readonly set?: Readonly<Record<string, number>>;
}

export function gradCommand(file: string, { format, set = {}, errorFormat }: GradOptions): ExitCode {
  readText(file);
  requireKnownSettings([file], set);
  const { samples, models, diagnostics } = checkProgram({ files: [file], host: nodeHost(), parse, set });
  if (reportDiagnostics(diagnostics, errorFormat)) return EXIT.failed;
  const alone = samples.filter(({ block }) => isWhole(block));
  const declared = new Set(alone.map(({ block }) => block.name));
  const sections = [
    ...alone.flatMap(({ block, sizes }) => explainBlock(block, sizes)),
    // The file's own cells stand there already.
    ...models.flatMap((model) => explainModel(model, declared)),
  ];
  if (sections.length === 0) {
    throw new CommandError(`${file} has no cell, layer or model whose parameters are all sizes or have a value`);
  }
  process.stdout.write(format === "latex" ? printLatex(sections) : printSeq(sections));
  return EXIT.ok;
}
