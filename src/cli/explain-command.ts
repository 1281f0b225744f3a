/** @file `seqc explain`: what the compiler found in a model and what it made of it. */

import pc from "picocolors";
import { checkProgram } from "../check/check.js";
import { UnsupportedBody } from "../codegen/scan-plan.js";
import { reportData } from "../explain/report/json.js";
import { printReport, type Style } from "../explain/report/print.js";
import { type Explained, type Report, reportOf } from "../explain/report/report.js";
import type { Precision } from "../ir/types.js";
import { parse } from "../parser/parse.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { readText } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";
import { requireKnownSettings } from "./settings.js";

export interface ExplainOptions {
  /** A training step where the model has a loss, else a prediction. */
  readonly graph?: Explained;
  readonly batch: number;
  readonly length: number;
  readonly json?: boolean;
  readonly errorFormat: ErrorFormat;
  readonly set?: Readonly<Record<string, number>>;
  readonly precision: Precision;
}

export function explainCommand(
  file: string,
  { graph, batch, length, json = false, set = {}, precision, errorFormat }: ExplainOptions,
): ExitCode {
  readText(file);
  requireKnownSettings([file], set);
  const { models, diagnostics } = checkProgram({ files: [file], host: nodeHost(), parse, set });
  if (reportDiagnostics(diagnostics, errorFormat)) return EXIT.failed;
  const own = models.filter(({ source }) => source === file);
  if (own.length === 0) {
    throw new CommandError(`${file} has no model: its cells and layers are explained with the models that use them`);
  }
  const reports = own.map((model): Report => {
    const wanted = graph ?? (model.losses.length > 0 ? "train" : "predict");
    const report = supported(model.name, () => reportOf(model, wanted, { batch, length, precision }));
    if (report === undefined) throw new CommandError(`${model.name} has no graph "${wanted}"`);
    return report;
  });
  const colour = process.stdout.isTTY && pc.isColorSupported;
  const text = json
    ? `${JSON.stringify(reports.map(reportData), undefined, 2)}\n`
    : reports.map((report) => printReport(report, colour ? COLOURED : PLAIN)).join("\n");
  process.stdout.write(text);
  return EXIT.ok;
}

const PLAIN: Style = { heading: (text) => text, label: (text) => text, strong: (text) => text };
const COLOURED: Style = { heading: pc.bold, label: pc.cyan, strong: pc.yellow };

function supported<T>(model: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UnsupportedBody)) throw error;
    throw new CommandError(`${model} has ${error.message}, which is not compiled yet`, EXIT.failed);
  }
}
