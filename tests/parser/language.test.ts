import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatUnit } from "../../src/parser/format.js";
import { parseText, rendered, withoutSpans } from "./support.js";

const reference = readFileSync("docs/language.md", "utf8");
const examples = [...reference.matchAll(/^```seq\n([\s\S]*?)^```$/gm)].map(([, text]): [string, string] => [
  [...text.matchAll(/^(?:cell|layer|model) (\w+)/gm)].map(([, name]) => name).join(", "),
  text,
]);

describe("the examples of the reference", () => {
  it("are there", () => {
    expect(examples.length).toBeGreaterThan(15);
  });

  it.each(examples)("%s: parse without a diagnostic, and again after formatting", (_, text) => {
    expect(rendered(text)).toBe("");
    const { unit } = parseText(text);
    expect(withoutSpans(parseText(formatUnit(unit)).unit)).toEqual(withoutSpans(unit));
  });
});

describe("the words that the reference calls reserved", () => {
  const [, list] = /These words are reserved:\n\n([\s\S]*?)\n\n/.exec(reference) ?? [];
  const words = [...(list ?? "").matchAll(/`([^`]+)`/g)].flatMap(([, group]) => group.split(" "));

  it("are there", () => {
    expect(words.length).toBeGreaterThan(20);
  });

  it.each(words)("%s is no name", (word) => {
    expect(parseText(`cell A(H) {\n  state ${word}: [H]\n}`).diagnostics.map(({ code }) => code)).toEqual(["SEQ1015"]);
  });
});
