/**
 * @file The IR as text, for developers: read like MLIR, parsed back by parse.ts, compared in tests.
 *
 * Names are bare where they look like names (dots included), else JSON strings; numbers are exact.
 */

import { present } from "../support/assert.js";
import { Writer } from "../support/writer.js";
import { attributesOf } from "./attributes.js";
import type { Dim, Graph, Init, InitExpr, Instr, Module, Parameter, Port, Region, Value } from "./types.js";

/** The whole module; `parseModule` gives it back. */
export function printModule(module: Module): string {
  const w = new Writer();
  w.block(`module ${word(module.name)}${note(module.doc)} {`, "}", () => {
    if (module.precision !== undefined) w.line(`precision ${module.precision}`);
    if (module.lengths.length > 0) w.line(`lengths ${module.lengths.map(word).join(", ")}`);
    if (module.ragged !== undefined) w.line(`ragged ${module.ragged.map(word).join(", ")}`);
    for (const p of module.parameters) w.line(printParameter(p));
    for (const port of module.inputs) w.line(`input ${printPort(port)}`);
    for (const port of module.targets) w.line(`target ${printPort(port)}`);
    for (const port of module.outputs) w.line(`output ${printPort(port)}`);
    for (const port of module.states) w.line(`state ${printPort(port)}`);
    for (const metric of module.metrics) w.line(`metric ${word(metric)}`);
    if (module.streamLength !== undefined) w.line(`stream_along ${word(module.streamLength)}`);
    if (module.streamRefusal !== undefined) w.line(`no_stream ${JSON.stringify(module.streamRefusal)}`);
    if (module.carryLength !== undefined) w.line(`carry_along ${word(module.carryLength)}`);
    for (const port of module.carriedStates ?? []) w.line(`carry ${printPort(port)}`);
    if (module.carryRefusal !== undefined) w.line(`no_carry ${JSON.stringify(module.carryRefusal)}`);
    for (const [name, graph] of Object.entries(module.graphs)) writeGraph(w, name, graph);
  });
  return w.toString();
}

/** One graph, as it stands in a module. */
export function printGraph(name: string, graph: Graph): string {
  const w = new Writer();
  writeGraph(w, name, graph);
  return w.toString();
}

function writeGraph(w: Writer, name: string, graph: Graph): void {
  w.block(`graph ${word(name)} {`, "}", () => {
    for (const { kind, name, value } of graph.args) w.line(`arg ${kind} ${word(name)} = ${definition(value)}`);
    for (const instr of graph.instrs) writeInstr(w, instr);
    for (const { kind, name, value } of graph.results) w.line(`result ${kind} ${word(name)} = ${use(value)}`);
  });
}

function writeInstr(w: Writer, instr: Instr): void {
  const left = instr.results.map((v) => use(v) + hint(v)).join(", ");
  const args = instr.args.map((v) => ` ${use(v)}`).join(",");
  const types = instr.results.map((v) => typeText(v)).join(", ");
  const line = `${left} = ${instr.op}${args}${printAttributes(instr)} : ${types}`;
  if (instr.op === "scan") w.block(`${line} {`, "}", () => writeRegion(w, instr.attrs.body));
  else w.line(line);
}

function writeRegion(w: Writer, region: Region): void {
  for (const param of region.params) w.line(`param ${definition(param)}`);
  for (const instr of region.instrs) writeInstr(w, instr);
  for (const result of region.results) w.line(`yield ${use(result)}`);
}

function printAttributes(instr: Instr): string {
  const values = new Map<string, unknown>(Object.entries(instr.attrs));
  const shown = present(attributesOf(instr.op), "print", `the op ${instr.op}`)
    .filter(([, kind]) => kind !== "region")
    .map(([name, kind]) => `${name}: ${kind === "text" ? JSON.stringify(values.get(name)) : datum(values.get(name))}`);
  return shown.length === 0 ? "" : ` {${shown.join(", ")}}`;
}

function datum(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(datum).join(", ")}]`;
  return typeof value === "number" ? number(value) : word(String(value));
}

function printParameter(p: Parameter): string {
  const marks = (p.frozen ? " frozen" : "") + (p.noDecay ? " no_decay" : "");
  return `param ${word(p.name)}: ${shape(p.shape)} ~ ${printInit(p.init)}${marks}${note(p.doc)}`;
}

function printInit(init: Init): string {
  return init.kind === "orthogonal" ? `orthogonal(${number(init.gain)})` : printInitExpr(init.expr);
}

function printInitExpr(expr: InitExpr): string {
  if (expr.op === "number") return number(expr.value);
  if (expr.op === "index") return `index(${expr.axis})`;
  return `${expr.op}(${expr.args.map(printInitExpr).join(", ")})`;
}

function printPort(port: Port): string {
  const classes = port.classes === undefined ? "" : ` classes ${number(port.classes)}`;
  return `${word(port.name)}: ${port.elem}${shape(port.shape)}${classes}${note(port.doc)}`;
}

function use(v: Value): string {
  return `%${v.id}`;
}

function hint(v: Value): string {
  return v.hint === undefined ? "" : `:${word(v.hint)}`;
}

function typeText(v: Value): string {
  return v.type.elem + shape(v.type.shape);
}

function definition(v: Value): string {
  return `${use(v)}${hint(v)} : ${typeText(v)}`;
}

function shape(dims: readonly Dim[]): string {
  return `[${dims.map((dim) => (typeof dim === "number" ? number(dim) : word(dim))).join(", ")}]`;
}

function note(doc: string | undefined): string {
  return doc === undefined ? "" : ` ${JSON.stringify(doc)}`;
}

function word(text: string): string {
  return /^[A-Za-z_][\w.]*$/.test(text) ? text : JSON.stringify(text);
}

function number(x: number): string {
  if (Object.is(x, -0)) return "-0";
  if (Number.isFinite(x)) return String(x);
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
