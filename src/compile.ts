/** @file The whole compiler on one screen: text → syntax → typed tree → IR → passes → kernels → generated module. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Manifest } from "../runtime/manifest.js";
import { checkProgram } from "./check/check.js";
import type { SourceHost } from "./check/host.js";
import type { TypedModel } from "./check/typed.js";
import { buildManifest } from "./codegen/manifest.js";
import { emitModule } from "./codegen/module.js";
import { UnsupportedBody } from "./codegen/scan-plan.js";
import { type Diagnostic, diagnostic } from "./diagnostics/diagnostic.js";
import { printModule } from "./ir/print.js";
import type { Module } from "./ir/types.js";
import { lower } from "./lower/lower.js";
import { parse } from "./parser/parse.js";
import { runPipeline } from "./passes/pipeline.js";
import { VERSION } from "./version.js";

export interface CompileOptions {
  /** By the names that the host reads. */
  readonly files: readonly string[];
  readonly host: SourceHost;
  /** Values for the models' parameters. */
  readonly set?: Readonly<Record<string, number>>;
  /** Checks the IR's invariants after every pass. */
  readonly verify?: boolean;
}

export interface CompiledModel {
  readonly name: string;
  /** The file that declares it. */
  readonly source: string;
  /** The IR after all passes. */
  readonly module: Module;
  readonly manifest: Manifest;
  /** The generated module. */
  readonly typescript: string;
  /** The IR as text. */
  readonly ir: string;
  /** The kernels of every program. */
  readonly wgsl: string;
}

export interface Compilation {
  readonly diagnostics: readonly Diagnostic[];
  /** Those without mistakes. */
  readonly models: readonly CompiledModel[];
}

/** Finds all mistakes; makes nothing. */
export function check(options: CompileOptions): { readonly diagnostics: readonly Diagnostic[] } {
  return { diagnostics: checkProgram({ ...options, parse }).diagnostics };
}

/** @throws InternalError for a fault of the compiler itself; a user's mistake is a diagnostic. */
export function compile(options: CompileOptions): Compilation {
  const { host, verify = false } = options;
  // Everything that the models are made of, for the hash in the generated header.
  const texts = new Map<string, string>();
  const recording: SourceHost = {
    read: (name) => {
      const text = host.read(name);
      if (text !== undefined) texts.set(name, text);
      return text;
    },
    resolve: (from, specifier) => host.resolve(from, specifier),
  };
  const { models, diagnostics } = checkProgram({ ...options, host: recording, parse });
  if (diagnostics.some((d) => d.severity === "error")) return { diagnostics, models: [] };
  const hash = bytesToHex(sha256(utf8ToBytes([...texts.values()].join("\0"))));
  const limits: Diagnostic[] = [];
  const compiled = models.flatMap((model) => {
    try {
      return [compileModel(model, hash, verify)];
    } catch (error) {
      if (!(error instanceof UnsupportedBody)) throw error;
      limits.push(
        diagnostic("SEQ9002", model.span, `\`${model.name}\` has ${error.message}, which is not compiled yet.`),
      );
      return [];
    }
  });
  return { diagnostics: [...diagnostics, ...limits], models: limits.length > 0 ? [] : compiled };
}

function compileModel(typed: TypedModel, hash: string, verify: boolean): CompiledModel {
  const module = runPipeline(lower(typed), { verify });
  const manifest = buildManifest(module, `seqc ${VERSION}`);
  const file = typed.source.split(/[\\/]/).at(-1) ?? typed.source;
  const origin = { file, hash };
  return {
    name: typed.name,
    source: typed.source,
    module,
    manifest,
    typescript: emitModule(manifest, typed.doc === undefined ? origin : { ...origin, doc: typed.doc }),
    ir: printModule(module),
    wgsl: Object.entries(manifest.programs)
      .map(([name, program]) =>
        "wgsl" in program ? `// ${name}\n${program.wgsl}` : `// ${name}: ${program.refused}\n`,
      )
      .join("\n"),
  };
}
