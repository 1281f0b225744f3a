/** @file Every example of the language page goes down the whole road: no diagnostic, and a module for each model. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { renderText } from "../../src/diagnostics/render.js";
import { hostOf } from "../check/host.js";

const page = readFileSync(new URL("../../docs/language.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```seq\n([\s\S]*?)```/g)].map(([, text]) => {
  const name = /^(?:cell|layer|model) (\w+)/m.exec(text)?.[1] ?? /^fn (\w+)/m.exec(text)?.[1] ?? "imports";
  return [name, text] as const;
});

test("there are examples", () => {
  expect(examples.length).toBeGreaterThan(15);
});

test.each(examples)("%s", (_, text) => {
  const { models, diagnostics } = compile({
    files: ["example.seq"],
    host: hostOf({ "example.seq": text }),
    verify: true,
  });
  expect(diagnostics.map((d) => renderText(d)).join("\n")).toBe("");
  expect(models.length).toBe(text.match(/^model /gm)?.length ?? 0);
});
