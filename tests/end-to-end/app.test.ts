/** @file The generated module in a small app outside the compiler: its types under strict settings, and what it does. */

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

const app = (path: string) => fileURLToPath(new URL(`../app/${path}`, import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

const [V, E, H] = [7, 5, 6];

function generate(): string {
  const { models } = compile({ files: ["std/char-lm"], host: hostOf({}), set: { V, E, H } });
  return models[0].typescript;
}

beforeAll(() => {
  rmSync(app("generated"), { recursive: true, force: true });
  mkdirSync(app("generated"), { recursive: true });
  writeFileSync(app("generated/char-lm.ts"), generate());
});

test("generating twice gives the same bytes", () => {
  expect(generate()).toBe(generate());
});

test("the module and its use pass the strictest type checks", () => {
  // First the runtime's types as the package ships them.
  const complaints = ["tsconfig.types.json", "tsconfig.json"].map((project) => {
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", app(project)], { encoding: "utf8" });
    return stdout;
  });
  expect(complaints.join("")).toBe("");
});

test("the app trains, saves, loads and streams", async () => {
  const generated: { run: (device: GPUDevice, tokens: number, steps: number) => Promise<import("../app/app.js").Report> } =
    await import("../app/app.js");
  const report = await generated.run(await testDevice(), V, 40);
  expect(report.first).toBeGreaterThan(0.8 * Math.log(V));
  expect(report.last).toBeLessThan(0.3 * report.first);
  expect(report.evaluated).toBeLessThan(report.first);
  expect(report.accuracy).toBeGreaterThan(0.9);
  expect(report.reloaded).toBe(report.evaluated);
  expect(relativeError(report.streamed, report.predicted)).toBeLessThan(1e-5);
});
