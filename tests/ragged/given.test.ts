/** @file Own lengths on their way in and out: checks, what stands past an end, the IR's text, generated types, streams. */

import { describe, expect, test } from "vitest";
import { checkInputs } from "../../runtime/validate.js";
import { parseModule } from "../../src/ir/parse.js";
import { printGraph, printModule } from "../../src/ir/print.js";
import { present } from "../../src/support/assert.js";
import { moduleOf } from "../lower/support.js";
import { compileText } from "../support/compiled.js";
import { models } from "./models.js";

describe("inputs", () => {
  const pairs = { name: "pairs", elem: "f32", shape: ["S", 2, "T"] } as const;
  const ids = { name: "ids", elem: "i32", shape: ["T"], classes: 4 } as const;
  const plain = { name: "plain", elem: "f32", shape: ["U"] } as const;
  const sizes = { _B: 2, S: 2, T: 3, U: 1 };
  const given = {
    // biome-ignore format: as the axes lie
    pairs: Float32Array.of(
      1, 2, NaN,   3, 4, NaN,      NaN, NaN, NaN,   NaN, NaN, NaN,
      5, NaN, NaN,   6, NaN, NaN,      7, NaN, NaN,   8, NaN, NaN,
    ),
    ids: Int32Array.of(1, 2, -1, 3, 9, 9),
    plain: Float32Array.of(1, 2),
  };
  const ends = { S: Uint8Array.of(1, 2), T: Int32Array.of(2, 1) };
  const check = (more: object) => checkInputs([pairs, ids, plain], { ...given, ...more }, sizes, ["S", "T"]);

  test("past an end stands a copy of the last step, and what was given is left alone", () => {
    const before = given.pairs.slice();
    expect(Object.fromEntries(check(ends))).toEqual({
      // biome-ignore format: as the axes lie
      pairs: Float32Array.of(
        1, 2, 2,   3, 4, 4,      1, 2, 2,   3, 4, 4,
        5, 5, 5,   6, 6, 6,      7, 7, 7,   8, 8, 8,
      ),
      ids: Float32Array.of(1, 2, 2, 3, 3, 3),
      plain: Float32Array.of(1, 2),
      S: Float32Array.of(1, 2),
      T: Float32Array.of(2, 1),
    });
    expect(given.pairs).toEqual(before);
  });

  test("before an end everything is checked", () => {
    expect(() => check({ S: ends.S })).toThrow("`pairs` is NaN at [0, 0, 0, 2]");
    expect(() => check({ ...ends, T: Int32Array.of(2, 2) })).toThrow("`pairs` is NaN at [1, 0, 0, 1]");
    expect(() => check({ ...ends, V: ends.S })).toThrow(
      "unknown input `V`: the model takes `pairs`, `ids`, `plain`, `S`, `T`",
    );
  });

  test("without lengths every example is as long as the batch", () => {
    const checked = checkInputs([plain], { plain: given.plain }, sizes, ["U"]);
    expect(checked).toEqual([
      ["plain", given.plain],
      ["U", Float32Array.of(1, 1)],
    ]);
  });
});

test("the text of the IR names them", () => {
  const module = moduleOf(models["an encoder and a decoder of two lengths"].text);
  expect(module.ragged).toEqual(["S", "T"]);
  expect(printModule(parseModule(printModule(module)))).toBe(printModule(module));
});

test("the generated types offer them", () => {
  const { typescript } = compileText(models["a scan"].text);
  expect(typescript).toContain("readonly T?: Int32Array | Uint32Array | Uint16Array | Uint8Array | undefined;");
  expect(compileText(models["a scan"].text.replace(" ragged", "")).typescript).not.toContain("T?:");
});

test.each(["a scan", "attention over the past, along the last axis, by a matrix product"])(
  "in a stream no example ends: %s",
  (name) => {
    const { text } = models[name];
    const [ragged, plain] = [text, text.replace(" ragged", "")].map((t) =>
      printGraph("stream", present(compileText(t).module.graphs.stream, "test", "the stream")),
    );
    expect(ragged).toBe(plain);
  },
);

test("a stream refuses a length whose examples end, where only the loss made another one lead", () => {
  const { module } = compileText(`
    cell Sum(D) { input x: [D] state h: [D] h' = h + x output h' }
    model M(D = 2) {
      length T ragged, S ragged
      input x: [T, D], y: [S, D]
      use f = Sum(D), g = Sum(D)
      xs = scan f(x)
      ys, end = scan g(y)
      output last = end.h
      loss mean(xs)
    }`);
  expect(module.streamRefusal).toBe("examples that end along S");
});

test("a layer runs over what it is given, whatever its own text says of lengths", () => {
  const layer = "layer Mean(D) { length L ragged input v: [L, D] output m[d] = mean[l](v[l, d]) }";
  const model = (length: string) => `${layer}
    model M(D = 2) { ${length} input x: [T, D] use mean_ = Mean(D) output y = mean_(x) }`;
  expect(moduleOf(model("")).ragged).toBeUndefined();
  expect(moduleOf(model("length T")).ragged).toBeUndefined();
  expect(moduleOf(model("length T ragged")).ragged).toEqual(["T"]);
});
