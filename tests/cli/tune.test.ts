/** @file `seqc tune`: what it shows of each kernel, and that a model finds what it kept. */

import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Model } from "../../runtime/model.js";
import { FileTuningCache } from "../../runtime/tuner-cache-node.js";
import { EXIT } from "../../src/cli/exit.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { type Ended, inProcess } from "./in-process.js";

const LOOP = `
cell Leaky(H) {
  input x: [H]
  state h: [H]
  param U: [H, H] ~ uniform(-0.1, 0.1)
  h' = tanh(U @ h + x)
  output h'
}
model Loop(H = 64) {
  input x: [T, H]
  use loop = Leaky(H)
  output v = scan loop(x)
}
`;
const FLAT = "model Flat(N = 3) {\n  input x: [N]\n  param w: [N] ~ normal(0, 1)\n  output y = w * x\n}\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-tune-"));
  vi.stubEnv("XDG_CACHE_HOME", folder);
  vi.stubEnv("LOCALAPPDATA", folder);
});
afterEach(() => vi.unstubAllEnvs());

function tune(text: string, ...options: readonly string[]): Promise<Ended> {
  const spec = join(folder, "spec.seq");
  writeFileSync(spec, text);
  return inProcess(["tune", spec, ...options]);
}

test("a table of the kernels, of which one is chosen and one the cost model's", async () => {
  const { code, out, err } = await tune(LOOP, "--batch", "3", "--length", "2");
  expect([code, err]).toEqual([EXIT.ok, ""]);
  expect(out).toMatch(/^Loop for batch 3, T 2 on .+\n\npredict\n/);
  const kernels = out.split("\n").filter((line) => line.startsWith("  "));
  expect(kernels.length).toBeGreaterThan(1);
  for (const line of kernels) {
    expect(line).toMatch(/^ {2}scan_\w+ +rows \d, own \d, threads \d+, workgroupBytes \d+ +[\d.e-]+ ms( {2}.+)?$/);
  }
  expect(out.match(/chosen/g)).toHaveLength(1);
  expect(out.match(/the cost model's/g)).toHaveLength(1);
  expect(out).toContain(`kept in ${join(folder, "seqc")}`);
});

test("tools get the same as data, and a model takes what was kept", async () => {
  const { code, out } = await tune(LOOP, "--batch", "3", "--length", "2", "--set", "H=32", "--json");
  expect(code).toBe(EXIT.ok);
  const [report] = JSON.parse(out);
  expect(report).toMatchObject({ format: 1, model: "Loop", batch: 3, lengths: { T: 2 } });
  const [{ program, dispatches }] = report.programs;
  expect(program).toBe("predict");
  const [{ candidates, chosen, modelled }] = dispatches;
  const names: string[] = candidates.map(({ kernel }: { kernel: string }) => kernel);
  expect(names).toEqual(expect.arrayContaining([chosen, modelled]));
  for (const each of candidates) expect(each).toMatchObject({ rows: expect.any(Number), ms: expect.any(Number) });

  const set = vi.spyOn(FileTuningCache.prototype, "set");
  const model = await Model.create(await testDevice(), compileText(LOOP, { H: 32 }).manifest, { tune: true });
  const x = Float32Array.from({ length: 3 * 2 * 32 }, (_, at) => Math.sin(at));
  await model.predict({ x }, { batch: 3, length: 2 });
  expect(set).not.toHaveBeenCalled();
  await model.predict({ x: x.subarray(32) }, { batch: 5, length: 1 });
  expect(set).toHaveBeenCalledTimes(1);
  model.destroy();
  vi.restoreAllMocks();
});

test("says where there is nothing to choose", async () => {
  const { code, out } = await tune(FLAT, "--batch", "3");
  expect([code, out]).toEqual([EXIT.ok, expect.stringContaining("predict: one kernel for each dispatch")]);
});

test("a cache that cannot be written is a failure, behind the table", async () => {
  writeFileSync(join(folder, "seqc"), "");
  const { code, out, err } = await tune(LOOP, "--batch", "1", "--length", "1");
  expect(code).toBe(EXIT.usage);
  expect(out).toContain("chosen");
  expect(err).toMatch(/cannot write to .*seqc: the choice is not kept/);
});

test.each<[string, string, string[], RegExp]>([
  ["no length", LOOP, ["--batch", "3"], /Loop runs along T: give --length/],
  ["no batch", LOOP, ["--length", "3"], /required option '--batch/],
  ["a length of nothing", LOOP, ["--batch", "3", "--length", "0"], /--length wants a whole number from 1/],
  ["a file without a model", LOOP.split("model")[0], ["--batch", "3"], /has no model/],
])("refuses %s", async (_, text, options, message) => {
  const { code, err } = await tune(text, ...options);
  expect(code).toBe(EXIT.usage);
  expect(err).toMatch(message);
  expect(readdirSync(folder)).toEqual(["spec.seq"]);
});
