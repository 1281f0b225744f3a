/** @file What the package `seqc` offers to tools: the compiler as functions. The runtime is `seqc/runtime`. */

export type { SourceHost } from "./check/host.js";
export type { Compilation, CompiledModel, CompileOptions } from "./compile.js";
export { check, compile } from "./compile.js";
export type { Diagnostic } from "./diagnostics/diagnostic.js";
export { renderJson, renderText } from "./diagnostics/render.js";
export { UnknownProbe } from "./lower/probes.js";
export { VERSION } from "./version.js";
