import { describe, expect, it } from "vitest";
import { type Diagnostic, diagnostic } from "../../src/diagnostics/diagnostic.js";
import { positionAt } from "../../src/diagnostics/position.js";
import { renderGithub, renderJson, renderText } from "../../src/diagnostics/render.js";
import type { SourceFile, Span } from "../../src/support/span.js";

const file: SourceFile = {
  name: "lstm.seq",
  text: "cell A(H) {\r\n  input x: [2*H]\n\tparam W: [H, H]\n\n\n\n\n\n\n  y = W @ x + b\n  z = f(a,\n    b)\n}",
};

function at(text: string, inFile = file): Span {
  const start = inFile.text.indexOf(text);
  return { file: inFile, start, end: start + text.length };
}

const mismatch: Diagnostic = diagnostic("SEQ3002", at("W @ x"), "The sizes of this product disagree.", {
  related: [
    { span: at("2*H"), message: "`x` has 128 elements" },
    { span: at("[H, H]"), message: "`W` has 64 columns" },
  ],
  help: "one of the two is meant to be larger",
});

describe("text", () => {
  it("shows every span on its line, with its message", () => {
    expect(renderText(mismatch)).toBe(
      `
error[SEQ3002]: The sizes of this product disagree.
  --> lstm.seq:10:7
   |
 2 |   input x: [2*H]
   |             --- \`x\` has 128 elements
 3 | 	param W: [H, H]
   | 	         ------ \`W\` has 64 columns
   |
10 |   y = W @ x + b
   |       ^^^^^
   = help: one of the two is meant to be larger`.slice(1),
    );
  });

  it("puts marks of one line below each other, and the spans of another file in a frame of their own", () => {
    const other = { name: "gru.seq", text: "cell B(K) {\n}" };
    const found = diagnostic("SEQ2002", at("b\n"), "`b` is defined twice", {
      severity: "warning",
      related: [
        { span: at("y = W"), message: "here" },
        { span: at("B(K)", other), message: "and there" },
      ],
    });
    expect(renderText(found)).toBe(
      `
warning[SEQ2002]: \`b\` is defined twice
  --> lstm.seq:10:15
   |
10 |   y = W @ x + b
   |               ^
   |   ----- here
  ::: gru.seq:1:6
   |
 1 | cell B(K) {
   |      ---- and there`.slice(1),
    );
  });

  it("marks the first line of a long span, and the place of an empty one", () => {
    expect(
      renderText(diagnostic("SEQ1001", at("f(a,\n    b)"), "long"))
        .split("\n")
        .at(-1),
    ).toBe("   |       ^^^^");
    const end = { file, start: file.text.length, end: file.text.length };
    expect(
      renderText(diagnostic("SEQ1001", end, "empty"))
        .split("\n")
        .slice(-2),
    ).toEqual(["13 | }", "   |  ^"]);
  });

  it("differs from the coloured text in its escapes alone", () => {
    const coloured = renderText(mismatch, true);
    expect(coloured).toContain("\u001b[31merror[SEQ3002]\u001b[0m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes are what is taken away
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(renderText(mismatch));
  });
});

describe("data", () => {
  it("counts lines and columns from 1 and ends after the last character", () => {
    expect(renderJson(mismatch)).toEqual({
      code: "SEQ3002",
      severity: "error",
      message: "The sizes of this product disagree.",
      file: "lstm.seq",
      range: { start: { line: 10, column: 7 }, end: { line: 10, column: 12 } },
      related: [
        {
          file: "lstm.seq",
          range: { start: { line: 2, column: 13 }, end: { line: 2, column: 16 } },
          message: "`x` has 128 elements",
        },
        {
          file: "lstm.seq",
          range: { start: { line: 3, column: 11 }, end: { line: 3, column: 17 } },
          message: "`W` has 64 columns",
        },
      ],
      help: "one of the two is meant to be larger",
    });
  });

  it("leaves out a help that there is not", () => {
    expect(Object.keys(renderJson(diagnostic("SEQ1001", at("W"), "text")))).not.toContain("help");
  });
});

describe("positions", () => {
  it("agree with a walk through the text", () => {
    const text = "a\r\nbc\n\n\rd\n";
    let line = 1;
    let column = 1;
    for (let offset = 0; offset <= text.length; offset++) {
      expect(positionAt({ name: "", text }, offset)).toEqual({ line, column });
      const ends = text[offset] === "\n" || (text[offset] === "\r" && text[offset + 1] !== "\n");
      line += ends ? 1 : 0;
      column = ends ? 1 : column + 1;
    }
  });
});

describe("annotations", () => {
  it("have their place, their code, and all that is said on one line", () => {
    expect(renderGithub(mismatch)).toBe(
      "::error file=lstm.seq,line=10,col=7,endLine=10,endColumn=12,title=SEQ3002::The sizes of this product disagree." +
        "%0Alstm.seq:2:13: `x` has 128 elements%0Alstm.seq:3:11: `W` has 64 columns" +
        "%0Ahelp: one of the two is meant to be larger",
    );
  });

  it("escape what would end a property or the line", () => {
    const odd = { name: "a,b:c%0A\r\n.seq", text: "x" };
    const found = diagnostic("SEQ2009", at("x", odd), "100% of `x`:\r\nunused, twice", { severity: "warning" });
    expect(renderGithub(found)).toBe(
      "::warning file=a%2Cb%3Ac%250A%0D%0A.seq,line=1,col=1,endLine=1,endColumn=2,title=SEQ2009" +
        "::100%25 of `x`:%0D%0Aunused, twice",
    );
  });

  it("have no columns where the span goes on to other lines", () => {
    expect(renderGithub(diagnostic("SEQ3002", at("f(a,\n    b)"), "No."))).toBe(
      "::error file=lstm.seq,line=11,endLine=12,title=SEQ3002::No.",
    );
  });
});
