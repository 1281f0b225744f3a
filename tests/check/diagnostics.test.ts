/** @file Every diagnostic of the checker: the code and the text it marks. */

import { describe, expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { parse } from "../../src/parser/parse.js";
import { hostOf } from "./host.js";

function found(text: string, files: Readonly<Record<string, string>> = {}, set: Readonly<Record<string, number>> = {}) {
  const { diagnostics } = checkProgram({
    files: ["test.seq"],
    host: hostOf({ ...files, "test.seq": text }),
    parse,
    set,
  });
  return diagnostics;
}

/** What a table states: code and marked text, one a line, in the order found. */
function summary(text: string, files?: Readonly<Record<string, string>>): string[] {
  return found(text, files).map(({ code, span }) => `${code} ${span.file.text.slice(span.start, span.end)}`);
}

const inLayer = (body: string) => `layer L(A, B) { input x: [A] param W: [B, A] ~ zeros  output y = W @ x  ${body} }`;
const inCell = (body: string) => `cell C(I, H) { input x: [H] state h: [H] ${body} output h' }`;
const inModel = (body: string) => `model M(D = 4, V = 7) { input xs: [T, D] input w: [D] target t: [T] id(V) ${body} }`;

const counter = "cell Counter(D) { input x: [D] state h: [D] h' = h + x output h' }";
const scale = "layer Scale(D) { input x: [D] param g: [D] ~ ones  output y = g * x }";

const table: Record<string, readonly (readonly [text: string, ...expected: string[]])[]> = {
  names: [
    [inLayer("z = W @ y"), "SEQ3002 W @ y"],
    [inLayer("z = tanh(unknown)"), "SEQ2001 unknown"],
    [inLayer("y = x"), "SEQ2002 y"],
    [inModel("output w output w"), "SEQ2002 w"],
    [inModel("output w metric m = sum(w) metric m = sum(w)"), "SEQ2002 sum(w)"],
    [inLayer("z = tahn(x)"), "SEQ2003 tahn"],
    [inLayer("z = W(x)"), "SEQ2003 W"],
    [`${scale} layer L(A) { input x: [A] output y = Scale(x) }`, "SEQ2003 Scale"],
    [inLayer("z = tanh[i](x[i])"), "SEQ2003 tanh"],
    [inLayer("use f = Missing(A)"), "SEQ2004 Missing"],
    [inLayer("use f = x(A)"), "SEQ2004 x"],
    [`${scale} layer L(A) { input x: [A] use f = Scale(A) output y = f(x) * f.gain }`, "SEQ2005 f.gain"],
    [inLayer("z = x.a"), "SEQ2005 x.a"],
    ['import { A } from "./none.seq"', 'SEQ2006 "./none.seq"'],
    [inLayer("z[A] = x[A]"), "SEQ2008 A"],
    ["layer L(A) { input x: [A] param p[x]: [A] ~ x output y = x }", "SEQ2008 x"],
    [inLayer("z[i] = sum[i](x[i])"), "SEQ2009 i"],
    [inLayer("z = tanh(x, x)"), "SEQ2010 tanh(x, x)"],
    [`fn f(a) = a ${inLayer("z = f(x, x)")}`, "SEQ2010 f(x, x)"],
    [inLayer("z = split(x)"), "SEQ2010 split(x)"],
    ["layer L(A) { input x: [A] param p: [A] ~ normal(0) output y = p }", "SEQ2010 normal(0)"],
    [`${scale} layer L(A) { input x: [A] use f = Scale(A, A) output y = f(x) }`, "SEQ2010 A"],
    [`${scale} layer L(A) { input x: [A] use f = Scale(A) output y = f(x, x) }`, "SEQ2010 f(x, x)"],
    [`${counter} ${inModel("use c = Counter(D) ys = scan c(xs, xs) output ys")}`, "SEQ2010 scan c(xs, xs)"],
    [`${scale} layer L(A) { input x: [A] use f = Scale(D = A, E = 2) output y = f(x) }`, "SEQ2011 E = 2"],
    [inLayer("z = tanh(a = x)"), "SEQ2011 a"],
    [`${scale} layer L(A) { input x: [A] use f = Scale(A, D = A) output y = f(x) }`, "SEQ2012 D = A"],
    [`${scale} layer L(A) { input x: [A] use f = Scale() output y = f(x) }`, "SEQ2013 Scale"],
    ["model M(D) { input x: [D] output x }", "SEQ2013 M"],
    [inLayer("param p: [A]"), "SEQ2013 param p: [A]"],
    [inModel("output xs metric sum[d](w[d])"), "SEQ2013 metric sum[d](w[d])"],
    ["layer L(A) { input x: [A] use l = L(A) output y = l(x) }", "SEQ2014 L"],
    ["fn f(a) = f(a)", "SEQ2014 f(a)"],
    ["fn f(a) = g(a) fn g(a) = f(a)", "SEQ2014 f(a)", "SEQ2014 g(a)"],
    [inLayer("state h: [A]"), "SEQ2016 state h: [A]"],
    [inCell("h' = h loss sum(h)"), "SEQ2016 loss sum(h)"],
    ["fn tanh(a) = a", "SEQ2017 tanh"],
    [inLayer("z = x"), "SEQ2018 z"],
    [
      `${scale} ${inLayer("param p: [A] ~ zeros  const c: f32 = 1  use f = Scale(A)")}`,
      "SEQ2018 p",
      "SEQ2018 c",
      "SEQ2018 f",
    ],
    ["model M(D = 2) { input x: [D], y: [D] target t: [D] output x }", "SEQ2018 y", "SEQ2018 t"],
    [inLayer("z = [A, B]"), "SEQ2019 [A, B]"],
    [`fn f(a) = a ${inLayer("z = f + x")}`, "SEQ2019 f"],
    [inLayer("const c: [A] = x"), "SEQ2019 x"],
    ["layer L(A) { input x: [A] param p: [A] ~ where(1 < 2, 1, 0) output y = p }", "SEQ2019 1 < 2", "SEQ2019 where"],
    [inModel("z = cross_entropy(xs2, t) xs2[i, v: V] = xs[i, 0] output z"), "SEQ2019 z"],
    [`${counter} ${inModel("use c = Counter(D) ys = scan c(xs) from xs output ys")}`, "SEQ2019 xs"],
    ["model M(D = 2) { input x: [D] }", "SEQ2020 M"],
  ],
  shapes: [
    [inLayer("z = x + y"), "SEQ3001 x + y"],
    [inLayer("z = concat(W, x)"), "SEQ3001 x"],
    [inLayer("z = mse(x, y)"), "SEQ3001 mse(x, y)"],
    [inModel("output xs loss cross_entropy(xs, t)"), "SEQ3001 cross_entropy(xs, t)"],
    [
      inModel("output xs loss sum(w) where t == 1 loss sum[d](w[d]) where w > 0 loss mse(xs, xs) where w > 0"),
      "SEQ3001 w > 0",
    ],
    [`${scale} ${inModel("use f = Scale(D) output y = f(xs) + f(w)")}`, "SEQ3001 f(xs) + f(w)"],
    [inLayer("z = x @ y"), "SEQ3002 x @ y"],
    [inLayer("z = W @ W"), "SEQ3002 W @ W"],
    [inLayer("z[i] = W[i, i, i]"), "SEQ3003 W[i, i, i]"],
    [inLayer("z = sum(sum(x))"), "SEQ3003 sum(x)"],
    ["layer L(A) { input x: [A] param p[i, j]: [A] ~ i output y = p }", "SEQ3003 param p[i, j]: [A] ~ i"],
    [inLayer("z[i] = x[i] * y[i]"), "SEQ3004 i"],
    [inLayer("z[i] = sum(x)"), "SEQ3005 i"],
    [inLayer("z = sum(softmax[i](x[i]))"), "SEQ3005 i"],
    [inLayer("z[i] = x[i - 1]"), "SEQ3006 i - 1"],
    [inModel("output y[s] = xs[s + 1]"), "SEQ3006 s + 1"],
    [inModel("z = w[4] output xs"), "SEQ3006 4"],
    [inLayer("z[i] = x[i * i] * x[i]"), "SEQ3007 i * i"],
    [inLayer("z[i] = x[0.5] * x[i]"), "SEQ3007 0.5"],
    [inModel("z[s] = t[s] * 2 output xs"), "SEQ3008 t[s]"],
    [inModel("z = where(w, 1, 2) output xs"), "SEQ3008 w"],
    [inModel("z = (w > 0) * w output xs"), "SEQ3008 (w > 0)"],
    [inModel("z = (w > 0) == (w > 1) output xs"), "SEQ3008 (w > 0)"],
    [inModel("z = one_hot(w) output xs"), "SEQ3008 w"],
    [inModel("output xs loss accuracy(xs, w)"), "SEQ3008 w"],
    [inModel("output xs loss mse(xs, t)"), "SEQ3008 t"],
    [inModel("output xs loss sum(w) where w"), "SEQ3008 w"],
    [`${scale} ${inModel("use f = Scale(D) z = f(t) output xs")}`, "SEQ3016 t"],
    [
      "layer E(V) { input i: id(V) output y = one_hot(i) } layer F(V) { input x: [V] use e = E(V) output y = e(x) }",
      "SEQ3008 x",
    ],
    [inCell("h' = h > 0"), "SEQ3008 h > 0"],
    ["cell C(H) { input x: [H] state h: [H] id(H) h' = h output y = x }", "SEQ3008 state h: [H] id(H)"],
    [inModel("y[s] = xs[s - 1, 0] else (w[0] > 0) output y"), "SEQ3008 (w[0] > 0)"],
    ["model M(D = 2, E = D / 4) { input x: [D] output x }", "SEQ3009 D / 4"],
    ["model M(D = 2) { input x: [D - 2] output x }", "SEQ3009 D - 2"],
    [inLayer("param p: [x[0]] ~ zeros"), "SEQ3010 x[0]"],
    [inModel("param p: [T] ~ zeros output xs"), "SEQ3010 T"],
    [inLayer("k = ceil(x)"), "SEQ3010 x"],
    [inLayer("param p: [A] ~ uniform(0, x)"), "SEQ3010 x"],
    ["model M(D = 2) { input x: [D] target t: [S] output x }", "SEQ3011 S"],
    [inLayer("length Q"), "SEQ3011 Q"],
    [inModel("a, b, c = split(w, 3) output a"), "SEQ3012 split(w, 3)"],
    [inModel("output y = dropout(xs, w[0])"), "SEQ3010 w[0]"],
    [inModel("output y = concat(t2, t2) t2[d, s] = xs[s, d]"), "SEQ3010 t2"],
    [inModel("output y = dropout(xs, 1)"), "SEQ3023 1"],
    [inModel("output y = dropout(xs, -0.1)"), "SEQ3023 -0.1"],
    [inModel("output y = dropout(t, 0.1)"), "SEQ3008 t"],
    [inModel("output y = dropout(xs)"), "SEQ2010 dropout(xs)"],
    [inModel("a, b = split(w, [1, 2]) output a"), "SEQ3012 split(w, [1, 2])"],
    [inModel("a, b = split(w, [1, w]) output a"), "SEQ3012 w"],
    [inModel("a, b = split(w, 1.5) output a"), "SEQ3012 1.5"],
    [inModel("a, b = split(w, 4) output a"), "SEQ3013 split(w, 4)"],
    [inModel("a, b = w output a"), "SEQ3013 w"],
    [inModel("a = split(w, 2) output a"), "SEQ3013 split(w, 2)"],
    [`layer None(D) { input x: [D] } ${inModel("use f = None(D) output y = f(xs)")}`, "SEQ3013 f(xs)"],
    [
      `cell None(D) { input x: [D] state h: [D] h' = x } ${inModel("use f = None(D) output y = tanh(scan f(xs))")}`,
      "SEQ3013 scan f(xs)",
    ],
    [inModel("a[i], b = split(w, 2) output b"), "SEQ3013 a[i]"],
    [
      `cell Two(D) { input a: [D], b: [D] state h: [D] h' = h + a + b output h' }
       model M(D = 2) { input p: [T, D], q: [S, D] use c = Two(D) output y = scan c(p, q) }`,
      "SEQ3014 q",
    ],
    [`${counter} ${inModel("use c = Counter(D) ys = scan c(w) output ys")}`, "SEQ3015 w"],
    [
      `cell None() { state h: f32 h' = h + 1 output h } ${inModel("use f = None() output y = scan f()")}`,
      "SEQ3015 scan f()",
    ],
    [`${scale} ${inModel("use f = Scale(D + 1) output y = f(xs)")}`, "SEQ3016 xs"],
    [
      `layer Sum(D) { input x: [D] output y = sum(x) } ${inModel("use f[2] = Sum(D) output y = chain f(xs)")}`,
      "SEQ3017 chain f(xs)",
    ],
    [
      `layer Two(D) { input x: [D] output x output y = x } ${inModel("use f[2] = Two(D) output y = chain f(xs)")}`,
      "SEQ3017 chain f(xs)",
    ],
    [inModel("use f[T] = Scale(D) output y = chain f(xs)") + scale, "SEQ3010 T"],
    [`${scale} ${inModel("use f[2] = Scale(D) output y = f.2.g")}`, "SEQ2005 f.2.g"],
    [inCell("h' = sum(h)"), "SEQ3016 sum(h)"],
    [inLayer("const c: [A] = 1"), "SEQ3016 1"],
    [inModel("output xs loss w"), "SEQ3018 w"],
    [inModel("output xs metric m = w"), "SEQ3018 w"],
    [inModel("param E: [D, D] ~ zeros y[s] = sum(E[t[s]]) output xs"), "SEQ3019 t[s]"],
    [inModel("z = one_hot(t, 3) output xs"), "SEQ3019 3"],
    [inLayer("k = sqrt(0 - 1)"), "SEQ3020 sqrt(0 - 1)"],
    ["model M(D = 2) { input x: [T, D], y: [T + 1] output x }", "SEQ3021 T + 1"],
    [inModel("y[s] = xs[s, 0] * (xs[2 * s, 0] else 0) output xs"), "SEQ3022 2 * s"],
  ],
  recurrence: [
    [inCell(""), "SEQ4001 h"],
    [inCell("h' = h z = x'"), "SEQ4002 x'"],
    [inCell("h' = h z' = x"), "SEQ4002 z'"],
    [inCell("h = x"), "SEQ4003 h"],
    [inCell("h' = a a = b b = a"), "SEQ4004 a"],
    [inCell("h' = tanh(h')"), "SEQ4004 h'"],
    [inCell("a, b = split(b, 2) h' = h"), "SEQ4004 a"],
    [inCell("h' = h h' = x"), "SEQ4005 h'"],
    [`${counter} ${inModel("use c = Counter(D) output y = c(xs)")}`, "SEQ4006 c"],
    [`${scale} ${inModel("use f = Scale(D) output y = scan f(xs)")}`, "SEQ4007 f"],
    [inModel("output y = scan xs(xs)"), "SEQ4007 xs"],
    [
      `${counter} cell Pair(D) { input x: [D] state h: [D], c: [D] h' = x c' = h output h' }
       ${inModel("use a = Counter(D), b = Pair(D) ys, e = scan a(xs) output z = scan b(ys) from e")}`,
      "SEQ4010 e",
    ],
    [`${counter} ${inModel("use c = Counter(D) ys = scan c(xs) from { k: w } output ys")}`, "SEQ4011 k"],
    [`${counter} ${inModel("use c = Counter(D) ys = scan c(xs) from { h: xs } output ys")}`, "SEQ3016 xs"],
    [`${counter} ${inCell("use c = Counter(H) h' = h")}`, "SEQ4012 Counter"],
    [`${counter} ${inModel("use c[2] = Counter(D) output y = chain c(xs)")}`, "SEQ4006 c"],
    [`${scale} ${inModel("use f = Scale(D) output y = chain f(xs)")}`, "SEQ4008 f"],
    [inModel("output y = chain w(xs)"), "SEQ4008 w"],
    [`${scale} ${inModel("use f[2] = Scale(D) output y = f(xs)")}`, "SEQ4009 f"],
    [`${counter} ${inModel("use c[2] = Counter(D) output y = scan c(xs)")}`, "SEQ4009 c"],
    [
      `${counter} ${inModel("use b = Counter(D), c[2] = Counter(D) y, e = scan b(xs) output z = chain scan c(xs) from e")}`,
      "SEQ4010 e",
    ],
    ["cell C(H) { input x: [H] state h: [H] = x h' = h output h' }", "SEQ4013 x"],
    ["cell C(H) { input x: [H] output x }", "SEQ4014 C"],
  ],
  gaps: [
    [`${scale} ${inModel("use f[1000] = Scale(D) output y = chain f(xs)")}`, "SEQ9002 1000"],
    [`${counter} model M(D = 2) { input x: [65, D] use c = Counter(D) output y = scan c(x) }`, "SEQ9002 65"],
    [
      `${counter} layer L(D) { input x: [T, D] use c = Counter(D) output y = scan c(x) }
       model M(D = 2) { input x: [65, D] use l = L(D) output y = l(x) }`,
      "SEQ9002 65",
    ],
  ],
};

for (const [family, rows] of Object.entries(table)) {
  describe(family, () => {
    test.each(rows)("%s", (text, ...expected) => {
      expect(summary(text)).toEqual(expected);
    });
  });
}

test("imports: circles, and names that are not there", () => {
  const files = {
    "a.seq": 'import { B } from "./b.seq" fn A(x) = x',
    "b.seq": 'import { A } from "./a.seq" fn B(x) = x',
  };
  expect(summary('import { A } from "./a.seq"', files)).toEqual(['SEQ2015 "./a.seq"']);
  expect(summary('import { LSTN } from "std/lstm"')).toEqual(["SEQ2007 LSTN"]);
});

test("an unknown name, a size mismatch and a missing prime are three diagnostics of one run", () => {
  const text = `
    cell LSTM(I, H) {
      input x: [I]
      state h: [H], c: [H]
      param W_ih: [4*H, I] ~ kaiming_uniform
      param W_hh: [4*H, H] ~ kaiming_uniform
      i, f, g, o = split(W_ih @ h + W_hh @ h, 4)
      c = sigmoid(f) * c + sigmoid(i) * tanh(g)
      h' = sigmoid(o) * tanh(cc)
      output h'
    }
    model M(I = 8, H = 16) {
      input xs: [T, I]
      use rnn = LSTM(I, H)
      output ys = scan rnn(xs)
      loss mean[i](ys[0, i])
    }`;
  const diagnostics = found(text);
  expect(summary(text)).toEqual(["SEQ4003 c", "SEQ3002 W_ih @ h", "SEQ2001 cc"]);
  const [prime, product, unknown] = diagnostics;
  expect(prime.help).toBe("write `c' = …`");
  expect(unknown.help).toMatch(/did you mean `c`/);
  expect(product.message).toContain("`W_ih` is [4*H, I] = [64, 8] and `h` is [H] = [16]");
  expect(product.related.map(({ span, message }) => [span.file.text.slice(span.start, span.end), message])).toEqual([
    ["I", "`I` is fixed here as 8"],
    ["H", "`H` is fixed here as 16"],
  ]);
});

test("sizes of a block checked alone are shown by name, not by sample", () => {
  const [{ message }] = found(inLayer("z = x + y"));
  expect(message).toBe("`x` is [A] but `y` is [B].");
});

test("a block used twice tells its mistake once, with the sizes of a model", () => {
  const text = `
    layer Broken(A, B) { input x: [A] param W: [B, A] ~ zeros output y = W @ x + x }
    model M(D = 4) { input x: [D] use f = Broken(D, 3), g = Broken(D, 5) output y = f(x) output z = g(x) }`;
  const diagnostics = found(text);
  expect(diagnostics.map(({ code }) => code)).toEqual(["SEQ3001"]);
  expect(diagnostics[0].message).toBe("`W @ x` is [B] = [3] but `x` is [A] = [4].");
});

test("near names are suggested", () => {
  const help = (text: string) => found(text)[0].help;
  expect(help(inCell("param W_hh: [H, H] ~ zeros h' = W_h @ h"))).toBe("did you mean `W_hh`?");
  expect(help(inLayer("z = sigmod(x)"))).toBe("did you mean `sigmoid`?");
  expect(help(`${scale} layer L(A) { input x: [A] use f = Scal(A) output y = f(x) }`)).toBe("did you mean `Scale`?");
});

test("a value on the command line has to be a size", () => {
  const text = "model M(D = 2) { input x: [D] output x }";
  expect(found(text, {}, { D: 3 })).toEqual([]);
  expect(found(text, {}, { D: 2.5 }).map(({ code }) => code)).toEqual(["SEQ3009"]);
});

test.each(["D / heads of a size, and small multiples", "a number, a function and a cell as parameters"])(
  "a declaration checked alone: %s",
  (what) => {
    const texts: Record<string, string> = {
      "D / heads of a size, and small multiples":
        "layer A(D, heads = 4) { input x: [D] param q: [D / heads] ~ zeros param p: [D / 3] ~ zeros output y = sum(x) + sum(q) + sum(p) }",
      "a number, a function and a cell as parameters": `
      layer A(D, act, p) { input x: [D] output y = act(x) * p }
      layer B(D, cell) { input xs: [T, D] use c = cell(D, D) output y = scan c(xs) }`,
    };
    expect(summary(texts[what])).toEqual([]);
  },
);
