/** @file Checkpoints as files: whatever moment a process is killed at, the last one is whole. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileCheckpointStore, writeDurably } from "../../runtime/checkpoint-store-node.js";
import { decodeSafetensors } from "../../runtime/safetensors.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-checkpoints-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("gives the last one, keeps a few, and clears away what killed saves left", async () => {
  const store = new FileCheckpointStore(folder);
  expect(await store.load()).toBeUndefined();
  writeFileSync(join(folder, "checkpoint-1.safetensors.1234-abcd.tmp"), "half");
  await Promise.all([1, 2, 3].map((byte) => store.save(Uint8Array.of(byte))));
  expect(await new FileCheckpointStore(folder).load()).toEqual(Uint8Array.of(3));
  expect(readdirSync(folder).sort()).toEqual(["checkpoint-2.safetensors", "checkpoint-3.safetensors"]);
});

test("a save that fails leaves what was there, and nothing else", async () => {
  const store = new FileCheckpointStore(folder);
  await store.save(Uint8Array.of(1));
  const path = join(folder, "taken");
  await expect(writeDurably(join(folder, "checkpoint-1.safetensors", "x"), "text")).rejects.toThrow();
  await expect(writeDurably(path, undefined as unknown as string)).rejects.toThrow();
  expect(readdirSync(folder)).toEqual(["checkpoint-1.safetensors"]);
  expect(await store.load()).toEqual(Uint8Array.of(1));
});

/** Saves one checkpoint after another, each full of its own number, and tells of each that is done. */
const SAVER = `
  import { FileCheckpointStore } from "./runtime/checkpoint-store-node.js";
  import { encodeSafetensors } from "./runtime/safetensors.js";
  const store = new FileCheckpointStore(process.env.FOLDER);
  for (let number = Number(process.env.FIRST); ; number++) {
    const values = new Float32Array(300_000).fill(number);
    await store.save(encodeSafetensors({ tensors: new Map([["w", { shape: [300_000], values }]]), metadata: new Map() }));
    process.stdout.write(number + "\\n");
  }
`;

function saver(first: number): ChildProcess {
  const args = ["--import", "tsx", "--input-type=module", "--eval", SAVER];
  const env = { ...process.env, FOLDER: folder, FIRST: String(first) };
  return spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
}

test("kill -9 in a loop of saves never leaves an unreadable last checkpoint", async () => {
  let done = 0;
  for (let round = 0; round < 8; round++) {
    const child = saver(done + 1);
    let told = done;
    child.stdout?.on("data", (text: Buffer) => {
      told = Math.max(told, ...text.toString().trim().split("\n").map(Number));
    });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    // Saves take some milliseconds each: the kill falls anywhere in one.
    await new Promise((resolve) => setTimeout(resolve, 3 + 7 * round));
    child.kill("SIGKILL");
    await once(child, "close");
    const bytes = await new FileCheckpointStore(folder).load();
    const values = decodeSafetensors(bytes ?? new Uint8Array()).tensors.get("w")?.values ?? new Float32Array();
    expect(values).toHaveLength(300_000);
    expect(new Set(values).size).toBe(1);
    // What was said to be done is there, or something newer.
    expect(values[0]).toBeGreaterThanOrEqual(told);
    done = values[0];
  }
  expect(done).toBeGreaterThan(8);
});
