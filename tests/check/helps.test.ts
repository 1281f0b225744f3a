/** @file Common mistakes of those who come from other frameworks: one diagnostic each, and its help. */

import { describe, expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { catalogue } from "../../src/diagnostics/catalogue.js";
import { parse } from "../../src/parser/parse.js";
import { hostOf } from "./host.js";

function messages(text: string): string[] {
  const { diagnostics } = checkProgram({ files: ["test.seq"], host: hostOf({ "test.seq": text }), parse });
  return diagnostics.map(({ code, message, help }) => `${code} ${message} ${help}`);
}

const cell = (value: string) =>
  `cell C(H) { input x: [H] state h: [H] param U: [H, H] ~ orthogonal h' = ${value} output h' }`;
const model = (body: string) =>
  `cell Pair(D) { input x: [D] state h: [D], c: [D] h' = x + c c' = h output h' }
   cell One(D) { input x: [D] state h: [D] h' = x + h output h' }
   layer Head(D) { input x: [D] output y = 2 * x }
   model M(D = 4, K = 3, N = 2) {
     input x: [T, D], q: [T, N, D], b: [D]
     param A: [K, D] ~ orthogonal, B: [D, N] ~ orthogonal, n: [N] ~ zeros
     use one = One(D), pair = Pair(D), deep[2] = One(D), head = Head(D)
     hs, end = scan one(x)
     gs, last = scan pair(x)
     ds, top = chain scan deep(x)
     ${body}
     output hs
   }`;

const rows: readonly (readonly [text: string, ...said: string[]])[] = [
  [cell("tanh(U @ h[t - 1] + x)"), "SEQ2001", "bare `h` is h at t − 1, `h'` is h at t"],
  [cell("tanh(U @ h + x[t])"), "SEQ2001", "a cell is one step: write `x`"],
  [cell("tanh(U @ h + x[n])"), "SEQ2001 Nothing here is called `n`. undefined"],
  [
    "cell C(H) { input x: [H] state h: [H] h'[i] = h[i - 1] + x[i] output h' }",
    "SEQ3006",
    "`h[i - 1] else 0`; the step before needs no index",
  ],
  [model("loss hs"), "SEQ3018", "`e[t] = mean[k](y[t, k])`"],
  [model("y = head(hs[-1])"), "SEQ3006", "`hs[T - 1]`"],
  [model("y = hs[-2]"), "SEQ3006", "`hs[T - 2]`"],
  [model("y = b[-1]"), "SEQ3006", "`b[D - 1]`"],
  [model("y[t, d] = q[t - 1, 0, d]"), "SEQ3006", "say what stands there: `q[t - 1, 0, d] else 0`"],
  [model("y = hs.mean(0)"), "SEQ1014", "`mean[i](hs[i])`"],
  [model("y = hs.sum(1)"), "SEQ1014", "`y[i] = sum[j](hs[i, j])`"],
  [model("y = hs.softmax(1)"), "SEQ1014", "`y[i, j] = softmax[j](hs[i, j])`"],
  [
    model("y[t] = end.h.tanh()"),
    "SEQ1014 Values have no methods such as `tanh`.",
    "in front of what it takes: `tanh(end.h)`",
  ],
  [model("y = softmax(x, dim = 1)"), "SEQ2011", "`y[t, d] = softmax[d](x[t, d])`"],
  [model("y = mean(x, axis = 0)"), "SEQ2011", "`y[d] = mean[t](x[t, d])`"],
  [model("y = sum(q, -2)"), "SEQ2010", "`y[t, d] = sum[i](q[t, i, d])`"],
  [model("y = head(x = b)"), "SEQ2011"],
  [model("y = A @ x"), "SEQ3002", "`y[t, k] = sum[d](A[k, d] * x[t, d])`"],
  [model("y = x @ A"), "SEQ3002", "`y[t, k] = sum[d](x[t, d] * A[k, d])`"],
  [model("y = A @ q"), "SEQ3002", "`y[t, i, k] = sum[d](A[k, d] * q[t, i, d])`"],
  [model("y = b @ b"), "SEQ3002", "`sum[d](b[d] * b[d])`"],
  [model("param W: [D, K] ~ zeros y = W.T @ b"), "SEQ2005", "there is no transpose: ", "`y[k, d] = W[d, k]`"],
  [model("y = q.T"), "SEQ2005", "`y[t, d, i] = q[t, i, d]`"],
  [model("y = b.T"), "SEQ2005 `b` is a value and has no members. undefined"],
  [model("y = transpose(A) @ b"), "SEQ2003", "there is no transpose: ", "`y[d, k] = A[k, d]`"],
  [model("y = transpose(A, 0, 1)"), "SEQ2003", "`y[d, k] = A[k, d]`"],
  [model("y = cumsum(x)"), "SEQ2003", "`y[t: T, d] = sum[i](where(i <= t, x[i, d], 0))`"],
  [model("y = cumsum(x, dim = -1)"), "SEQ2003", "`y[t, d: D] = sum[i](where(i <= d, x[t, i], 0))`"],
  [model("y = argmax(x)"), "SEQ2003", "`y[t] = min[d](where(x[t, d] == max[i](x[t, i]), d, inf))`"],
  [model("y = argmin(x, 0)"), "SEQ2003", "`y[d] = min[t](where(x[t, d] == min[i](x[i, d]), t, inf))`"],
  [model("y = argmax(b, dim = 0)"), "SEQ2003", "`min[d](where(b[d] == max[i](b[i]), d, inf))`"],
  [model("y = argmax(n[0])"), "SEQ2003 There is no function `argmax`. undefined"],
  [model("y = A @ n"), "SEQ3002 The last axis", "undefined"],
  [model("param p: [K, D] ~ xavier"), "SEQ2001", "the nearest here is `xavier_uniform` or `xavier_normal`"],
  [model("param p: [K, D] ~ glorot_normal"), "SEQ2001", "the nearest here is `xavier_normal`"],
  [model("param p: [K, D] ~ xavier_uniform_"), "SEQ2001", "did you mean `xavier_uniform`?"],
  [model("param p: [K, D] ~ he_normal()"), "SEQ2003", "the nearest here is `kaiming_normal`"],
  [model("param p: [K, D] ~ randn_"), "SEQ2001", "the nearest here is `normal(0, 0.1)`"],
  [model("param p: [K, D] ~ constant(0.1)"), "SEQ2003", "a number, `~ 0.1`"],
  [model("param p: [K, D] ~ zero"), "SEQ2001", "did you mean `zeros`?"],
  [model("y = head(end)"), "SEQ2019", "write one of its states: `end.h`"],
  [model("y = last + b"), "SEQ2019", "`last.h` or `last.c`"],
  [model("y = head(top)"), "SEQ2019", "`top.0.h` or `top.1.h`"],
  [model("y[i: N] = b[i]"), "SEQ3004", "`b[i] else 0` reads the front of the axis"],
  [model("y[d] = b[d] * n[d]"), "SEQ3004", "`n[d] else 0` reads what there is, and 0 past the end of the axis"],
  ["model M(D = 2) { input x: [B, T, D] target t: [B, T, D] output x loss mse(x, t) }", "SEQ3024", "leave `B` out"],
];

describe("one diagnostic that says what to write", () => {
  test.each(rows)("%s", (text, ...said) => {
    const found = messages(text);
    expect(found).toHaveLength(1);
    for (const part of said) expect(found[0]).toContain(part);
  });
});

test("an index has a letter that nothing else has", () => {
  const text = "model M(D = 4, K = 3) { input x: [T, D] param d: [K, D] ~ zeros output y = d @ x }";
  expect(messages(text)[0]).toContain("`y[t, k] = sum[i](d[k, i] * x[t, i])`");
});

describe("what a help says to write is sound", () => {
  test.each([
    "y[t, k] = sum[d](A[k, d] * x[t, d])",
    "y[d, k] = A[k, d]",
    "y[t: T, d] = sum[i](where(i <= t, x[i, d], 0))",
    "y[t, d: D] = sum[i](where(i <= d, x[t, i], 0))",
    "y[t] = min[d](where(x[t, d] == max[i](x[t, i]), d, inf))",
    "y = min[d](where(b[d] == max[i](b[i]), d, inf))",
  ])("%s", (line) => {
    const text = `model M(D = 4, K = 3) { input x: [T, D], b: [D] param A: [K, D] ~ zeros ${line} output y output x, A, b }`;
    expect(messages(text)).toEqual([]);
  });
});

describe("a cell inside a cell", () => {
  const along = `cell Along(H) { input a: [H] state left: [H] left' = tanh(a + left) output left' }`;
  const layer = `layer Row(H) { input a: [W, H] use along = Along(H) output row = scan along(a) }`;

  test("is refused, and a layer that scans along a size is named in its place", () => {
    const text = `${along} cell C(W, H) { input x: [W, H] state h: [W, H] use c = Along(H) h' = scan c(x + h) output h' }`;
    const found = messages(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^SEQ4012 .* a layer that scans along a size may stand in a cell$/);
    expect(catalogue.SEQ4012.explanation).toContain("A layer that scans along a size may stand in a cell");
  });

  test("such a layer is sound", () => {
    const text = `${along} ${layer} cell C(W, H) { input x: [W, H] state h: [W, H] use r = Row(H) h' = r(x + h) output h' }`;
    expect(messages(text)).toEqual([]);
  });
});
