/** @file Every diagnostic of the checker: the code and the text it marks. */

import { describe, expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { parse } from "../../src/parser/parse.js";
import { hostOf } from "./host.js";
import { inCell, inLayer, mistakes, scale } from "./mistakes.js";

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

for (const [family, rows] of Object.entries(mistakes)) {
  describe(family, () => {
    test.each(rows)("%s", (text, ...expected) => {
      expect(summary(text)).toEqual(expected);
    });
  });
}

test("imports in a circle", () => {
  const files = {
    "a.seq": 'import { B } from "./b.seq" fn A(x) = x',
    "b.seq": 'import { A } from "./a.seq" fn B(x) = x',
  };
  expect(summary('import { A } from "./a.seq"', files)).toEqual(['SEQ2015 "./a.seq"']);
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

test("a statement that does not parse says nothing of the shape of its value", () => {
  const text = `
    cell Mixed(N) {
      input x: [N]
      state s: f32, h: [N]
      s' = s + softmax(x)[0]
      first[i] = where(s > 0, softmax(x)[i], h[i])
      h' = first / sum(first)
      output s', h'
      output top = (x + h)[0]
      a[(i + 1), j] = x[i]
    }
    model M(N = 3) {
      input x: [T, N]
      use mixed = Mixed(N)
      s, h, top = scan mixed(x)
      output h
      loss s + top
    }`;
  expect(summary(text)).toEqual(["SEQ1013 [", "SEQ1013 [", "SEQ1013 [", "SEQ1001 ("]);
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
