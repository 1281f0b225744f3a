import { describe, expect, it } from "vitest";
import { catalogue, isDiagnosticCode } from "../../src/diagnostics/catalogue.js";

describe("catalogue", () => {
  it.each(Object.entries(catalogue))("%s has a code of four digits, a short title and a paragraph", (code, entry) => {
    expect(code).toMatch(/^SEQ[1-59]\d{3}$/);
    expect(entry.title).toMatch(/^[^A-Z.]/);
    expect(entry.title.length).toBeLessThan(60);
    expect(entry.explanation).toMatch(/^[A-Z`'"\d].*[.)`]$/s);
    expect(entry.explanation).not.toContain("\n");
  });

  it("gives no two codes the same title", () => {
    const titles = Object.values(catalogue).map(({ title }) => title);
    expect(new Set<string>(titles).size).toBe(titles.length);
  });

  it("tells codes from other text", () => {
    expect(["SEQ1001", "SEQ0000", "toString"].map(isDiagnosticCode)).toEqual([true, false, false]);
  });
});
