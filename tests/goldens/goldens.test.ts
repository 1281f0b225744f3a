/**
 * @file What the compiler makes of small specs, committed and reviewed as diffs: a folder a case. `UPDATE=1` rewrites
 * the files. They show a change of meaning, of the derivative, of the schedule or of the kernels' text.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseModule } from "../../src/ir/parse.js";
import { printGraph } from "../../src/ir/print.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";

const folder = new URL(".", import.meta.url);
const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

describe.each(cases)("%s", (name) => {
  const file = (path: string) => new URL(`${name}/${path}`, folder);
  const compiled = compileText(readFileSync(file("spec.seq"), "utf8"));
  const graph = (which: "forward" | "train") =>
    printGraph(which, present(compiled.module.graphs[which], "test", which));
  const train = present(compiled.manifest.programs.train, "test", "train");
  const schedule = {
    ...compiled.manifest,
    wgsl: undefined,
    kernels: undefined,
    programs: { train },
  };
  const outputs: Record<string, string> = {
    "forward.ir": graph("forward"),
    "train.ir": graph("train"),
    "train.manifest.json": `${JSON.stringify(schedule, null, 1)}\n`,
    ...(compiled.wgsl.length < 50_000 ? { "kernels.wgsl": compiled.wgsl } : {}),
  };

  test.each(Object.keys(outputs))("%s", (path) => {
    if (process.env.UPDATE === "1") writeFileSync(file(path), outputs[path]);
    expect(existsSync(file(path)), `${path} is missing: run with UPDATE=1`).toBe(true);
    expect(outputs[path]).toBe(readFileSync(file(path), "utf8"));
  });

  test("the IR's text form gives the module back", () => {
    expect(parseModule(compiled.ir)).toEqual(compiled.module);
  });
});
