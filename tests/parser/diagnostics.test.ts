import { describe, expect, it } from "vitest";
import { mistakes } from "./mistakes.js";
import { codes, parseText, rendered } from "./support.js";

describe("syntax diagnostics", () => {
  it.each(Object.entries(mistakes))("%s is the only diagnostic of its text", (code, text) => {
    expect(codes(text)).toEqual([code]);
  });

  it("SEQ1001: the colon of a type is missing", () => {
    expect(rendered(mistakes.SEQ1001)).toMatchInlineSnapshot(`
      "error[SEQ1001]: Expected \`:\` and a type after the name, found \`[\`.
       --> test.seq:2:11
        |
      2 |   input x [H]
        |           ^"
    `);
  });

  it("SEQ1002: a sign of another language", () => {
    expect(rendered(mistakes.SEQ1002)).toMatchInlineSnapshot(`
      "error[SEQ1002]: Unknown character \`^\`.
       --> test.seq:2:9
        |
      2 |   y = x ^ 2
        |         ^
        = help: a power is written with \`**\`"
    `);
  });

  it("SEQ1003: a comment runs on", () => {
    expect(rendered(mistakes.SEQ1003)).toMatchInlineSnapshot(`
      "error[SEQ1003]: This comment is never closed.
       --> test.seq:2:1
        |
      2 | /* the rest is
        | ^^"
    `);
  });

  it("SEQ1004: a string runs on", () => {
    expect(rendered(mistakes.SEQ1004)).toMatchInlineSnapshot(`
      "error[SEQ1004]: This string is not closed on its line.
       --> test.seq:1:19
        |
      1 | import { A } from "./a.seq
        |                   ^"
    `);
  });

  it("SEQ1005: a parenthesis stays open", () => {
    expect(rendered(mistakes.SEQ1005)).toMatchInlineSnapshot(`
      "error[SEQ1005]: Expected \`,\` or \`)\`, but this statement ends here.
       --> test.seq:2:17
        |
      2 |   y = tanh(x + b
        |                 ^
        |           - this bracket is never closed"
    `);
  });

  it("SEQ1006: a brace stays open", () => {
    expect(rendered(mistakes.SEQ1006)).toMatchInlineSnapshot(`
      "error[SEQ1006]: Expected \`}\` at the end of this cell.
       --> test.seq:2:8
        |
      1 | cell A(H) {
        |           - this brace is never closed
      2 |   y = x
        |        ^"
    `);
  });

  it("SEQ1007: a statement stands outside", () => {
    expect(rendered(mistakes.SEQ1007)).toMatchInlineSnapshot(`
      "error[SEQ1007]: Expected a declaration, found \`y\`.
       --> test.seq:1:1
        |
      1 | y = x
        | ^
        = help: statements stand inside the braces of a \`cell\`, \`layer\` or \`model\`; functions start with \`fn\`"
    `);
  });

  it("SEQ1008: a statement begins with a number", () => {
    expect(rendered(mistakes.SEQ1008)).toMatchInlineSnapshot(`
      "error[SEQ1008]: Expected a statement, found \`3\`.
       --> test.seq:2:3
        |
      2 |   3 = y
        |   ^"
    `);
  });

  it("SEQ1009: an operand is missing", () => {
    expect(rendered(mistakes.SEQ1009)).toMatchInlineSnapshot(`
      "error[SEQ1009]: Expected an expression, found \`)\`.
       --> test.seq:2:12
        |
      2 |   y = (1 + ) * x
        |            ^"
    `);
  });

  it("SEQ1010: comparisons chain", () => {
    expect(rendered(mistakes.SEQ1010)).toMatchInlineSnapshot(`
      "error[SEQ1010]: Comparisons do not chain.
       --> test.seq:2:13
        |
      2 |   y = 0 < x < 1
        |             ^
        = help: compare twice and combine with \`where\`"
    `);
  });

  it("SEQ1012: else follows a call", () => {
    expect(rendered(mistakes.SEQ1012)).toMatchInlineSnapshot(`
      "error[SEQ1012]: \`else\` gives the value outside the range of an index, and here is no index in front of it.
       --> test.seq:2:12
        |
      2 |   y = f(x) else 0
        |            ^^^^
        = help: to choose between values write \`where(c, a, b)\`"
    `);
  });

  it("SEQ1013: a sum is indexed", () => {
    expect(rendered(mistakes.SEQ1013)).toMatchInlineSnapshot(`
      "error[SEQ1013]: Only a name can be indexed.
       --> test.seq:2:14
        |
      2 |   y = (a + b)[t]
        |              ^
        = help: give the expression a name first"
    `);
  });

  it("SEQ1014: a path is applied", () => {
    expect(rendered(mistakes.SEQ1014)).toMatchInlineSnapshot(`
      "error[SEQ1014]: Only a name can be applied, and this is a path.
       --> test.seq:2:7
        |
      2 |   y = block.0(x)
        |       ^^^^^^^
        = help: \`chain block(x)\` runs the instances one after another"
    `);
  });

  it("SEQ1015: a reserved word is declared", () => {
    expect(rendered(mistakes.SEQ1015)).toMatchInlineSnapshot(`
      "error[SEQ1015]: \`target\` is a reserved word and cannot be a name.
       --> test.seq:2:9
        |
      2 |   state target: [H]
        |         ^^^^^^
        = help: another name would do, such as \`target_1\`"
    `);
  });

  it("SEQ1016: an output has indices but no value", () => {
    expect(rendered(mistakes.SEQ1016)).toMatchInlineSnapshot(`
      "error[SEQ1016]: \`y\` has indices but no value.
       --> test.seq:2:10
        |
      2 |   output y[d]
        |          ^^^^
        = help: list the bare name, or define it here: \`output y[d] = ...\`"
    `);
  });

  it("SEQ1017: a doc comment ends a block", () => {
    expect(rendered(mistakes.SEQ1017)).toMatchInlineSnapshot(`
      "warning[SEQ1017]: This comment documents nothing.
       --> test.seq:3:3
        |
      3 |   /// nothing
        |   ^^^^^^^^^^^
        = help: put it in front of a declaration or statement, or write it with \`//\`"
    `);
  });

  it("SEQ1018: arguments are out of order", () => {
    expect(rendered(mistakes.SEQ1018)).toMatchInlineSnapshot(`
      "error[SEQ1018]: Arguments by position come before those by name.
       --> test.seq:2:24
        |
      2 |   use b = B(act = elu, 3)
        |                        ^"
    `);
  });

  it("SEQ1019: a product lacks its sign", () => {
    expect(rendered(mistakes.SEQ1019)).toMatchInlineSnapshot(`
      "error[SEQ1019]: Expected an operator between \`4\` and \`H\`.
       --> test.seq:2:14
        |
      2 |   param W: [4H, H]
        |              ^
        = help: a product is written \`4 * H\`"
    `);
  });

  it("SEQ1020: from follows a call", () => {
    expect(rendered(mistakes.SEQ1020)).toMatchInlineSnapshot(`
      "error[SEQ1020]: \`from\` belongs after a scan.
       --> test.seq:2:14
        |
      2 |   y = net(x) from end
        |              ^^^^
        = help: write \`scan rnn(x) from end\`"
    `);
  });

  it("SEQ1021: a prime follows an index", () => {
    expect(rendered(mistakes.SEQ1021)).toMatchInlineSnapshot(`
      "error[SEQ1021]: A prime follows the name of a state, and this is none.
       --> test.seq:2:7
        |
      2 |   h[d]' = x[d]
        |       ^
        = help: write \`h'[d]\`"
    `);
  });
});

describe("other ways to the same mistakes", () => {
  it.each([
    ["y = ", "SEQ1009"],
    ["y = x +", "SEQ1009"],
    ["y = f(a, )", "SEQ1009"],
    ["y] = 3", "SEQ1001"],
    ["y = x)", "SEQ1005"],
    ["param A: [H", "SEQ1005"],
    ["y = .5", "SEQ1019"],
    ["y = 5. + x", "SEQ1019"],
    ["y = 1e999", "SEQ1019"],
    ["y = f(x)(z)", "SEQ1014"],
    ["y = h'(x)", "SEQ1014"],
    ["y = x[1][2]", "SEQ1013"],
    ["y = f(softmax(x)[0], 2)", "SEQ1013"],
    ["y = (f(x)(z) + 1)", "SEQ1014"],
    ["y = state + 1", "SEQ1015"],
    ["y = f(a, loss)", "SEQ1015"],
    ["y = where + 1", "SEQ1015"],
    ["use scan = B()", "SEQ1015"],
    ["y = rnn.h'", "SEQ1021"],
    ["y = scan chain f(x)", "SEQ1020"],
    ["y = x where m", "SEQ1020"],
    ["y = x[t] else 0 else 1", "SEQ1012"],
    ["output a, b = f(x)", "SEQ1016"],
    ["output tanh(x)", "SEQ1016"],
    ["output x * 2", "SEQ1016"],
    ["for k in 0..3 { y = y * 0.5 }", "SEQ1008"],
    ["if (x > 0) { y = x }", "SEQ1008"],
    ["while x > 0", "SEQ1008"],
    ["return x", "SEQ1008"],
    ["y = sum[n + 1](x)", "SEQ1001"],
    ["y = sum[n](a, b)", "SEQ2010"],
    ["y = x[n: 3]", "SEQ1001"],
    ["state h [H]", "SEQ1001"],
    ["input x:", "SEQ1001"],
    ["param", "SEQ1001"],
    ["use a = B", "SEQ1001"],
    ["const M: [3]", "SEQ1001"],
    ["a b = 3", "SEQ1001"],
    ["y = a < b == c", "SEQ1010"],
    ["y = x = z", "SEQ1001"],
    ["y = α", "SEQ1002"],
    ["h′ = x", "SEQ1002"],
    ['y = "a"', "SEQ1009"],
    ["y = scan f(x) from", "SEQ1001"],
  ])("%s is %s", (statement, code) => {
    expect(codes(`cell A(H) {\n  a = 1\n  ${statement}\n  b = 2\n}`)).toEqual([code]);
  });

  it.each([
    ["cell", "SEQ1006 SEQ1001"],
    ["cell A(H { output y }", "SEQ1005"],
    ["cell A(H) output y }", "SEQ1006"],
    ["cell A(H = ) { output y }", "SEQ1009"],
    ["fn f(a = 3) = a", "SEQ1001"],
    ["fn f(a)", "SEQ1001"],
    ["import { A } from", "SEQ1001"],
    ['import A from "a"', "SEQ1001"],
    ["cell A(H) { output y } }", "SEQ1007"],
    ["cell A(H) { output y", "SEQ1006"],
    ["cell A { cell B { output y } }", "SEQ1006 SEQ1007"],
  ])("%s is %s", (text, expected) => {
    expect(codes(text).sort()).toEqual(expected.split(" ").sort());
  });
});

describe("recovery", () => {
  it("reports three mistakes in one file, each once, and keeps the rest", () => {
    const { unit, diagnostics } = parseText(`
      cell A(H) {
        input x: [H
        state h: [H]
        a = x +
        h' = a * (x
        output h'
      }
      layer B(H) {
        input x: [H]
        output y = 2 * x
      }`);
    expect(diagnostics.map(({ code }) => code)).toEqual(["SEQ1005", "SEQ1009", "SEQ1005"]);
    const [first, second] = unit.declarations;
    if (first.kind === "fn" || second.kind === "fn") throw new Error("a block is missing");
    expect(first.body.map(({ kind }) => kind)).toEqual(["assign", "state", "assign", "assign", "output"]);
    expect(second.body.map(({ kind }) => kind)).toEqual(["input", "output"]);
  });

  it("keeps the names of broken declarations known", () => {
    const { unit } = parseText("cell A(H) {\n  param W: \n  use b = \n  output h'\n}");
    const [block] = unit.declarations;
    if (block.kind === "fn") throw new Error("a function");
    const known = block.body.map((statement) => (statement.kind === "assign" ? statement.targets[0].name.name : ""));
    expect(known).toEqual(["W", "b", ""]);
  });

  it("orders diagnostics by the text", () => {
    const { diagnostics } = parseText("cell A(H) {\n  y = 0 < 1 < 2\n  z = )\n  $\n  w = 1 < 2 < 3\n}\n}");
    const starts = diagnostics.map(({ span }) => span.start);
    expect(starts.length).toBe(5);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });
});
