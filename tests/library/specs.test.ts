/** @file Every declaration of the library says what it is, and every file is held against another's implementation. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { LIBRARY_FIXTURES } from "../fixtures/library.js";

const specs = new URL("../../specs/", import.meta.url);
const files = readdirSync(specs, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".seq"));

/** These have fixtures of their own, under `tests/fixtures/torch`. */
const ELSEWHERE = ["rnn", "lstm", "gru", "embedding", "linear", "char-lm"];

describe.each(files)("%s", (file) => {
  const text = readFileSync(new URL(file, specs), "utf8");

  test("has a doc comment in front of each cell, layer and model", () => {
    const declarations = [...text.matchAll(/^(?:cell|layer|model) \w+/gm)];
    expect(declarations.length).toBeGreaterThan(0);
    for (const { index } of declarations) {
      const doc = text.slice(0, index).match(/(?:^\/\/\/ .*\n)+$/m)?.[0] ?? "";
      expect(doc.length).toBeGreaterThan(80);
    }
  });

  test("has reference values", () => {
    const name = file.replace(/^.*[\\/]/, "").replace(/\.seq$/, "");
    expect([...LIBRARY_FIXTURES, ...ELSEWHERE]).toContain(name);
  });
});

/** Those that take a size for what comes in and one for what goes out. */
const CELLS: Readonly<Record<string, string>> = {
  rnn: "RNN",
  "simple-rnn": "SimpleRNN",
  lstm: "LSTM",
  "lstm-concat": "LSTMConcat",
  "lstm-peephole": "LSTMPeephole",
  gru: "GRU",
  "gru-concat": "GRUConcat",
  mgu: "MGU",
  indrnn: "IndRNN",
  "min-gru": "MinGRU",
  "min-lstm": "MinLSTM",
  lru: "LRU",
};

test.each(Object.entries(CELLS))("a classifier takes %s", (file, cell) => {
  const classifier = readFileSync(new URL("models/classifier.seq", specs), "utf8");
  const text = classifier.replace("cell = LSTM", `cell = ${cell}`).replaceAll("LSTM }", `${cell} }`);
  const { diagnostics } = check({
    files: ["test.seq"],
    host: hostOf({ "test.seq": text.replace("std/lstm", `std/${file}`) }),
  });
  expect(text).toContain(`cell = ${cell}`);
  expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
});
