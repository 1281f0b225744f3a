/** @file The tuner's choices as files of the user's cache folder, one a choice: several processes may write at a time. */

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { TuningCache } from "./tuner-cache.js";

const FORMAT = 1;

interface Entry {
  readonly format: typeof FORMAT;
  readonly key: string;
  readonly chosen: readonly number[];
}

/** `$XDG_CACHE_HOME/seqc` or `~/.cache/seqc`, on Windows `%LOCALAPPDATA%\seqc`. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32" && LOCALAPPDATA) return join(LOCALAPPDATA, "seqc");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "seqc");
}

/** What cannot be read is as if it were not there; what cannot be written is not kept. */
export class FileTuningCache implements TuningCache {
  constructor(private readonly folder = cacheFolder()) {}

  /** Where the choice of a key lies. */
  pathOf(key: string): string {
    return join(this.folder, `tuning-${createHash("sha256").update(key).digest("hex")}.json`);
  }

  async get(key: string): Promise<readonly number[] | undefined> {
    try {
      const entry: unknown = JSON.parse(await readFile(this.pathOf(key), "utf8"));
      return isEntry(entry) && entry.key === key ? entry.chosen : undefined;
    } catch {
      return undefined;
    }
  }

  /** First under a name of its own, then renamed: a reader sees a whole file or none. */
  async set(key: string, chosen: readonly number[]): Promise<void> {
    const path = this.pathOf(key);
    const temporary = `${path}.${randomUUID()}.tmp`;
    const entry: Entry = { format: FORMAT, key, chosen };
    try {
      await mkdir(this.folder, { recursive: true });
      await writeFile(temporary, `${JSON.stringify(entry)}\n`);
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { format, key, chosen } = value as Partial<Entry>;
  return format === FORMAT && typeof key === "string" && Array.isArray(chosen) && chosen.every(Number.isInteger);
}
