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

/** What the app finds out. */
interface Report {
  readonly first: number;
  readonly last: number;
  readonly evaluated: number;
  readonly reloaded: number;
  readonly accuracy: number | undefined;
  readonly streamed: Float32Array;
  readonly predicted: Float32Array;
}

function generate(name = "char-lm", set: Readonly<Record<string, number>> = { V, E, H }): string {
  const { models } = compile({ files: [`std/${name}`], host: hostOf({}), set });
  return models[0].typescript;
}

beforeAll(() => {
  rmSync(app("generated"), { recursive: true, force: true });
  mkdirSync(app("generated"), { recursive: true });
  writeFileSync(app("generated/char-lm.ts"), generate());
  writeFileSync(app("generated/seq2seq.ts"), generate("seq2seq", { V, W: V, E, H }));
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
  // Not known to this project's own types: the module that the app imports does not exist before this test runs.
  const path = "../app/app.js";
  const { run }: { run: (device: GPUDevice, tokens: number, steps: number) => Promise<Report> } = await import(path);
  const report = await run(await testDevice(), V, 40);
  expect(report.first).toBeGreaterThan(0.8 * Math.log(V));
  expect(report.last).toBeLessThan(0.3 * report.first);
  expect(report.evaluated).toBeLessThan(report.first);
  expect(report.accuracy).toBeGreaterThan(0.9);
  expect(report.reloaded).toBe(report.evaluated);
  expect(relativeError(report.streamed, report.predicted)).toBeLessThan(1e-5);
});
