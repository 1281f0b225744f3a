/** @file Before and after, as text: what hoisting and sinking do to h' = tanh(W x + b + U h), y = V h'. */

import { describe, expect, it } from "vitest";
import { printGraph } from "../../src/ir/print.js";
import { BATCH, type Graph } from "../../src/ir/types.js";
import { hoist } from "../../src/passes/hoist.js";
import { sink } from "../../src/passes/sink.js";
import { GraphWriter, matvec, perExample } from "./cells.js";

function cell(): Graph {
  const g = new GraphWriter();
  const [w, u, v, bias] = [g.param("W", [3, 2]), g.param("U", [3, 3]), g.param("V", [2, 3]), g.param("b", [3])];
  const x = g.input("x", ["T", 2]);
  const { stacked } = g.b.scan({ length: "T", reverse: false }, [g.b.fill(0, [BATCH, 3])], [x], (s, [h], [xt]) => {
    const fromInput = s.binary("add", matvec(s, w, xt), perExample(s, bias));
    const next = s.unary("tanh", s.binary("add", fromInput, matvec(s, u, h)), "h");
    return { next: [next], outputs: [matvec(s, v, next)] };
  });
  g.result("output", "y", stacked[0]);
  return g.graph();
}

/** The instructions alone, without the graph's head and results. */
function text(graph: Graph): string {
  const lines = printGraph("g", graph).split("\n");
  return lines.filter((line) => !/^ {2}(arg|result) |^[g}]/.test(line) && line !== "").join("\n");
}

describe("as text", () => {
  it("the cell as it is written", () => {
    expect(text(cell())).toMatchInlineSnapshot(`
      "  %5 = const {value: 0, elem: f32} : f32[]
        %6 = broadcast %5 {shape: [_B, 3], axes: []} : f32[_B, 3]
        %16, %17 = scan %6, %4 {length: T, reverse: false, states: 1} : f32[_B, 3], f32[_B, T, 2] {
          param %7 : f32[_B, 3]
          param %8:x : f32[_B, 2]
          %9 = contract %8, %0 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 3]
          %10 = broadcast %3 {shape: [_B, 3], axes: [1]} : f32[_B, 3]
          %11 = add %9, %10 : f32[_B, 3]
          %12 = contract %7, %1 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 3]
          %13 = add %11, %12 : f32[_B, 3]
          %14:h = tanh %13 : f32[_B, 3]
          %15 = contract %14, %2 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 2]
          yield %14
          yield %15
        }"
    `);
  });

  it("hoist", () => {
    expect(text(hoist(cell()))).toMatchInlineSnapshot(`
      "  %5 = const {value: 0, elem: f32} : f32[]
        %6 = broadcast %5 {shape: [_B, 3], axes: []} : f32[_B, 3]
        %18 = contract %4, %0 {lhs: "btk", rhs: "mk", out: "btm"} : f32[_B, T, 3]
        %19 = broadcast %3 {shape: [_B, 3], axes: [1]} : f32[_B, 3]
        %20 = broadcast %19 {shape: [_B, T, 3], axes: [0, 2]} : f32[_B, T, 3]
        %21 = add %18, %20 : f32[_B, T, 3]
        %16, %17 = scan %6, %21 {length: T, reverse: false, states: 1} : f32[_B, 3], f32[_B, T, 2] {
          param %7 : f32[_B, 3]
          param %23 : f32[_B, 3]
          %12 = contract %7, %1 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 3]
          %13 = add %23, %12 : f32[_B, 3]
          %14:h = tanh %13 : f32[_B, 3]
          %15 = contract %14, %2 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 2]
          yield %14
          yield %15
        }"
    `);
  });

  it("sink", () => {
    expect(text(sink(cell()))).toMatchInlineSnapshot(`
      "  %5 = const {value: 0, elem: f32} : f32[]
        %6 = broadcast %5 {shape: [_B, 3], axes: []} : f32[_B, 3]
        %16, %18:h = scan %6, %4 {length: T, reverse: false, states: 1} : f32[_B, 3], f32[_B, T, 3] {
          param %7 : f32[_B, 3]
          param %8:x : f32[_B, 2]
          %9 = contract %8, %0 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 3]
          %10 = broadcast %3 {shape: [_B, 3], axes: [1]} : f32[_B, 3]
          %11 = add %9, %10 : f32[_B, 3]
          %12 = contract %7, %1 {lhs: "bk", rhs: "mk", out: "bm"} : f32[_B, 3]
          %13 = add %11, %12 : f32[_B, 3]
          %14:h = tanh %13 : f32[_B, 3]
          yield %14
          yield %14
        }
        %19 = contract %18, %2 {lhs: "btk", rhs: "mk", out: "btm"} : f32[_B, T, 2]"
    `);
  });
});
