/** @file Reads the text form of the IR back (`parseModule(printModule(m))` equals m). A wrong text is a developer's. */

import { type AttributeKind, attributesOf } from "./attributes.js";
import { arities } from "./ops/pointwise.js";
import { Scanner } from "./scanner.js";
import type {
  Arg,
  ArgKind,
  Dim,
  Elem,
  Graph,
  GraphName,
  Init,
  InitExpr,
  InitFunction,
  Instr,
  Module,
  Parameter,
  Port,
  Region,
  Result,
  ResultKind,
  Type,
  Value,
  ValueId,
} from "./types.js";

const ELEMS: readonly Elem[] = ["f32", "i32", "bool"];
const GRAPHS: readonly GraphName[] = [
  "forward",
  "endless",
  "carried",
  "train",
  "evaluate",
  "predict",
  "start",
  "stream",
  "probe",
  "profile",
];
const ARGS: readonly ArgKind[] = ["param", "input", "target", "state", "perturbation"];
const RESULTS: readonly ResultKind[] = ["output", "loss", "metric", "grad", "state", "probe"];

const INIT_ARITIES: ReadonlyMap<InitFunction | "uniform" | "normal", number> = new Map([
  ...arities,
  ["select", 3],
  ["inv_softplus", 1],
  ["uniform", 2],
  ["normal", 2],
]);

/** @throws Error whose message begins with line:column where the text is no module. */
export function parseModule(text: string): Module {
  const s = new Scanner(text);
  s.expect("module");
  const name = s.word();
  const doc = optionalDoc(s);
  s.expect("{");
  const precision = s.accept("precision") ? { precision: s.oneOf(["f16"]) } : {};
  const lengths = s.accept("lengths") ? s.list(() => s.word()) : [];
  const ragged = s.accept("ragged") ? { ragged: s.list(() => s.word()) } : {};
  const parameters = many(s, "param", () => parseParameter(s));
  const ports = (keyword: string) => many(s, keyword, () => parsePort(s));
  const [inputs, targets, outputs, states] = [ports("input"), ports("target"), ports("output"), ports("state")];
  const metrics = many(s, "metric", () => s.word());
  const along = s.accept("stream_along") ? { streamLength: s.word() } : {};
  const refusal = s.accept("no_stream") ? { streamRefusal: s.text() } : {};
  const carrying = s.accept("carry_along") ? { carryLength: s.word() } : {};
  const carried = ports("carry");
  const noCarry = s.accept("no_carry") ? { carryRefusal: s.text() } : {};
  const graphs = Object.fromEntries(many(s, "graph", () => [s.oneOf(GRAPHS), parseGraph(s)] as const));
  s.expect("}");
  if (!s.atKind("end")) s.fail("expected the end");
  return {
    name,
    ...doc,
    ...precision,
    lengths,
    ...ragged,
    parameters,
    inputs,
    targets,
    outputs,
    states,
    metrics,
    ...along,
    ...refusal,
    ...carrying,
    ...(carried.length > 0 && { carriedStates: carried }),
    ...noCarry,
    graphs,
  };
}

/** As many items as begin with the keyword. */
function many<T>(s: Scanner, keyword: string, item: () => T): T[] {
  const items: T[] = [];
  while (s.accept(keyword)) items.push(item());
  return items;
}

function optionalDoc(s: Scanner): { readonly doc?: string } {
  return s.atKind("text") ? { doc: s.text() } : {};
}

function parseParameter(s: Scanner): Parameter {
  const name = s.word();
  s.expect(":");
  const shape = brackets(s, () => s.number());
  s.expect("~");
  const init = parseInit(s);
  const frozen = s.accept("frozen");
  const noDecay = s.accept("no_decay");
  return { name, shape, init, frozen, noDecay, ...optionalDoc(s) };
}

function parseInit(s: Scanner): Init {
  if (!s.accept("orthogonal")) return { kind: "expression", expr: parseInitExpr(s) };
  s.expect("(");
  const gain = s.number();
  s.expect(")");
  return { kind: "orthogonal", gain };
}

function parseInitExpr(s: Scanner): InitExpr {
  if (s.atKind("number") || s.at("inf") || s.at("nan")) return { op: "number", value: s.number() };
  const op = s.oneOf(["index", ...INIT_ARITIES.keys()]);
  s.expect("(");
  if (op === "index") {
    const axis = s.number();
    s.expect(")");
    return { op, axis };
  }
  const args = s.list(() => parseInitExpr(s));
  const arity = INIT_ARITIES.get(op);
  if (args.length !== arity) s.fail(`${op} wants ${arity} arguments`);
  s.expect(")");
  return op === "uniform" || op === "normal" ? { op, args: [args[0], args[1]] } : { op, args };
}

function parsePort(s: Scanner): Port {
  const name = s.word();
  s.expect(":");
  const { elem, shape } = parseType(s);
  const classes = s.accept("classes") ? { classes: s.number() } : {};
  return { name, elem, shape, ...classes, ...optionalDoc(s) };
}

function brackets<T>(s: Scanner, item: () => T): T[] {
  s.expect("[");
  const items = s.at("]") ? [] : s.list(item);
  s.expect("]");
  return items;
}

function parseDim(s: Scanner): Dim {
  return s.atKind("number") ? s.number() : s.word();
}

function parseType(s: Scanner): Type {
  return { elem: s.oneOf(ELEMS), shape: brackets(s, () => parseDim(s)) };
}

/** The values defined so far in a graph. */
type Scope = Map<number, Value>;

function parseGraph(s: Scanner): Graph {
  const scope: Scope = new Map();
  s.expect("{");
  const args = many(s, "arg", (): Arg => {
    const [kind, name] = [s.oneOf(ARGS), s.word()];
    s.expect("=");
    return { kind, name, value: parseDefinition(s, scope) };
  });
  const instrs = parseInstrs(s, scope);
  const results = many(s, "result", (): Result => {
    const [kind, name] = [s.oneOf(RESULTS), s.word()];
    s.expect("=");
    return { kind, name, value: parseUse(s, scope) };
  });
  s.expect("}");
  return { args, instrs, results };
}

/** `%12:hint : f32[…]` */
function parseDefinition(s: Scanner, scope: Scope): Value {
  const name = parseName(s);
  s.expect(":");
  return define(scope, name, parseType(s));
}

interface Name {
  readonly id: number;
  readonly hint?: string;
}

/** `%12` or `%12:hint`. A colon followed by a space belongs to the type. */
function parseName(s: Scanner): Name {
  const id = s.value();
  return s.acceptTight(":") ? { id, hint: s.word() } : { id };
}

function define(scope: Scope, { id, hint }: Name, type: Type): Value {
  const value: Value = { id: id as ValueId, type, ...(hint === undefined ? {} : { hint }) };
  scope.set(id, value);
  return value;
}

function parseUse(s: Scanner, scope: Scope): Value {
  const { position } = s;
  const id = s.value();
  return scope.get(id) ?? s.fail(`%${id} is not defined`, position);
}

function parseInstrs(s: Scanner, scope: Scope): Instr[] {
  const instrs: Instr[] = [];
  while (s.atKind("value")) instrs.push(parseInstr(s, scope));
  return instrs;
}

function parseInstr(s: Scanner, scope: Scope): Instr {
  const names = s.list(() => parseName(s));
  s.expect("=");
  const { position } = s;
  const op = s.word();
  const attributes = attributesOf(op) ?? s.fail(`no op ${op}`, position);
  const args = s.atKind("value") ? s.list(() => parseUse(s, scope)) : [];
  const written = attributes.filter(([, kind]) => kind !== "region");
  const data = written.length === 0 ? [] : parseAttributes(s, written);
  s.expect(":");
  const types = s.list(() => parseType(s));
  if (types.length !== names.length) s.fail(`${op} has ${names.length} results and ${types.length} types`);
  const regions = attributes.filter(([, kind]) => kind === "region").map(([name]) => [name, parseRegion(s, scope)]);
  const attrs: Record<string, unknown> = Object.fromEntries([...data, ...regions]);
  const results = names.map((name, i) => define(scope, name, types[i]));
  // The table of attributes has read what this op carries; the compiler cannot follow that through its strings.
  return { op, attrs, args, results } as Instr;
}

function parseAttributes(s: Scanner, kinds: readonly (readonly [string, AttributeKind])[]) {
  s.expect("{");
  const data = kinds.map(([name, kind], i): [string, unknown] => {
    if (i > 0) s.expect(",");
    s.expect(name);
    s.expect(":");
    return [name, parseDatum(s, kind)];
  });
  s.expect("}");
  return data;
}

function parseDatum(s: Scanner, kind: AttributeKind): unknown {
  switch (kind) {
    case "number":
      return s.number();
    case "boolean":
      return s.oneOf(["true", "false"]) === "true";
    case "word":
      return s.word();
    case "text":
      return s.text();
    case "numbers":
      return brackets(s, () => s.number());
    case "dims":
      return brackets(s, () => parseDim(s));
    case "region":
      return s.fail("a region is no attribute in braces");
  }
}

function parseRegion(s: Scanner, scope: Scope): Region {
  s.expect("{");
  const params = many(s, "param", () => parseDefinition(s, scope));
  const instrs = parseInstrs(s, scope);
  const results = many(s, "yield", () => parseUse(s, scope));
  s.expect("}");
  return { params, instrs, results };
}
