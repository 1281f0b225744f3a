/** @file Random numbers against published vectors, and the start of parameters against their distributions. */

import { describe, expect, test } from "vitest";
import { initialiseParameter, initialiseParameters } from "../../runtime/initialise.js";
import type { Init, InitExpr, ParameterSpec } from "../../runtime/manifest.js";
import { threefry, toNormal, toUniform } from "../../runtime/random.js";
import { affine } from "./manifests.js";

const number = (value: number): InitExpr => ({ op: "number", value });
const apply = (op: string, ...args: InitExpr[]): InitExpr => ({ op, args });
const start = (shape: readonly number[], expr: InitExpr, name = "w", seed = 7): Float64Array =>
  initialiseParameter({ name, shape, offset: 0, init: { kind: "expression", expr } }, seed);
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("Threefry-2x32", () => {
  // The known-answer vectors that Random123 ships with.
  test.each([
    [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
  ])("key %i %i, counter %i %i", (k0, k1, c0, c1, x, y) => {
    expect(threefry([k0, k1], [c0, c1])).toEqual([x, y]);
  });

  test("uniforms stay below one and normals finite at the extremes of the words", () => {
    expect(toUniform([0, 0])).toBe(0);
    expect(toUniform([0xffffffff, 0xffffffff])).toBeLessThan(1);
    expect(toNormal([0, 0])).toBeLessThan(6.7);
    expect(Math.abs(toNormal([0xffffffff, 0]))).toBe(0);
  });
});

describe("expressions", () => {
  test("uniform and normal have their moments", () => {
    const uniform = start([100, 200], apply("uniform", number(-2), number(4)));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...uniform)).toBeLessThan(4);
    expect(mean(uniform)).toBeCloseTo(1, 1);
    expect(mean(uniform.map((value) => (value - 1) ** 2))).toBeCloseTo(3, 0);
    const normal = start([200, 100], apply("normal", number(3), number(0.5)));
    const centred = normal.map((value) => (value - 3) / 0.5);
    expect(Math.abs(mean(centred))).toBeLessThan(0.03);
    expect(mean(centred.map((value) => value ** 2))).toBeCloseTo(1, 1);
    expect(mean(centred.map((value) => value ** 4))).toBeCloseTo(3, 0);
  });

  test("depend on name and seed, not on the other parameters, and two draws of one element differ", () => {
    const draw = apply("uniform", number(0), number(1));
    expect(start([8], draw)).toEqual(start([8], draw));
    expect(start([8], draw)).not.toEqual(start([8], draw, "v"));
    expect(start([8], draw)).not.toEqual(start([8], draw, "w", 8));
    expect(start([8], draw)).toEqual(start([16], draw).subarray(0, 8));
    expect([...start([8], apply("sub", draw, draw))].every((value) => value !== 0)).toBe(true);
  });

  test("know their indices: log(n + 1) of an array [d, n]", () => {
    const values = start([2, 3], apply("log", apply("add", { op: "index", axis: 1 }, number(1))));
    expect([...values]).toEqual([1, 2, 3, 1, 2, 3].map(Math.log));
    expect([...start([2, 3], { op: "index", axis: 0 })]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test.each<[string, number[], number]>([
    ["inv_softplus", [Math.log1p(Math.exp(-9))], -9],
    ["inv_softplus", [40], 40],
    ["softplus", [800], 800],
    ["sigmoid", [-800], 0],
    ["erf", [0.5], 0.5204998778130465],
    ["erf", [-1.5], -0.9661051464753108],
    ["erf", [3], 0.9999779095030014],
    ["pow", [-2, 3], -8],
    ["min", [2, -3], -3],
    ["le", [2, 2], 1],
    ["not", [2], 0],
  ])("%s(%j) is %d", (op, args, expected) => {
    expect(start([], apply(op, ...args.map(number)))[0]).toBeCloseTo(expected, 12);
  });

  test("an unknown function and a start that is not finite are refused", () => {
    expect(() => start([2], apply("constructor", number(1)))).toThrow("unknown function constructor");
    const [W, b] = affine.parameters;
    const init: Init = { kind: "expression", expr: apply("log", { op: "index", axis: 0 }) };
    expect(() => initialiseParameters({ ...affine, parameters: [W, { ...b, init }] }, 0)).toThrow(
      "`b` would start with -Inf",
    );
    expect(() => initialiseParameters(affine, 1.5)).toThrow("`seed`");
  });
});

describe("orthogonal", () => {
  test.each([
    [[12, 5], 1],
    [[5, 12], 1.5],
    [[6, 2, 3], 0.5],
  ])("shape %j has orthogonal rows or columns of norm %d", (shape, gain) => {
    const parameter: ParameterSpec = { name: "W", shape, offset: 0, init: { kind: "orthogonal", gain } };
    const values = initialiseParameter(parameter, 3);
    const [rows, columns] = [shape[0], values.length / shape[0]];
    const across = rows <= columns;
    const entry = (vector: number, at: number): number =>
      across ? values[vector * columns + at] : values[at * columns + vector];
    const [few, many] = across ? [rows, columns] : [columns, rows];
    for (let a = 0; a < few; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let at = 0; at < many; at++) product += entry(a, at) * entry(b, at);
        expect(product).toBeCloseTo(a === b ? gain ** 2 : 0, 12);
      }
    }
  });
});
