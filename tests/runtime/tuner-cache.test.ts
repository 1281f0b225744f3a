/** @file The tuner's files: whole or not there, whoever writes, and never a reason to fail. */

import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Kernels } from "../../runtime/kernels.js";
import type { Manifest } from "../../runtime/manifest.js";
import { BATCH } from "../../runtime/manifest.js";
import { tuningCacheOf, tuningKey } from "../../runtime/tuner-cache.js";
import { cacheFolder, FileTuningCache } from "../../runtime/tuner-cache-node.js";
import { testDevice } from "../support/device.js";
import { affine } from "./manifests.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-tuning-"));
});
afterEach(() => vi.unstubAllEnvs());

test("gives back what was set, to another object too, by its key alone", async () => {
  const cache = new FileTuningCache(join(folder, "made", "when needed"));
  expect(await cache.get("a")).toBeUndefined();
  await cache.set("a", [1, 0, 2]);
  await cache.set("b/../ü", []);
  await cache.set("a", [2, 2, 2]);
  const later = new FileTuningCache(join(folder, "made", "when needed"));
  expect([await later.get("a"), await later.get("b/../ü"), await later.get("c")]).toEqual([[2, 2, 2], [], undefined]);
});

test.each<[string, (text: string) => string]>([
  ["cut off", (text) => text.slice(0, -5)],
  ["empty", () => ""],
  ["of another version", (text) => text.replace('"format":1', '"format":2')],
  ["of another key", (text) => text.replace('"key":"a"', '"key":"b"')],
  ["of another shape", (text) => text.replace("[1,0]", '["1"]')],
  ["no object", () => "null"],
])("a file that is %s is as none, and is written over", async (_, spoil) => {
  const cache = new FileTuningCache(folder);
  await cache.set("a", [1, 0]);
  const path = cache.pathOf("a");
  const spoilt = spoil(readFileSync(path, "utf8"));
  expect(spoilt).not.toBe(readFileSync(path, "utf8"));
  writeFileSync(path, spoilt);
  expect(await cache.get("a")).toBeUndefined();
  await cache.set("a", [0, 1]);
  expect(await cache.get("a")).toEqual([0, 1]);
});

test("many write and read at a time: a reader sees one of the values, whole", async () => {
  const caches = Array.from({ length: 8 }, () => new FileTuningCache(folder));
  const long = (n: number) => new Array<number>(5000).fill(n);
  await caches[0].set("same", long(0));
  const seen: (readonly number[] | undefined)[] = [];
  await Promise.all(
    caches.flatMap((cache, n) => [
      cache.set("same", long(n)).then(async () => seen.push(await cache.get("same"))),
      cache.set(`own ${n}`, [n]),
      cache.get("same").then((value) => seen.push(value)),
    ]),
  );
  expect(seen.length).toBe(16);
  for (const value of seen) expect(value).toEqual(long(value?.[0] ?? -1));
  for (const n of caches.keys()) expect(await caches[0].get(`own ${n}`)).toEqual([n]);
  expect(readdirSync(folder).filter((name) => !/^tuning-[0-9a-f]{64}\.json$/.test(name))).toEqual([]);
});

test("a folder that cannot be made keeps nothing and throws nothing", async () => {
  writeFileSync(join(folder, "file"), "");
  const cache = new FileTuningCache(join(folder, "file", "below"));
  await cache.set("a", [1]);
  expect(await cache.get("a")).toBeUndefined();
});

test("lies where the user's caches lie", () => {
  vi.stubEnv("XDG_CACHE_HOME", folder);
  vi.stubEnv("LOCALAPPDATA", folder);
  expect(cacheFolder()).toBe(join(folder, "seqc"));
  vi.stubEnv("XDG_CACHE_HOME", "");
  vi.stubEnv("LOCALAPPDATA", "");
  vi.stubEnv("HOME", folder);
  vi.stubEnv("USERPROFILE", folder);
  expect(cacheFolder()).toBe(join(folder, ".cache", "seqc"));
});

test("a device of this host has the files, any other a memory of its own", async () => {
  const device = await testDevice();
  expect(tuningCacheOf(device)).toBeInstanceOf(FileTuningCache);
  const [first, second] = [{} as GPUDevice, {} as GPUDevice];
  await tuningCacheOf(first).set("a", [1]);
  expect(await tuningCacheOf(first).get("a")).toEqual([1]);
  expect(await tuningCacheOf(second).get("a")).toBeUndefined();
});

test("a key tells adapters, kernels and sizes apart", async () => {
  const device = await testDevice();
  const keyOf = (manifest: Manifest, batch: number) =>
    tuningKey(
      { title: "test", program: manifest.programs.predict, kernels: new Kernels(device, manifest) },
      { [BATCH]: batch },
    );
  const renamed = { ...affine, wgsl: `${affine.wgsl}\n` };
  const keys = await Promise.all([keyOf(affine, 1), keyOf(affine, 1), keyOf(affine, 2), keyOf(renamed, 1)]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[0]).toContain(device.adapterInfo.vendor);
});
