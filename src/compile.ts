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
import { wholeText } from "./codegen/wgsl.js";
import { type Diagnostic, diagnostic } from "./diagnostics/diagnostic.js";
import { printModule } from "./ir/print.js";
import type { Module, Precision } from "./ir/types.js";
import { lower } from "./lower/lower.js";
import { ProbeSelection } from "./lower/probes.js";
import { parse } from "./parser/parse.js";
import { runPipeline } from "./passes/pipeline.js";
import { untrained } from "./passes/untrained.js";
import { Origins, referenceOf } from "./self-test/reference.js";
import { VERSION } from "./version.js";

export interface CompileOptions {
  /** By the names that the host reads. */
  readonly files: readonly string[];
  readonly host: SourceHost;
  /** Values for the models' parameters. */
  readonly set?: Readonly<Record<string, number>>;
  /**
   * Of what a model keeps between kernels: with "f16" the numbers that every step of every example has. Kernels compute in
   * f32 either way; parameters, their gradients and what the host gives and reads stay f32. Default "f32".
   */
  readonly precision?: Precision;
  /**
   * Makes models that `probe` and `gradientProfile` can look into. True: all that cells and the model itself name, and states.
   * A list: these names alone, with the path of the instance, `*` standing for any part: `rnn.f`, `block.*.h`. Default false.
   */
  readonly probe?: boolean | readonly string[];
  /**
   * Whether training and evaluation can carry states from batch to batch, each of which then has the next steps of its
   * examples (truncated backpropagation through time). A model that cannot is a mistake, `SEQ5003`.
   */
  readonly stateful?: boolean;
  /** Adds to each module what its kernels have to compute at small sizes, by which `model.selfTest` tests a device. Default false. */
  readonly selfTest?: boolean;
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
  return { diagnostics: inOrder(checkProgram({ ...options, parse }).diagnostics, options.files) };
}

/**
 * @throws InternalError for a fault of the compiler itself; a user's mistake is a diagnostic. UnknownProbe for a name to probe
 *   that no model has.
 */
export function compile(options: CompileOptions): Compilation {
  const { files, verify = false, precision = "f32", probe = false, stateful = false, selfTest = false } = options;
  const selection = probe === false ? undefined : new ProbeSelection(probe);
  const sources = new Sources(options.host);
  const { models, diagnostics } = checkProgram({ ...options, host: sources, parse });
  const found = [...diagnostics];
  const compiled: CompiledModel[] = [];
  for (const model of diagnostics.some((d) => d.severity === "error") ? [] : models) {
    try {
      const lowered = lower(model, { precision, stateful, ...(selection && { probe: selection }) });
      const module = runPipeline(lowered, { verify });
      if (module.carryRefusal !== undefined) {
        found.push(diagnostic("SEQ5003", model.span, `\`${model.name}\` cannot carry states: ${module.carryRefusal}.`));
        continue;
      }
      const result = compileModel(model, lowered, module, sources.hash(model.source), selfTest);
      compiled.push(result);
      found.push(...warnOfUntrained(model, result.module));
    } catch (error) {
      if (!(error instanceof UnsupportedBody)) throw error;
      const message = `\`${model.name}\` has ${error.message}, which is not compiled yet.`;
      found.push(diagnostic("SEQ9002", model.span, message));
    }
  }
  const whole = found.every((d) => d.severity !== "error");
  if (whole && compiled.length > 0) selection?.check();
  return { diagnostics: inOrder(found, files), models: whole ? compiled : [] };
}

/** What a step of training does not change is seldom meant, unless it is `frozen`. */
function warnOfUntrained({ losses, parameters }: TypedModel, module: Module): readonly Diagnostic[] {
  const names = untrained(module);
  const severity = "warning";
  if (losses.length > 0 && names.length === parameters.filter(({ frozen }) => !frozen).length) {
    return [diagnostic("SEQ5001", losses[0].value.span, "The loss trains no parameter.", { severity })];
  }
  // A declaration's parameter is told once, whatever the number of its instances.
  const spans = new Map(
    parameters
      .filter(({ path }) => names.includes(path))
      .map(({ path, span }) => [`${span.file.name} ${span.start}`, { path, span }]),
  );
  return [...spans.values()].map(({ path, span }) => {
    const help = "mark it `frozen` if that is meant";
    return diagnostic("SEQ5002", span, `No gradient reaches the parameter \`${path}\`.`, { severity, help });
  });
}

/** As a reader meets them: the files as given, then those they import, each from top to bottom. */
function inOrder(diagnostics: readonly Diagnostic[], files: readonly string[]): readonly Diagnostic[] {
  const place = ({ span }: Diagnostic) => {
    const at = files.indexOf(span.file.name);
    return at >= 0 ? at : files.length;
  };
  return [...diagnostics].sort((a, b) => place(a) - place(b) || a.span.start - b.span.start);
}

/** A host that remembers what each file is made of, for the hash in a generated header. */
class Sources implements SourceHost {
  readonly #texts = new Map<string, string>();
  readonly #imports = new Map<string, Set<string>>();

  constructor(readonly host: SourceHost) {}

  read(name: string): string | undefined {
    const text = this.host.read(name);
    if (text !== undefined) this.#texts.set(name, text);
    return text;
  }

  resolve(from: string, specifier: string): string | undefined {
    const name = this.host.resolve(from, specifier);
    if (name !== undefined) this.#imports.set(from, (this.#imports.get(from) ?? new Set()).add(name));
    return name;
  }

  /** Of a file and all that it imports, in the order of the imports. */
  hash(file: string): string {
    const parts = new Set([file]);
    for (const part of parts) for (const next of this.#imports.get(part) ?? []) parts.add(next);
    const text = [...parts].map((part) => this.#texts.get(part) ?? "").join("\0");
    return bytesToHex(sha256(utf8ToBytes(text)));
  }
}

function compileModel(
  typed: TypedModel,
  lowered: Module,
  module: Module,
  hash: string,
  selfTest: boolean,
): CompiledModel {
  const origins = new Origins();
  const plain = buildManifest(module, `seqc ${VERSION}`, meaningOf(lowered), origins.note);
  const manifest = selfTest ? { ...plain, selfTest: referenceOf(plain, origins) } : plain;
  const file = typed.source.split(/[\\/]/).at(-1) ?? typed.source;
  const origin = { file, hash };
  return {
    name: typed.name,
    source: typed.source,
    module,
    manifest,
    // Each is printed for who asks for it.
    get typescript() {
      return emitModule(manifest, typed.doc === undefined ? origin : { ...origin, doc: typed.doc });
    },
    get ir() {
      return printModule(module);
    },
    get wgsl() {
      return kernelsOf(manifest);
    },
  };
}

/**
 * Changes with what the model computes and with its parameters; not with comments, how things are stored or trained, or what
 * is shown.
 */
function meaningOf({ precision: _precision, doc: _doc, carryLength: _length, graphs, ...lowered }: Module): string {
  const { probe: _probe, profile: _profile, carried: _carried, ...meant } = graphs;
  const module = {
    ...lowered,
    parameters: lowered.parameters.map(withoutDoc),
    inputs: lowered.inputs.map(withoutDoc),
    targets: lowered.targets.map(withoutDoc),
    outputs: lowered.outputs.map(withoutDoc),
    graphs: meant,
  };
  return bytesToHex(sha256(utf8ToBytes(printModule(module)))).slice(0, 32);
}

function withoutDoc<T extends { readonly doc?: string }>({ doc: _doc, ...rest }: T): Omit<T, "doc"> {
  return rest;
}

/** What each program dispatches, and below it the kernels, each once. */
function kernelsOf({ programs: { stream, ...programs }, ...texts }: Manifest): string {
  const steps = "refused" in stream ? {} : { ...(stream.start && { start: stream.start }), step: stream.step };
  const lists = Object.entries({ ...programs, ...steps }).map(([name, { dispatches }]) =>
    [`// ${name}`, ...dispatches.map(({ kernel, label }) => `//   ${kernel}: ${label}`), ""].join("\n"),
  );
  return [...lists, ...("refused" in stream ? [`// stream: ${stream.refused}\n`] : []), wholeText(texts)].join("\n");
}
