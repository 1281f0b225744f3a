/** @file The page of diagnostics: its specs are what they are said to be, and all else on it is what the compiler has. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { explainError } from "../../src/cli/explain-error.js";
import { catalogue, isDiagnosticCode } from "../../src/diagnostics/catalogue.js";
import { codes, diagnosticsOf, makePage, readPage, unprovoked } from "./page.js";

const page = readFileSync("docs/diagnostics.md", "utf8");
const { sections } = readPage(page);
const reasons: Readonly<Record<string, string>> = unprovoked;
const provoked = sections.filter(({ code }) => reasons[code] === undefined);

describe("the page of diagnostics", () => {
  it("has a section for each code, in the catalogue's order, and no other", () => {
    expect(sections.map(({ code }) => code)).toEqual(codes);
  });

  it.each(sections)("$code has the title and the explanation of the catalogue", ({ code, title, text }) => {
    const entry = isDiagnosticCode(code) ? catalogue[code] : undefined;
    expect(title).toBe(entry?.title);
    expect(text).toBe([entry?.explanation, reasons[code] ?? []].flat().join(" "));
  });

  it.each(provoked)("$code: the first spec has this mistake alone, the second has none", ({ code, specs }) => {
    expect(specs).toHaveLength(2);
    const [failing, repaired] = specs.map((text) => diagnosticsOf(text).map((found) => found.code));
    expect(new Set(failing)).toEqual(new Set([code]));
    expect(repaired).toEqual([]);
  });

  it.each(codes)("%s is where `seqc explain-error` says", (code) => {
    const [, named, path] = /\n\nMore under (\w+) in (\S+)\.$/.exec(explainError(code.toLowerCase())) ?? [];
    const there = readPage(readFileSync(path, "utf8")).sections.map((section) => section.code);
    expect(there).toContain(code);
    expect(named).toBe(code);
  });

  it("gives a reason where it has no specs", () => {
    const without = sections.filter(({ specs }) => specs.length === 0);
    expect(without.map(({ code }) => code)).toEqual(Object.keys(reasons));
  });

  it("shows what the compiler says", async () => {
    await expect(makePage(page)).toMatchFileSnapshot("../../docs/diagnostics.md");
  });
});
