/** @file Every code of the catalogue is met by somebody: the tables of the parser's and the checker's tests, and these. */

import { describe, expect, test, vi } from "vitest";
import { explain } from "../../src/cli/program.js";
import { compile } from "../../src/compile.js";
import { catalogue, type DiagnosticCode } from "../../src/diagnostics/catalogue.js";
import { InternalError } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { mistakes as checked } from "../check/mistakes.js";
import { mistakes as parsed } from "../parser/mistakes.js";

const model = (body: string) => `model M(D = 3) { input x: [T, D] target y: [T, D] param w: f32 ~ ones ${body} }`;

/** Warnings that take the derivative: the code and the text that it marks. */
const compiled: readonly (readonly [text: string, ...expected: `${DiagnosticCode} ${string}`[]])[] = [
  [model("loss mse(w * x, y)")],
  [model("output z = w * x loss mse(x, y)"), "SEQ5001 mse(x, y)"],
  [model("loss mse(stop_gradient(w) * x, y)"), "SEQ5001 mse(stop_gradient(w) * x, y)"],
  [model("param v: f32 ~ ones loss mse(where(v > 0, w, 0) * x, y)"), "SEQ5002 v"],
  [model("param v: f32 ~ ones frozen loss mse(where(v > 0, w, 0) * x, y)")],
  // Without a loss there is nothing to warn of: a model may be there to run.
  ["model M(D = 3) { input x: [T, D] output y = x }"],
];

describe("of the derivative", () => {
  test.each(compiled)("%s", (text, ...expected) => {
    const { diagnostics, models } = compile({ files: ["test.seq"], host: hostOf({ "test.seq": text }), verify: true });
    expect(diagnostics.map(({ code, span }) => `${code} ${text.slice(span.start, span.end)}`)).toEqual(expected);
    expect(diagnostics.every(({ severity }) => severity === "warning")).toBe(true);
    expect(models).toHaveLength(1);
  });
});

test("what cannot carry states is told so where that is asked for", () => {
  const text = model("y2[t, d] = x[t + 1, d] else 0 loss mse(w * y2, y)");
  const options = { files: ["test.seq"], host: hostOf({ "test.seq": text }) };
  const { diagnostics, models } = compile({ ...options, stateful: true });
  expect(diagnostics.map(({ code, severity, message }) => [code, severity, message])).toEqual([
    ["SEQ5003", "error", "`M` cannot carry states: a look ahead along T, in `y2`."],
  ]);
  expect(models).toEqual([]);
  expect(compile(options).diagnostics).toEqual([]);
});

test("a fault of the compiler carries its code", () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  explain(new InternalError("lower", "the label has no rank"), false);
  expect(said.mock.calls.flat().join("\n")).toContain("SEQ9001");
  said.mockRestore();
});

test("no code is there for nothing", () => {
  const rows = [...Object.values(checked).flat(), ...compiled];
  const codes = rows.flatMap(([, ...expected]) => expected.map((line) => line.split(" ")[0]));
  const met = new Set<string>([...Object.keys(parsed), ...codes, "SEQ5003", "SEQ9001"]);
  expect(Object.keys(catalogue).filter((code) => !met.has(code))).toEqual([]);
});
