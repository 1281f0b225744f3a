/** @file The commands that the pages show have the options that they are shown with. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { inProcess } from "../cli/in-process.js";

const root = new URL("../../", import.meta.url);
const pages = ["README.md", ...readdirSync(new URL("docs", root)).map((file) => `docs/${file}`)].filter((path) =>
  path.endsWith(".md"),
);

/** `seqc compile … --set`, by the command. */
const shown = new Map<string, Set<string>>();
for (const page of pages) {
  const text = readFileSync(new URL(page, root), "utf8");
  for (const [, block] of text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)) {
    for (const [, command, rest] of block.matchAll(/^(?:npx )?seqc (\S+)([^\n#]*)/gm)) {
      const options = shown.get(command) ?? new Set();
      for (const [option] of rest.matchAll(/(?<= )--?[a-z][\w-]*/g)) options.add(option);
      shown.set(command, options);
    }
  }
}

it("the pages show every command that makes or trains something", () => {
  expect([...shown.keys()]).toEqual(expect.arrayContaining(["compile", "train", "eval", "sample", "explain"]));
});

it.each([...shown])("seqc %s", async (command, options) => {
  const { out } = await inProcess([command, "--help"]);
  const known = new Set([...out.matchAll(/(?<=[ ,])--?[a-z][\w-]*/g)].map(([option]) => option));
  expect([...options].filter((option) => !known.has(option))).toEqual([]);
});
