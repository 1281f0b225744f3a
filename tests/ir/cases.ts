/**
 * @file For each op of the registry a list of cases: attributes, argument types, arguments where the default random
 * ones would not do. The tests of evaluation, derivative and lift all loop over them; a new op does not compile here.
 */

import type { NdArray } from "../../src/ir/ndarray.js";
import type { Op, OpAttrs, Type } from "../../src/ir/types.js";
import { apart, fill, floats, type, wholes } from "./random.js";

export interface Case<Attrs> {
  readonly attrs: Attrs;
  readonly args: readonly Type[];
  /** Arrays for the arguments; random of any sign and no ties to speak of unless said. */
  readonly arrays?: (random: () => number) => readonly NdArray[];
}

/** The attributes of an op that has none. */
export type None = OpAttrs["add"];

const shapes = [[], [6], ["_B", "T", 2], ["T", 3], ["_B", 3]];

function pointwiseCases(elems: readonly Type["elem"][], low = -1.5, high = 1.5): readonly Case<None>[] {
  return shapes.map((shape) => {
    const args = elems.map((elem) => type(elem, ...shape));
    return {
      attrs: {},
      args,
      arrays: (random) => args.map((a) => (a.elem === "f32" ? floats(random, a.shape, low, high) : fill(random, a))),
    };
  });
}

/** Distinct values away from zero: no kink of abs, max, min, or a reduction lies within a difference step. */
function kinked(...args: readonly Type[]): Case<None> {
  return { attrs: {}, args, arrays: (random) => distinct(random, args) };
}

function distinct(random: () => number, args: readonly Type[]): readonly NdArray[] {
  const drawn = args.map((a) => fill(random, a));
  const values = apart(
    random,
    drawn.reduce((n, a) => n + a.data.length, 0),
  );
  let next = 0;
  return drawn.map((a) => {
    next += a.data.length;
    return { shape: a.shape, data: Float64Array.from(values.slice(next - a.data.length, next)) };
  });
}

const f = (...shape: Type["shape"]) => type("f32", ...shape);
const one = pointwiseCases(["f32"]);
const positive = pointwiseCases(["f32"], 0.2, 2);
const two = pointwiseCases(["f32", "f32"]);
const integers = pointwiseCases(["i32", "i32"]);
const bools = pointwiseCases(["bool", "bool"]);
const comparisons = [...two, ...integers];
const steps = [kinked(f(7)), kinked(f("_B", 4))];
const pairs = [kinked(f(7), f(7)), kinked(f("_B", "T"), f("_B", "T"))];

export const cases: { readonly [K in Exclude<Op, "scan">]: readonly Case<OpAttrs[K]>[] } = {
  neg: one,
  exp: one,
  log: positive,
  sqrt: positive,
  abs: steps,
  sign: steps,
  sin: one,
  cos: one,
  tanh: one,
  sigmoid: one,
  softplus: one,
  erf: one,
  not: pointwiseCases(["bool"]),
  to_f32: [...pointwiseCases(["i32"]), ...pointwiseCases(["bool"]), ...one],
  to_i32: [...pointwiseCases(["bool"]), ...steps],
  stop_gradient: [...one, ...pointwiseCases(["i32"])],
  add: [...two, ...integers],
  sub: [...two, ...integers],
  mul: [...two, ...integers],
  div: pointwiseCases(["f32", "f32"], 0.3, 2),
  pow: pointwiseCases(["f32", "f32"], 0.3, 2),
  max: pairs,
  min: pairs,
  lt: comparisons,
  le: comparisons,
  gt: comparisons,
  ge: comparisons,
  eq: [...comparisons, ...bools],
  ne: [...comparisons, ...bools],
  and: bools,
  or: bools,
  select: [...pointwiseCases(["bool", "f32", "f32"]), ...pointwiseCases(["bool", "i32", "i32"])],
  const: [
    { attrs: { value: 0.1, elem: "f32" }, args: [] },
    { attrs: { value: 1, elem: "bool" }, args: [] },
  ],
  iota: [
    { attrs: { shape: ["_B", 2, "T"], axis: 2 }, args: [] },
    { attrs: { shape: ["_B", 2, "T"], axis: 0 }, args: [] },
    { attrs: { shape: [5], axis: 0 }, args: [] },
  ],
  length: [{ attrs: { name: "T" }, args: [] }],
  training: [{ attrs: {}, args: [] }],
  random: [[], [6], ["_B", "T", 2], ["T"]].map((shape) => ({ attrs: { stream: 3 }, args: [type("i32", ...shape)] })),
  broadcast: [
    { attrs: { shape: [2, 3], axes: [] }, args: [f()] },
    { attrs: { shape: ["_B", 3, 2], axes: [1] }, args: [f(3)] },
    { attrs: { shape: ["_B", 3, 2], axes: [2, 0] }, args: [f(2, "_B")] },
    { attrs: { shape: [3, 2, "_B"], axes: [2, 0] }, args: [f("_B", 3)] },
    { attrs: { shape: ["S", 2, "_B", 3], axes: [2, 3, 0] }, args: [f("_B", 3, "S")] },
    { attrs: { shape: ["_B", "S"], axes: [0] }, args: [type("i32", "_B")] },
  ],
  reduce: (["sum", "max", "min"] as const).flatMap((kind) => {
    const over = (axes: readonly number[], ...args: readonly Type[]): Case<OpAttrs["reduce"]> => ({
      attrs: { kind, axes },
      args,
      arrays: (random) => distinct(random, args),
    });
    return [
      over([0], f(7)),
      over([0], f("_B", 3)),
      over([1], f("_B", 3)),
      over([0], f(3, "_B", 2)),
      over([0, 2], f("_B", 3, "S")),
      over([0, 1, 2], f("_B", "S", 2)),
      over([1, 2], f("_B", "S", 2)),
    ];
  }),
  contract: [
    { attrs: { lhs: "mk", rhs: "kn", out: "mn" }, args: [f(3, 4), f(4, 2)] },
    { attrs: { lhs: "bk", rhs: "nk", out: "bn" }, args: [f("_B", 4), f(2, 4)] },
    { attrs: { lhs: "nk", rhs: "bk", out: "nb" }, args: [f(2, 4), f("_B", 4)] },
    { attrs: { lhs: "btk", rhs: "btn", out: "kn" }, args: [f("_B", "S", 2), f("_B", "S", 3)] },
    { attrs: { lhs: "btk", rhs: "bsk", out: "bst" }, args: [f("_B", "S", 2), f("_B", 3, 2)] },
    { attrs: { lhs: "k", rhs: "k", out: "" }, args: [f(5), f(5)] },
    { attrs: { lhs: "i", rhs: "j", out: "ji" }, args: [f(5), f(3)] },
    { attrs: { lhs: "b", rhs: "", out: "b" }, args: [f("_B"), f()] },
  ],
  slice: [
    { attrs: { axis: 0, start: 1, size: 3 }, args: [f(6)] },
    { attrs: { axis: 1, start: 0, size: 2 }, args: [f("_B", 5)] },
    { attrs: { axis: 1, start: 4, size: 1 }, args: [f("_B", 5, "S")] },
    { attrs: { axis: 0, start: 2, size: 2 }, args: [f(4, 3)] },
    { attrs: { axis: 0, start: 0, size: 2 }, args: [type("i32", 4, 3)] },
  ],
  concat: [
    { attrs: { axis: 0 }, args: [f(2), f(3), f(1)] },
    { attrs: { axis: 1 }, args: [f("_B", 2), f("_B", 4)] },
    { attrs: { axis: 1 }, args: [f("S", 2, 3), f("S", 1, 3)] },
    { attrs: { axis: 0 }, args: [type("bool", 2), type("bool", 2)] },
  ],
  shift: [
    { attrs: { axis: 0, offset: 2, fill: 0.5 }, args: [f("S")] },
    { attrs: { axis: 1, offset: -1, fill: 0 }, args: [f("_B", "S", 2)] },
    { attrs: { axis: 0, offset: 9, fill: -1 }, args: [f("S", 2)] },
    { attrs: { axis: 1, offset: -7, fill: 3 }, args: [type("i32", "_B", 4)] },
    { attrs: { axis: 1, offset: 0, fill: 3 }, args: [f("_B", 4)] },
  ],
  gather: [
    gatherCase(f(6, 3), "_B", "T"),
    gatherCase(f(6), 4),
    gatherCase(f(6, 2, 3)),
    gatherCase(f(6, "_B", 2)),
    gatherCase(type("i32", 6, 2), "_B"),
  ],
};

function gatherCase(table: Type, ...places: Type["shape"]): Case<None> {
  const index = type("i32", ...places);
  return {
    attrs: {},
    args: [table, index],
    arrays: (random) => [fill(random, table), wholes(random, places, 6)],
  };
}
