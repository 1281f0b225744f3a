/** @file Inputs are refused with their name, the place and the rule before they reach a device. */

import { describe, expect, test } from "vitest";
import type { Port } from "../../runtime/manifest.js";
import { checkInputs, checkSizes } from "../../runtime/validate.js";

const ports: readonly Port[] = [
  { name: "tokens", elem: "i32", shape: ["T"], classes: 7 },
  { name: "scale", elem: "f32", shape: [2] },
  { name: "on", elem: "bool", shape: [] },
];
const sizes = { _B: 2, T: 3 };
const good = { tokens: Uint8Array.of(0, 6, 3, 2, 1, 5), scale: Float32Array.of(1, 2, 3, 4), on: Uint8Array.of(0, 1) };

test("what fits becomes f32 in the order of the ports", () => {
  const checked = checkInputs(ports, { ...good, scale: Float64Array.of(0.1, 2, 3, 4) }, sizes);
  expect(checked).toEqual([
    ["tokens", Float32Array.of(0, 6, 3, 2, 1, 5)],
    ["scale", Float32Array.of(0.1, 2, 3, 4)],
    ["on", Float32Array.of(0, 1)],
  ]);
});

describe("refused is", () => {
  test.each<[string, object, string]>([
    ["a missing input", { tokens: good.tokens, on: good.on }, "input `scale` is missing: give a Float32Array"],
    ["an unknown input", { ...good, token: good.on }, "unknown input `token`: the model takes `tokens`, `scale`, `on`"],
    ["a list", { ...good, scale: [1, 2, 3, 4] }, "`scale` must be a Float32Array or Float64Array, not Array"],
    ["null", { ...good, on: null }, "`on` must be a Uint8Array, not null"],
    ["floats for ids", { ...good, tokens: Float32Array.of(0, 1, 2, 3, 4, 5) }, "`tokens` must be a Int32Array or"],
    ["a wrong size", { ...good, tokens: Int32Array.of(1, 2) }, "`tokens` has 2 elements and needs 6: batch 2 × T 3"],
    [
      "an id too large",
      { ...good, tokens: Int32Array.of(0, 1, 2, 3, 7, 9) },
      "`tokens` is 7 at [1, 1]: values go from 0 to 6",
    ],
    ["a negative id", { ...good, tokens: Int32Array.of(0, 1, -1, 3, 7, 9) }, "`tokens` is -1 at [0, 2]"],
    ["an infinity", { ...good, scale: Float32Array.of(1, 2, 3, -Infinity) }, "`scale` is -Infinity at [1, 1]"],
    ["a number beyond f32", { ...good, scale: Float64Array.of(1, 1e39, 3, 4) }, "`scale` is 1e+39 at [0, 1]"],
    ["a bool of 2", { ...good, on: Uint8Array.of(1, 2) }, "`on` is 2 at [1]: values go from 0 to 1"],
  ])("%s", (_, given, message) => {
    expect(() => checkInputs(ports, given, sizes)).toThrow(message);
  });

  test("a whole number that f32 does not hold", () => {
    const port: Port = { name: "n", elem: "i32", shape: [] };
    expect(() => checkInputs([port], { n: Int32Array.of(2 ** 24 + 1) }, { _B: 1 })).toThrow("values go from -16777216");
  });
});

describe("sizes", () => {
  test("take a number for one length and names for several", () => {
    expect(checkSizes([], { batch: 3 })).toEqual({ _B: 3 });
    expect(checkSizes(["T"], { batch: 3, length: 5 })).toEqual({ _B: 3, T: 5 });
    expect(checkSizes(["T"], { batch: 3, length: { T: 5 } })).toEqual({ _B: 3, T: 5 });
    expect(Object.keys(checkSizes(["T", "S"], { batch: 3, length: { S: 2, T: 5 } }))).toEqual(["_B", "T", "S"]);
  });

  test.each<[readonly string[], { batch: number; length?: number | object }, string]>([
    [["T"], { batch: 1 }, "`length` must be a whole number above zero, not undefined"],
    [["T"], { batch: 1, length: 0 }, "`length`"],
    [["T"], { batch: 1.5, length: 1 }, "`batch`"],
    [["T", "S"], { batch: 1, length: 2 }, "give `length` as { T, S }"],
    [["T", "S"], { batch: 1, length: { T: 2 } }, "`length.S`"],
    [["T"], { batch: 1, length: { T: 2, U: 1 } }, "unknown length U: the model has T"],
    [[], { batch: 1, length: 2 }, "leave `length` out"],
  ])("of lengths %j refuse %j", (lengths, options, message) => {
    expect(() => checkSizes(lengths, options)).toThrow(message);
  });
});
