/** @file `seqc compile`: one file a model, all of them or none. */

import { join } from "node:path";
import { type Compilation, type CompiledModel, type CompileOptions, compile } from "../compile.js";
import type { Precision } from "../ir/types.js";
import { UnknownProbe } from "../lower/probes.js";
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
  readonly probe?: boolean | readonly string[];
  readonly stateful?: boolean;
  readonly selfTest?: boolean;
  readonly emit: "ts" | "ir" | "wgsl";
  readonly errorFormat: ErrorFormat;
}

export function compileCommand(
  files: readonly string[],
  {
    out,
    set = {},
    precision,
    probe = false,
    stateful = false,
    selfTest = false,
    emit,
    errorFormat,
  }: CompileCommandOptions,
): ExitCode {
  requireKnownSettings(files, set);
  const { diagnostics, models } = compileOrRefuse({
    files,
    host: nodeHost(),
    set,
    precision,
    probe,
    stateful,
    selfTest,
  });
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

function compileOrRefuse(options: CompileOptions): Compilation {
  try {
    return compile(options);
  } catch (error) {
    throw error instanceof UnknownProbe ? new CommandError(`--probe: ${error.message}`) : error;
  }
}

function emitted(model: CompiledModel, emit: CompileCommandOptions["emit"]): string {
  return emit === "ts" ? model.typescript : model[emit];
}
