/** @file The text form: what it looks like, that it parses back to an equal module, and where a wrong text is wrong. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Builder } from "../../src/ir/builder.js";
import { parseModule } from "../../src/ir/parse.js";
import { printGraph, printModule } from "../../src/ir/print.js";
import type { InitExpr, Module, Op, Parameter, Port, Value } from "../../src/ir/types.js";
import { type Case, cases, type None } from "./cases.js";
import { recurrentGraph, recurrentModule } from "./models.js";

test("a graph reads like MLIR", () => {
  expect(printGraph("forward", recurrentGraph(true))).toMatchInlineSnapshot(`
    "graph forward {
      arg param W = %0:W : f32[3, 3]
      arg param U = %1:U : f32[3, 2]
      arg input x = %2:x : f32[_B, T, 2]
      arg input k = %3:k : f32[T]
      arg input h0 = %4:h0 : f32[_B, 3]
      arg input c0 = %5:c0 : f32[_B, 3]
      %18:h_end, %19:c_end, %20:ys = scan %4, %5, %2, %3 {length: T, reverse: true, states: 2} : f32[_B, 3], f32[_B, 3], f32[_B, T, 3] {
        param %6:h0 : f32[_B, 3]
        param %7:c0 : f32[_B, 3]
        param %8:x : f32[_B, 2]
        param %9:k : f32[]
        %10 = contract %6, %0 {lhs: "bk", rhs: "nk", out: "bn"} : f32[_B, 3]
        %11:given = contract %8, %1 {lhs: "bk", rhs: "nk", out: "bn"} : f32[_B, 3]
        %12 = broadcast %9 {shape: [_B, 3], axes: []} : f32[_B, 3]
        %13 = mul %7, %12 : f32[_B, 3]
        %14 = add %10, %11 : f32[_B, 3]
        %15 = add %14, %13 : f32[_B, 3]
        %16:next = tanh %15 : f32[_B, 3]
        %17 = add %7, %16 : f32[_B, 3]
        yield %16
        yield %17
        yield %16
      }
      result output h = %18
      result output c = %19
      result output ys = %20
    }
    "
  `);
});

test("every field of a module comes back", () => {
  const module = recurrentModule();
  expect(parseModule(printModule(module))).toStrictEqual(module);
});

test("numbers are exact", () => {
  const values = [0.1, -0, Infinity, -Infinity, NaN, 1e-45, 1e21, -1.5e-300, 2 ** 53, Number.MIN_VALUE];
  const module = moduleOf((b) => values.map((value) => b.constant(value)));
  expect(parseModule(printModule(module))).toStrictEqual(module);
});

/** A module with one graph whose results are what `body` gives. */
function moduleOf(body: (b: Builder) => readonly Value[]): Module {
  const b = new Builder();
  const results = body(b).map((value, i) => ({ kind: "output", name: `r${i}`, value }) as const);
  return {
    name: "M",
    lengths: [],
    parameters: [],
    inputs: [],
    targets: [],
    outputs: [],
    metrics: [],
    states: [],
    graphs: { forward: { args: [], instrs: b.instrs, results } },
  };
}

const number = fc.double();
const name = fc.oneof(fc.string(), fc.stringMatching(/^[a-z][\w.]{0,6}$/));
const optional = <K extends string, T>(key: K, value: fc.Arbitrary<T>) =>
  fc.oneof(
    fc.constant({}),
    value.map((v) => ({ [key]: v })),
  );
const dim = fc.oneof(fc.nat(100), name);

const expr: fc.Arbitrary<InitExpr> = fc.letrec<{ expr: InitExpr }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    number.map((value) => ({ op: "number", value }) as const),
    fc.nat(3).map((axis) => ({ op: "index", axis }) as const),
    fc
      .tuple(fc.constantFrom("uniform", "normal", "mul", "pow"), tie("expr"), tie("expr"))
      .map(([op, a, b]) => ({ op, args: [a, b] }) as const),
    fc.tuple(fc.constantFrom("exp", "inv_softplus"), tie("expr")).map(([op, a]) => ({ op, args: [a] }) as const),
  ),
})).expr;

const parameter: fc.Arbitrary<Parameter> = fc
  .tuple(
    name,
    fc.array(fc.nat(9), { maxLength: 3 }),
    fc.oneof(
      expr.map((e) => ({ kind: "expression", expr: e }) as const),
      number.map((gain) => ({ kind: "orthogonal", gain }) as const),
    ),
    fc.boolean(),
    fc.boolean(),
    optional("doc", fc.string()),
  )
  .map(([name, shape, init, frozen, noDecay, doc]) => ({ name, shape, init, frozen, noDecay, ...doc }));

const port: fc.Arbitrary<Port> = fc
  .tuple(
    name,
    fc.constantFrom("f32", "i32", "bool"),
    fc.array(dim, { maxLength: 3 }),
    optional("classes", fc.nat()),
    optional("doc", fc.string()),
  )
  .map(([name, elem, shape, classes, doc]) => ({ name, elem, shape, ...classes, ...doc }));

const allCases = Object.entries(cases).flatMap(([op, list]) =>
  (list as readonly Case<None>[]).map((one) => [op as Exclude<Op, "scan">, one] as const),
);

/** A graph of instructions of random ops, some of them in the body of a loop, with random hints. */
const graph = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...allCases), fc.option(name, { nil: undefined })), { maxLength: 8 }),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom("param", "input", "target", "state"),
    name,
  )
  .map(([picks, inLoop, reverse, kind, label]) => {
    const b = new Builder();
    const args = picks.flatMap(([[, one], hint]) =>
      one.args.map((type) => ({ kind, name: label, value: b.fresh(type, hint) }) as const),
    );
    const emit = (into: Builder) => {
      let next = 0;
      return picks.map(([[op, one], hint]) => {
        const values = args.slice(next, next + one.args.length).map((arg) => arg.value);
        next += one.args.length;
        return into.op(op, one.attrs, values, hint);
      });
    };
    const results = inLoop
      ? b.scan({ length: label, reverse }, [b.constant(0.5)], [], (inner, states) => ({
          next: states,
          outputs: emit(inner),
        })).last
      : emit(b);
    return { args, instrs: b.instrs, results: results.map((value) => ({ kind: "grad", name: label, value }) as const) };
  });

const module: fc.Arbitrary<Module> = fc
  .tuple(
    fc.tuple(
      name,
      optional("doc", fc.string()),
      fc.array(name),
      fc.array(name),
      optional("streamRefusal", fc.string()),
      optional("streamLength", name),
    ),
    fc.array(parameter, { maxLength: 3 }),
    fc.tuple(...["inputs", "targets", "outputs", "states"].map(() => fc.array(port, { maxLength: 2 }))),
    optional("forward", graph),
    optional("train", graph),
  )
  .map(
    ([
      [name, doc, lengths, metrics, refusal, along],
      parameters,
      [inputs, targets, outputs, states],
      forward,
      train,
    ]) => ({
      name,
      ...doc,
      lengths,
      parameters,
      inputs,
      targets,
      outputs,
      metrics,
      states,
      graphs: { ...forward, ...train },
      ...refusal,
      ...along,
    }),
  );

test("any module equals its text parsed", () => {
  fc.assert(
    fc.property(module, (m) => {
      expect(parseModule(printModule(m))).toStrictEqual(m);
    }),
    { numRuns: 200 },
  );
});

describe("a wrong text names line and column", () => {
  const graphOf = (line: string) => `module M {\n  graph forward {\n    ${line}\n  }\n}`;
  test.each([
    ["", /^1:1: expected module/],
    ["module M {", /^1:11: expected }, found the end/],
    ["module M { } x", /^1:14: expected the end/],
    ["module M {\n  ?", /^2:3: unexpected \?/],
    ['module M {\n  metric "\\x"\n}', /^2:10: expected a JSON string/],
    ["module M {\n  graph other {}\n}", /^2:9: expected forward or /],
    ["module M {\n  param p: [1.2.3] ~ 0\n}", /^2:13: expected a number/],
    ["module M {\n  param p: [] ~ exp(1, 2)\n}", /^2:25: exp wants 1 arguments/],
    [graphOf("%0 = nothing : f32[]"), /^3:10: no op nothing/],
    [graphOf("%0 = neg %7 : f32[]"), /^3:14: %7 is not defined/],
    [graphOf("%0, %1 = const {value: 1, elem: f32} : f32[]"), /^4:3: const has 2 results and 1 types/],
    [graphOf("%0 = const {elem: f32, value: 1} : f32[]"), /^3:17: expected value/],
    [graphOf("%0 = const {value: 1, elem: f32} : f64[]"), /^3:40: expected f32 or i32 or bool, found f64/],
  ])("%j", (text, message) => {
    expect(() => parseModule(text)).toThrow(message);
  });
});
