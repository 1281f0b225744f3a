/** @file The verifier accepts what the builder makes and names the stage to blame for each kind of broken graph. */

import { describe, expect, test } from "vitest";
import type { Graph, Instr, Module, Value, ValueId } from "../../src/ir/types.js";
import { verifyGraph, verifyModule } from "../../src/ir/verify.js";
import { InternalError } from "../../src/support/assert.js";
import { recurrentGraph, recurrentModule } from "./models.js";

const good = recurrentGraph(false);
const [loop] = good.instrs;
const body = scan(loop).attrs.body;

function scan(instr: Instr): Instr<"scan"> {
  if (instr.op !== "scan") throw new Error("the graph begins with its scan");
  return instr;
}

function withBody(change: Partial<typeof body>): Graph {
  const { attrs } = scan(loop);
  return { ...good, instrs: [{ ...scan(loop), attrs: { ...attrs, body: { ...body, ...change } } }] };
}

const unknown: Value = { id: 999 as ValueId, type: { elem: "f32", shape: [3] } };
const outside = good.args[0].value;

const broken: readonly (readonly [string, Graph, RegExp])[] = [
  ["a value used before its definition", { ...good, instrs: [], results: good.results }, /not defined before/],
  ["an unknown argument", { ...good, instrs: [{ ...scan(loop), args: [unknown, ...loop.args.slice(1)] }] }, /%999/],
  ["an unknown result", { ...good, results: [{ kind: "loss", name: "l", value: unknown }] }, /%999/],
  ["an instruction twice", { ...good, instrs: [loop, loop] }, /defined twice/],
  ["an argument twice", { ...good, args: [...good.args, { ...good.args[0], name: "V" }] }, /defined twice/],
  [
    "two arguments of one name",
    { ...good, args: [...good.args, { ...good.args[0], value: unknown }] },
    /two arguments/,
  ],
  ["two results of one name", { ...good, results: [...good.results, good.results[0]] }, /two results/],
  [
    "a use under another type",
    { ...good, results: [{ ...good.results[0], value: { ...good.results[0].value, type: unknown.type } }] },
    /as f32\[3\]/,
  ],
  [
    "a recorded type that is not the inferred",
    { ...good, instrs: [{ ...scan(loop), results: [loop.results[2], ...loop.results.slice(1)] }] },
    /it gives/,
  ],
  [
    "a result too few",
    { ...good, instrs: [{ ...scan(loop), results: loop.results.slice(1) }], results: [] },
    /it gives/,
  ],
  ["a region's param missing", withBody({ params: body.params.slice(1) }), /blamed/],
  ["a region's param of another type", withBody({ params: body.params.toReversed() }), /type|is/],
  ["a region's result missing", withBody({ results: body.results.slice(0, 1) }), /states/],
  ["a state that changes its type", withBody({ results: [outside, ...body.results.slice(1)] }), /state 0/],
  ["a region that reads a later value", withBody({ instrs: body.instrs.toReversed() }), /not defined before/],
  ["a region that redefines an outer id", withBody({ instrs: [...body.instrs, ...body.instrs] }), /defined twice/],
  [
    "a region's value read outside",
    { ...good, results: [{ kind: "loss", name: "l", value: body.results[0] }] },
    /not defined before/,
  ],
];

test("a graph from the builder is well-formed, and regions see the enclosing values", () => {
  expect(() => verifyGraph(good, "test")).not.toThrow();
  expect(() => verifyModule(recurrentModule(), "test")).not.toThrow();
});

describe("a broken graph is blamed on the stage", () => {
  test.each(broken)("%s", (_, graph, message) => {
    expect(() => verifyGraph(graph, "blamed")).toThrow(InternalError);
    expect(() => verifyGraph(graph, "blamed")).toThrow(/^blamed: /);
    expect(() => verifyGraph(graph, "blamed")).toThrow(message);
  });
});

describe("a graph and its module disagree", () => {
  const module = recurrentModule();
  const wrong: readonly (readonly [string, Partial<Module>, RegExp])[] = [
    ["a parameter that is not declared", { parameters: module.parameters.slice(1) }, /param W/],
    ["a parameter of another shape", { parameters: [{ ...module.parameters[0], shape: [9] }] }, /f32\[9\]/],
    ["a port of another type", { outputs: [{ name: "ys", elem: "f32", shape: ["T"] }] }, /output ys/],
    ["an axis over no length", { lengths: [] }, /over T/],
    ["a broken graph", { graphs: { train: broken[0][1] } }, /not defined before/],
  ];
  test.each(wrong)("%s", (_, change, message) => {
    expect(() => verifyModule({ ...module, ...change }, "blamed")).toThrow(InternalError);
    expect(() => verifyModule({ ...module, ...change }, "blamed")).toThrow(message);
  });
});
