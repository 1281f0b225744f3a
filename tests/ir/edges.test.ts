/** @file What the language promises at kinks, ties and extremes, and what the type rules refuse. */

import { describe, expect, test } from "vitest";
import { type Environment, evaluateInstrs } from "../../src/ir/interpret.js";
import { inferTypes, registry, vjp } from "../../src/ir/registry.js";
import type { Instr, Op, OpAttrs, Type } from "../../src/ir/types.js";
import { InternalError } from "../../src/support/assert.js";
import { LENGTHS, single, type } from "./random.js";

/** The result of a pointwise op and the adjoints of its arguments for a result's adjoint of 3. */
function differentiate<K extends Op>(op: K, attrs: OpAttrs[K], ...arrays: readonly (readonly number[])[]) {
  const types = arrays.map((array) => type("f32", array.length));
  const { builder, instr, args } = single(op, attrs, types);
  const g = builder.fresh(instr.results[0].type);
  const adjoints = vjp(builder, instr, [g]);
  const env: Environment = new Map();
  args.forEach((v, i) => {
    env.set(v.id, { shape: [arrays[i].length], data: Float64Array.from(arrays[i]) });
  });
  const shape = instr.results[0].type.shape.map(Number);
  env.set(g.id, { shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(3) });
  evaluateInstrs(env, builder.instrs, LENGTHS);
  return {
    value: [...env.get(instr.results[0].id)!.data],
    adjoints: adjoints.map((v) => v && [...env.get(v.id)!.data]),
  };
}

function value<K extends Op>(op: K, attrs: OpAttrs[K], ...arrays: readonly (readonly number[])[]): readonly number[] {
  return differentiate(op, attrs, ...arrays).value;
}

describe("derivatives at kinks and ties", () => {
  test("abs, sqrt and sign have gradient 0 at 0", () => {
    expect(differentiate("abs", {}, [0, -2, 2]).adjoints[0]).toEqual([0, -3, 3]);
    expect(differentiate("sqrt", {}, [0, 4]).adjoints[0]).toEqual([0, 0.75]);
    expect(differentiate("sign", {}, [0, 4]).adjoints[0]).toBeUndefined();
  });

  test("max and min pass the gradient to the first of equals", () => {
    expect(differentiate("max", {}, [1, 1, 2], [1, 2, 1]).adjoints).toEqual([
      [3, 0, 3],
      [0, 3, 0],
    ]);
    expect(differentiate("min", {}, [1, 1, 2], [1, 2, 1]).adjoints).toEqual([
      [3, 3, 0],
      [0, 0, 3],
    ]);
  });

  test("a reduction passes the gradient to the first element that attains the extreme", () => {
    const of = (kind: "max" | "min") => differentiate("reduce", { kind, axes: [0] }, [1, 2, 0, 2, 0]).adjoints[0];
    expect(of("max")).toEqual([0, 3, 0, 0, 0]);
    expect(of("min")).toEqual([0, 0, 3, 0, 0]);
  });

  test("pow is right for a negative base with a whole exponent, and finite at 0", () => {
    const { value, adjoints } = differentiate("pow", {}, [-2, -2, 0, 0, 0], [3, 2, 2, 1, 0]);
    expect(value).toEqual([-8, 4, 0, 0, 1]);
    expect(adjoints[0]).toEqual([36, -12, 0, 3, 0]);
    expect(adjoints[1]).toEqual([0, 0, 0, 0, 0]);
  });

  test("stop_gradient keeps the value and ends the gradient", () => {
    expect(differentiate("stop_gradient", {}, [5])).toEqual({ value: [5], adjoints: [undefined] });
  });
});

describe("extremes", () => {
  const far = [-1e4, -800, 800, 1e4];

  test("sigmoid, tanh and softplus do not overflow", () => {
    expect(value("sigmoid", {}, far)).toEqual([0, 0, 1, 1]);
    expect(value("tanh", {}, far)).toEqual([-1, -1, 1, 1]);
    expect(value("softplus", {}, far)).toEqual([0, 0, 800, 1e4]);
    expect(value("softplus", {}, [-40])[0]).toBeCloseTo(Math.exp(-40), 30);
    expect(differentiate("softplus", {}, far).adjoints[0]).toEqual([0, 0, 3, 3]);
  });

  // Abramowitz and Stegun, table 7.1, and erfc(5) = 1.5374597944280349e−12 (DLMF 7).
  test.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [-2, -0.9953222650189527],
    [5, 1 - 1.5374597944280349e-12],
    [1e-9, (2e-9 / Math.sqrt(Math.PI)) * (1 - 1e-18 / 3)],
    [50, 1],
    [-Infinity, -1],
  ])("erf(%d) to f64 accuracy", (x, expected) => {
    expect(Math.abs(value("erf", {}, [x])[0] - expected)).toBeLessThanOrEqual(1e-15 * Math.abs(expected));
  });

  test("gather refuses an index outside the table", () => {
    const { instr } = single("gather", {}, [type("f32", 3), type("i32")]);
    const table = { shape: [3], data: Float64Array.of(1, 2, 3) };
    const context = { lengths: LENGTHS, run: () => [] };
    for (const row of [-1, 3]) {
      const index = { shape: [], data: Float64Array.of(row) };
      expect(() => registry.gather.evaluate(instr, [table, index], context)).toThrow(InternalError);
    }
  });
});

describe("types that do not fit", () => {
  const f = (...shape: Type["shape"]) => type("f32", ...shape);
  const i = (...shape: Type["shape"]) => type("i32", ...shape);
  const refused = <K extends Op>(op: K, attrs: OpAttrs[K], ...args: readonly Type[]) =>
    [`${op} ${JSON.stringify(attrs)} of ${JSON.stringify(args)}`, () => registry[op].type(attrs, args)] as const;
  test.each([
    refused("add", {}, f(3), f(4)),
    refused("add", {}, f(3), f()),
    refused("add", {}, f(3), i(3)),
    refused("add", {}, f(3)),
    refused("add", {}, type("bool", 3), type("bool", 3)),
    refused("exp", {}, i(3)),
    refused("lt", {}, type("bool"), type("bool")),
    refused("eq", {}, f(), i()),
    refused("and", {}, f(), f()),
    refused("not", {}, f()),
    refused("select", {}, f(), f(), f()),
    refused("select", {}, type("bool"), f(), i()),
    refused("const", { value: 1, elem: "f32" }, f()),
    refused("iota", { shape: [3], axis: 1 }),
    refused("broadcast", { shape: [3, 4], axes: [1] }, f(3)),
    refused("broadcast", { shape: [3, 3], axes: [1, 1] }, f(3, 3)),
    refused("broadcast", { shape: [3], axes: [0] }, f()),
    refused("broadcast", { shape: [3], axes: [3] }, f(3)),
    refused("reduce", { kind: "sum", axes: [1] }, f(3)),
    refused("reduce", { kind: "sum", axes: [1, 0] }, f(3, 3)),
    refused("reduce", { kind: "sum", axes: [] }, f(3)),
    refused("reduce", { kind: "max", axes: [0] }, type("bool", 3)),
    refused("contract", { lhs: "mk", rhs: "kn", out: "mn" }, f(3, 4), f(3, 4)),
    refused("contract", { lhs: "m", rhs: "kn", out: "mn" }, f(3, 4), f(4, 2)),
    refused("contract", { lhs: "mk", rhs: "kn", out: "m" }, f(3, 4), f(4, 2)),
    refused("contract", { lhs: "mk", rhs: "kn", out: "mx" }, f(3, 4), f(4, 2)),
    refused("contract", { lhs: "kk", rhs: "kn", out: "n" }, f(4, 4), f(4, 2)),
    refused("contract", { lhs: "k", rhs: "k", out: "" }, i(3), i(3)),
    refused("slice", { axis: 0, start: 2, size: 2 }, f(3)),
    refused("slice", { axis: 0, start: -1, size: 2 }, f(3)),
    refused("slice", { axis: 0, start: 0, size: 0 }, f(3)),
    refused("slice", { axis: 0, start: 0, size: 2 }, f("T")),
    refused("concat", { axis: 0 }),
    refused("concat", { axis: 0 }, f(3, 2), f(3, 1)),
    refused("concat", { axis: 0 }, f(3), f("T")),
    refused("concat", { axis: 0 }, f(3), i(3)),
    refused("shift", { axis: 1, offset: 1, fill: 0 }, f(3)),
    refused("shift", { axis: 0, offset: 0.5, fill: 0 }, f(3)),
    refused("gather", {}, f(), i(3)),
    refused("gather", {}, f(3), f(3)),
  ])("%s", (_, infer) => {
    expect(infer).toThrow(InternalError);
  });

  test("inferTypes looks at the arguments of the instruction", () => {
    const { instr } = single("add", {}, [f("T", 2), f("T", 2)]);
    expect(inferTypes(instr)).toEqual([f("T", 2)]);
    const broken: Instr = { ...instr, args: [instr.args[0]] };
    expect(() => inferTypes(broken)).toThrow(InternalError);
  });
});
