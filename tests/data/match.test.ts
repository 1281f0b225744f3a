/** @file Arrays against ports: what fits becomes examples as they are, and all that does not is told at once. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DataArray, matchArrays } from "../../runtime/data/index.js";
import type { Port } from "../../runtime/manifest.js";
import { checkInputs } from "../../runtime/validate.js";

const manifest = (inputs: Port[], targets: Port[] = [], ragged: string[] = []) => ({
  name: "Model",
  inputs,
  targets,
  ragged,
});
const x: Port = { name: "x", elem: "f32", shape: ["T", 2] };
const label: Port = { name: "label", elem: "i32", shape: [], classes: 3 };
const asked: Port = { name: "asked", elem: "bool", shape: ["T"] };
const array = (shape: number[], values: DataArray["values"]): DataArray => ({ shape, values });
const match = (ports: Port[], arrays: Record<string, DataArray>, ragged: string[] = []) =>
  matchArrays(manifest(ports, [], ragged), new Map(Object.entries(arrays)));

describe("what fits", () => {
  test("has its lengths and examples from the arrays, in the kinds that ports take", () => {
    const dataset = matchArrays(
      manifest([x], [label, asked]),
      new Map([
        ["asked", array([2, 3], Float64Array.of(0, 1, 1, 0, 0, 1))],
        ["x", array([2, 3, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255))],
        ["label", array([2], Float64Array.of(2, 0))],
      ]),
    );
    expect(dataset.examples).toBe(2);
    expect(dataset.lengths).toEqual({ T: 3 });
    const batch = dataset.gather([1, 0, 1]);
    expect(batch).toEqual({
      x: Float32Array.of(7, 8, 9, 10, 11, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255),
      label: Int32Array.of(0, 2, 0),
      asked: Uint8Array.of(0, 0, 1, 0, 1, 1, 0, 0, 1),
    });
    expect(() => checkInputs([x, label, asked], batch, { _B: 3, T: 3 })).not.toThrow();
  });

  test("keeps every value of every kind of array", () => {
    const kinds = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
    const number: Port = { name: "n", elem: "f32", shape: [] };
    const whole: Port = { name: "i", elem: "i32", shape: [] };
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.array(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), { minLength: 1 }),
        (Kind, numbers) => {
          const values = Kind.from(numbers);
          // A typed array wraps around what does not fit, which may leave the range that f32 holds.
          fc.pre(values.every((value) => Math.abs(value) <= 2 ** 24));
          const shape = [numbers.length];
          const batch = match([number, whole], { n: array(shape, values), i: array(shape, values) }).gather([
            ...numbers.keys(),
          ]);
          expect([...batch.n]).toEqual([...values]);
          expect([...batch.i]).toEqual([...values]);
        },
      ),
    );
  });

  test("takes an array of ends for a ragged length, and does not look past them", () => {
    const tokens: Port = { name: "tokens", elem: "i32", shape: ["T"], classes: 4 };
    const arrays = {
      tokens: array([2, 3], Int16Array.of(3, -1, -1, 0, 1, -1)),
      T: array([2], Float64Array.of(1, 2)),
    };
    const batch = match([tokens], arrays, ["T"]).gather([0, 1]);
    expect(batch.T).toEqual(Int32Array.of(1, 2));
    expect(new Map(checkInputs([tokens], batch, { _B: 2, T: 3 }, ["T"])).get("tokens")).toEqual(
      Float32Array.of(3, 3, 3, 0, 1, 1),
    );
    const early = { ...arrays, T: array([2], Float64Array.of(1, 3)) };
    expect(() => match([tokens], early, ["T"])).toThrow("`tokens` is -1 at [1, 2]: it takes whole numbers from 0 to 3");
    const late = { ...arrays, T: array([2], Float64Array.of(1, 4)) };
    expect(() => match([tokens], late, ["T"])).toThrow("`T` is 4 at [1]: it takes whole numbers from 1 to 3");
    expect(() => match([tokens], arrays)).toThrow("`T` is no input or target");
  });
});

const fitting = { x: array([2, 1, 2], Float32Array.of(1, 2, 3, 4)), label: array([2], Uint8Array.of(0, 2)) };

test.each<[string, Record<string, DataArray>, string]>([
  ["a missing array", { x: fitting.x }, "`label` is missing: wanted is [examples] of ids from 0 to 2"],
  ["an array too many", { ...fitting, y: fitting.x }, "`y` is no input or target"],
  [
    "an axis too few",
    { ...fitting, x: array([2, 2], new Float32Array(4)) },
    "`x` has the shape [2, 2]: wanted is [examples, T, 2] of numbers",
  ],
  ["another size", { ...fitting, x: array([2, 1, 3], new Float32Array(6)) }, "`x` has the shape [2, 1, 3]: wanted is"],
  [
    "no example",
    { x: array([0, 1, 2], new Float32Array()), label: array([0], new Uint8Array()) },
    "`x` has the shape [0, 1, 2], which is empty",
  ],
  [
    "another number of examples",
    { ...fitting, label: array([3], new Uint8Array(3)) },
    "`label` has examples 3, and `x` 2",
  ],
  [
    "an id too large",
    { ...fitting, label: array([2], Uint8Array.of(0, 3)) },
    "`label` is 3 at [1]: it takes whole numbers from 0 to 2",
  ],
  [
    "an id that is no whole number",
    { ...fitting, label: array([2], Float32Array.of(0.5, 1)) },
    "`label` is 0.5 at [0]",
  ],
  [
    "a value that is none",
    { ...fitting, x: array([2, 1, 2], Float32Array.of(1, 2, Number.NaN, 4)) },
    "`x` is NaN at [1, 0, 0]: it takes numbers",
  ],
  [
    "a value that is infinite in f32",
    { ...fitting, x: array([2, 1, 2], Float64Array.of(1, 1e39, 3, 4)) },
    "`x` is 1e+39 at [0, 0, 1]",
  ],
  [
    "a whole number that f32 has not",
    { ...fitting, x: array([2, 1, 2], Int32Array.of(1, 2 ** 24 + 1, 3, 4)) },
    "`x` is 16777217 at [0, 0, 1]",
  ],
])("refuses %s", (_, arrays, message) => {
  expect(() => match([x, label], arrays)).toThrow(message);
});

test("lengths have to agree, and all problems are told at once", () => {
  const arrays = {
    x: array([2, 5, 2], new Float32Array(20)),
    asked: array([2, 4], Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 2)),
    more: array([1], new Float32Array(1)),
  };
  expect(() => match([x, asked, label], arrays)).toThrow(
    "the arrays do not fit Model: `asked` has T 4, and `x` 5: wanted is [examples, T] of truth values; `label` is missing: wanted is [examples] of ids from 0 to 2; `more` is no input or target",
  );
});
