import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { DeviceError } from "../../runtime/errors.js";
import { Model } from "../../runtime/model.js";
import { requestNodeDevice } from "../../runtime/node.js";
import { RunFolder } from "../../src/cli/run/folder.js";
import { readMetrics } from "../../src/cli/run/metrics.js";
import { mergeConfigs } from "../../src/cli/train/config.js";
import { readData } from "../../src/cli/train/data.js";
import { trainingOptions } from "../../src/cli/train/prepare.js";
import { Session } from "../../src/cli/train/session.js";
import { bigramManifest } from "./bigram.js";

it("a lost device ends a run with the way to go on, and with a checkpoint for it", async () => {
  const path = mkdtempSync(join(tmpdir(), "seqc-session-"));
  const text = join(path, "text.txt");
  writeFileSync(text, "abcd".repeat(200));
  const { device, adapter } = await requestNodeDevice();
  const manifest = bigramManifest(4);
  const settled = { steps: 1_000_000, validateEvery: 1_000_000 };
  const config = {
    ...mergeConfigs({ spec: "none", text: [text], checkpointEvery: 10, length: 8, batch: 2 }),
    ...settled,
  };
  const data = await readData(config);
  const model = await Model.create(device, manifest);
  const trainer = await model.trainer({ ...trainingOptions(config), batch: 2, length: 8 });
  const folder = new RunFolder(join(path, "run"));
  folder.begin({ ...config, spec: text }, new Map([[text, ""]]));
  const prepared = { config, data, bound: data.bind(manifest), manifest, sources: new Map() };
  const session = new Session({ folder, prepared, model, adapter, trainer });
  const quiet = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const run = session.run(undefined);
  const timer = setInterval(async () => {
    if ((await folder.checkpoints.newestPath()) !== undefined) device.destroy();
  }, 5);
  await expect(run).rejects.toThrow(DeviceError);
  clearInterval(timer);
  quiet.mockRestore();
  await expect(run).rejects.toThrow(`seqc train --resume ${folder.path}`);
  expect(await folder.checkpoints.load()).toBeDefined();
  expect(readMetrics(folder.at("metrics")).length).toBeGreaterThanOrEqual(10);
});
