/** @file Checkpoints as files of a folder: temporary file, fsync, rename, fsync of the folder. Node.js only. */

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CheckpointStore } from "./checkpoint-store.js";
import { Turns } from "./turns.js";

/**
 * Puts a whole file in the place of another, or of none: a reader sees the old or the new, and a crash at any moment, of the
 * machine too, leaves one of them.
 */
export async function writeDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Windows has no such thing: a rename is durable there by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const NAME = /^checkpoint-(\d+)\.safetensors$/;
const TEMPORARY = /^checkpoint-\d+\.safetensors\.[\w-]+\.tmp$/;

/** The last few checkpoints of a run: `checkpoint-7.safetensors` is the seventh that was saved. */
export class FileCheckpointStore implements CheckpointStore {
  readonly #turns = new Turns();

  /** @param keep how many are left, the newest; the one before the last is for people, no crash needs it. */
  constructor(
    readonly folder: string,
    private readonly keep = 2,
  ) {}

  /** @throws Error of the file system; the checkpoints before are as they were. */
  save(bytes: Uint8Array): Promise<void> {
    return this.#turns.take(async () => {
      const [newest = 0] = await this.#numbers();
      await writeDurably(this.#path(newest + 1), bytes);
      await this.#tidy();
    });
  }

  /** The newest, after the saves already asked for. */
  load(): Promise<Uint8Array | undefined> {
    return this.#turns.take(async () => {
      const newest = await this.newestPath();
      return newest === undefined ? undefined : new Uint8Array(await readFile(newest));
    });
  }

  /** Where the last one lies. */
  async newestPath(): Promise<string | undefined> {
    const [newest] = await this.#numbers();
    return newest === undefined ? undefined : this.#path(newest);
  }

  #path(number: number): string {
    return join(this.folder, `checkpoint-${number}.safetensors`);
  }

  /** Of all checkpoints, the newest first. */
  async #numbers(): Promise<number[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const numbers = names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
    return numbers.sort((a, b) => b - a);
  }

  /** Removes old checkpoints, and what saves that were killed left behind. */
  async #tidy(): Promise<void> {
    const old = (await this.#numbers()).slice(this.keep).map((number) => this.#path(number));
    const left = (await readdir(this.folder)).filter((name) => TEMPORARY.test(name));
    await Promise.all(
      [...old, ...left.map((name) => join(this.folder, name))].map((path) => rm(path, { force: true })),
    );
  }
}
