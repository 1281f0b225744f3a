/** @file `seqc compile`: one file a model, all of them or none. */

import { join } from "node:path";
import { type CompiledModel, compile } from "../compile.js";
import type { Precision } from "../ir/types.js";
import { kebabCase } from "./arguments.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { writeFiles } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";
import { requireKnownSettings } from "./settings.js";

export interface CompileCommandOptions {
  readonly out: string;
  readonly set?: Readonly<Record<string, number>>;
  readonly precision: Precision;
  readonly emit: "ts" | "ir" | "wgsl";
  readonly errorFormat: ErrorFormat;
}

export function compileCommand(
  files: readonly string[],
  { out, set = {}, precision, emit, errorFormat }: CompileCommandOptions,
): ExitCode {
  requireKnownSettings(files, set);
  const { diagnostics, models } = compile({ files, host: nodeHost(), set, precision });
  if (reportDiagnostics(diagnostics, errorFormat)) return EXIT.failed;

  const barren = files.find((file) => !models.some(({ source }) => source === file));
  if (barren !== undefined) {
    throw new CommandError(
      `${barren} gives no model to compile: its cells and layers are compiled with the models that use them`,
    );
  }
  const outputs = new Map<string, string>();
  for (const model of models) {
    const name = `${kebabCase(model.name)}.${emit}`;
    if (outputs.has(name)) throw new CommandError(`two models would be written to ${join(out, name)}: rename one`);
    outputs.set(name, emitted(model, emit));
  }
  writeFiles(out, outputs);
  for (const name of outputs.keys()) console.log(join(out, name));
  return EXIT.ok;
}

function emitted(model: CompiledModel, emit: CompileCommandOptions["emit"]): string {
  return emit === "ts" ? model.typescript : model[emit];
}
