import { describe, expect, it } from "vitest";
import { expressionOf, shape, statements, withoutSpans } from "./support.js";

describe("precedence", () => {
  it.each([
    ["-a ** b", "(-(a ** b))"],
    ["a ** b ** c", "(a ** (b ** c))"],
    ["a ** -b ** c", "(a ** (-(b ** c)))"],
    ["a ** - -b", "(a ** (-(-b)))"],
    ["(a ** b) ** c", "((a ** b) ** c)"],
    ["(-a) ** 2", "((-a) ** 2)"],
    ["-a * b", "((-a) * b)"],
    ["a * -b + c", "((a * (-b)) + c)"],
    ["a - b - c", "((a - b) - c)"],
    ["a - (b - c)", "(a - (b - c))"],
    ["a / b * c @ d", "(((a / b) * c) @ d)"],
    ["a + b * c <= d - e", "((a + (b * c)) <= (d - e))"],
    ["a == b", "(a == b)"],
    ["x[t - 1] else 0 * w", "((x[(t - 1)] else 0) * w)"],
    ["x[t - 1] else -1 + w", "((x[(t - 1)] else (-1)) + w)"],
    ["x[t] else y[s] ** 2", "((x[t] else y[s]) ** 2)"],
    ["x[t - 2] else (x[t - 1] else 0)", "(x[(t - 2)] else (x[(t - 1)] else 0))"],
    ["f(a + b, h') * 2", "(f((a + b), h') * 2)"],
  ])("reads %s as %s", (text, read) => {
    expect(shape(expressionOf(text))).toBe(read);
  });

  it("goes on over line ends, comments and blank lines", () => {
    expect(shape(expressionOf("a\n\n  // more\n  - b /* and */\n * c"))).toBe("(a - (b * c))");
  });
});

describe("names and paths", () => {
  it.each([
    ["block.0.W", ["block", "0", "W"]],
    ["end.0.h", ["end", "0", "h"]],
    ["stack.0.1.W_hh", ["stack", "0", "1", "W_hh"]],
    ["end.state", ["end", "state"]],
  ])("reads %s as one path", (text, parts) => {
    const path = expressionOf(text);
    if (path.kind !== "path") throw new Error(`${path.kind} is no path`);
    expect([path.head, ...path.fields].map((part) => part.name)).toEqual(parts);
  });

  it("keeps a number as it was written", () => {
    expect(withoutSpans(expressionOf("1.50e-5"))).toEqual({ kind: "number", value: 1.5e-5, text: "1.50e-5" });
  });

  it.each(["cell", "layer", "model", "fn", "id", "reverse", "input_2", "scanned"])(
    "lets a value be called %s",
    (name) => {
      expect(shape(expressionOf(`${name} + ${name}(${name})`))).toBe(`(${name} + ${name}(${name}))`);
    },
  );
});

describe("forms with a head", () => {
  it("tells index, call, reduction and look-up apart", () => {
    const kinds = ["x[t]", "f(x)", "sum[n](x[n])", "h'[d, n]", "rnn.W[i, j]", "f()"].map(
      (text) => expressionOf(text).kind,
    );
    expect(kinds).toEqual(["index", "call", "reduce", "index", "index", "call"]);
  });

  it("reads the extents that a reduction gives", () => {
    const reduced = expressionOf("sum[k: 2*K, n](x[n + k] else 0)");
    if (reduced.kind !== "reduce") throw new Error(reduced.kind);
    expect(reduced.indices.map(({ name, extent }) => [name.name, extent && shape(extent)])).toEqual([
      ["k", "(2 * K)"],
      ["n", undefined],
    ]);
  });

  it.each([
    ["scan rnn(x)", false, "forward", undefined],
    ["scan reverse rnn(x)", false, "reverse", undefined],
    ["scan reverse(x)", false, "forward", undefined],
    ["chain block(x)", true, "none", undefined],
    ["chain scan rnn(x) from end.0", true, "forward", "path"],
    ["scan rnn(x, y) from { h: a + b, c: c0 }", false, "forward", "record"],
    ["scan rnn(x) from (a)", false, "forward", "name"],
  ])("reads %s", (text, chain, scan, from) => {
    const applied = expressionOf(text);
    if (applied.kind !== "apply") throw new Error(applied.kind);
    expect([applied.chain, applied.scan, applied.from?.kind]).toEqual([chain, scan, from]);
  });

  it("ends a scan's start before an operator", () => {
    expect(shape(expressionOf("scan rnn(x) from end + 1"))).toBe("(<apply> + 1)");
  });

  it("reads arguments by name and lists", () => {
    const called = expressionOf("split(z, [R, N], act = tanh)");
    if (called.kind !== "call") throw new Error(called.kind);
    expect(called.arguments.map(({ name, value }) => [name?.name, value.kind])).toEqual([
      [undefined, "name"],
      [undefined, "list"],
      ["act", "name"],
    ]);
  });
});

describe("spans", () => {
  it("cover the text of each node, with its parentheses", () => {
    const [statement] = statements("  y = (a + b) * c[t - 1]");
    if (statement.kind !== "assign" || statement.value.kind !== "binary") throw new Error("no product");
    const text = ({ span }: { span: { start: number; end: number; file: { text: string } } }) =>
      span.file.text.slice(span.start, span.end);
    expect(text(statement)).toBe("y = (a + b) * c[t - 1]");
    expect(text(statement.value.left)).toBe("(a + b)");
    expect(text(statement.value.right)).toBe("c[t - 1]");
  });
});
