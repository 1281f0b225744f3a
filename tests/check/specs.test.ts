/** @file The standard library: every spec is free of mistakes, and its shapes are those its names promise. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import type { Type } from "../../src/check/typed.js";
import { parse } from "../../src/parser/parse.js";
import { hostOf } from "./host.js";

const specs = fileURLToPath(new URL("../../specs/", import.meta.url));
const names = ["cells", "layers", "models"].flatMap((folder) =>
  readdirSync(`${specs}${folder}`).map((file) => `${folder}/${file}`),
);

function checked(files: Readonly<Record<string, string>>, set: Readonly<Record<string, number>> = {}) {
  const { models, diagnostics } = checkProgram({ files: Object.keys(files), host: hostOf(files), parse, set });
  return { models, told: diagnostics.map(({ code, message }) => `${code} ${message}`) };
}

const extents = (type: Type) => (type.kind === "error" ? undefined : type.axes.map(({ extent }) => extent));

describe.each(names)("%s", (name) => {
  const text = readFileSync(`${specs}${name}`, "utf8");
  test("has no mistake, warnings included", () => {
    expect(checked({ [name]: text }).told).toEqual([]);
  });
  test("says what it is, with a year", () => {
    expect(text).toMatch(/^\/\/\/ .*\b(19|20)\d\d\b/m);
  });
});

test.each([
  ["RNN", 1],
  ["LSTM", 4],
  ["GRU", 3],
])("%s has the parameters of torch.nn.%s", (cell, gates) => {
  const { models, told } = checked({
    "m.seq": `import { ${cell} } from "std/${cell.toLowerCase()}"
      model M { input xs: [T, 5] use rnn = ${cell}(5, 7) output ys = scan rnn(xs) }`,
  });
  expect(told).toEqual([]);
  expect(models[0].parameters.map(({ path, type }) => [path, extents(type)])).toEqual([
    ["rnn.W_ih", [gates * 7, 5]],
    ["rnn.W_hh", [gates * 7, 7]],
    ["rnn.b_ih", [gates * 7]],
    ["rnn.b_hh", [gates * 7]],
  ]);
  expect(extents(models[0].outputs[0].value.type)).toEqual(["T", 7]);
});

test("the character model takes its sizes from the command line", () => {
  const text = readFileSync(`${specs}models/char-lm.seq`, "utf8");
  const [model] = checked({ "char-lm.seq": text }, { V: 12, H: 9 }).models;
  expect(model.lengths).toEqual(["T"]);
  expect(model.inputs.map(({ name, type }) => [name, extents(type)])).toEqual([["tokens", ["T"]]]);
  expect(extents(model.outputs[0].value.type)).toEqual(["T", 12]);
  expect(model.parameters.map(({ path, type }) => [path, extents(type)])).toEqual([
    ["embed.W", [12, 64]],
    ["rnn.W_ih", [36, 64]],
    ["rnn.W_hh", [36, 9]],
    ["rnn.b_ih", [36]],
    ["rnn.b_hh", [36]],
    ["head.W", [12, 9]],
    ["head.b", [12]],
  ]);
});
