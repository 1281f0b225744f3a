/** @file The reference of the runtime's API is that of its sources. */

import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PAGE, readApi } from "../../scripts/runtime-api.js";

const { page, silent } = readApi();

it("is what the sources say (UPDATE=1 or `npm run docs:api` rewrites docs/runtime-api.md)", () => {
  if (process.env.UPDATE === "1") writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, "utf8")).toBe(page);
});

it("says something about everything", () => {
  expect(silent).toEqual([]);
});
