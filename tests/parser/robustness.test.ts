import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUnit } from "../../src/parser/format.js";
import { vocabulary } from "../../src/parser/tokens.js";
import { parseText, withoutSpans } from "./support.js";

const cell = `cell LSTM(I, H) {
  input x: [I]
  state h: [H], c: [H] = c0
  param W: [4*H, I] ~ uniform(-k, k) no_decay
  i, f = split(W @ x, [H, H])
  c'[d] = sum[n: 2](f[d - n] else 0) ** -2
  h' = scan reverse a(x) from { h: end.0.h }
  output h'
}
`;

/** Pieces of texts of this language, so that random texts get past their first token. */
const fragments = fc.constantFrom(
  ...cell.split(/(\s+)/),
  ...vocabulary.map((type) =>
    typeof type.PATTERN === "string" ? type.PATTERN : (type.LABEL ?? "x").replaceAll("`", ""),
  ),
  "cell A {",
  "}",
  "\n",
  "/// doc\n",
  "/*",
  "*/",
  '"',
  "1e999",
);

/** Parses, and holds that every diagnostic stands inside the text and that a sound text can be printed. */
function check(text: string): void {
  const { unit, diagnostics } = parseText(text);
  for (const { span, related } of diagnostics) {
    for (const { start, end } of [span, ...related.map((other) => other.span)]) {
      expect(start >= 0 && start <= end && end <= text.length).toBe(true);
    }
  }
  if (diagnostics.some(({ severity }) => severity === "error")) return;
  const again = parseText(formatUnit(unit));
  expect(withoutSpans(again.unit)).toEqual(withoutSpans(unit));
}

describe("any text", () => {
  it("of random characters is parsed without a throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), check), { numRuns: 300 });
  });

  it("of random bytes is parsed without a throw", () => {
    const bytes = fc.uint8Array({ minLength: 500, maxLength: 3000 });
    fc.assert(
      fc.property(bytes, (list) => check(new TextDecoder("latin1").decode(list))),
      { numRuns: 30 },
    );
  });

  it("of random words is parsed without a throw", () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 60 }), (words) => check(words.join(" "))),
      { numRuns: 500 },
    );
  });

  it("with a part cut out, or doubled, is parsed without a throw", () => {
    const range = fc.tuple(fc.nat(cell.length), fc.nat(30));
    fc.assert(
      fc.property(range, fc.boolean(), ([start, length], doubled) => {
        const end = doubled ? start - length : start + length;
        check(cell.slice(0, start) + cell.slice(Math.max(0, end)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("depth", () => {
  const deep = 10_000;
  const inCell = (value: string) => `cell A(H) {\n  y = ${value}\n  z = ]\n}`;

  it.each([
    ["parentheses", `${"(".repeat(deep)}x${")".repeat(deep)}`],
    ["open parentheses", `${"(".repeat(deep)}x`],
    ["open brackets", `${"x[".repeat(deep)}n`],
    ["calls", `${"f(".repeat(deep)}x${")".repeat(deep)}`],
    ["signs", `${"-".repeat(deep)}x`],
    ["powers", `x${" ** x".repeat(deep)}`],
    ["a long sum", `x${" + x".repeat(deep)}`],
  ])("of %s is one diagnostic, and the next statement has its own", (_, value) => {
    expect(parseText(inCell(value)).diagnostics.map(({ code }) => code)).toEqual(["SEQ1011", "SEQ1009"]);
  });

  it("of records and of blocks ends as well", () => {
    check(inCell("scan f(x) from { h: ".repeat(2000)));
    check("cell A { ".repeat(2000));
    check("{".repeat(deep));
  });

  it("within reason is fine", () => {
    const value = `${"f(x[".repeat(25)}n${"])".repeat(25)}`;
    expect(parseText(`cell A(H) { y = ${value} }`).diagnostics).toEqual([]);
  });
});
