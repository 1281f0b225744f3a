/** @file Reads and writes files so that a failure is one clear line and never a half-written result. */

import { isUtf8 } from "node:buffer";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CommandError } from "./exit.js";

/** @throws CommandError where the file cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${reason(error)}`);
  }
}

/** Text that is to be written back: no byte of it may be lost. @throws CommandError where it is not UTF-8. */
export function readExactText(path: string): string {
  const text = readText(path);
  if (!isUtf8(readFileSync(path))) throw new CommandError(`cannot read ${path}: it is not UTF-8`);
  return text;
}

/** Puts `text` in the place of the file's; where `path` is a link, in its target. @throws CommandError like `writeFiles`. */
export function rewriteFile(path: string, text: string): void {
  const target = realpathSync(path);
  writeFiles(dirname(target), new Map([[basename(target), text]]));
}

/**
 * Writes all `files` (name → content) into `folder`, made where missing: first all to temporary names beside their
 * places, then renamed, so that what stands there is either the old or the whole new text. A file keeps its permissions.
 * @throws CommandError where a file cannot be written; the temporary files are gone then.
 */
export function writeFiles(folder: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  const written: { readonly temporary: string; readonly path: string }[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of files) {
      const path = join(folder, name);
      // Found out now, not when half of the files have their names.
      const there = statSync(path, { throwIfNoEntry: false });
      if (there?.isDirectory()) throw new Error(`${name} is a folder`);
      const temporary = `${path}.${process.pid}.tmp`;
      written.push({ temporary, path });
      writeDurably(temporary, content, there?.mode);
    }
    for (const { temporary, path } of written) renameSync(temporary, path);
  } catch (error) {
    for (const { temporary } of written) rmSync(temporary, { force: true });
    throw new CommandError(`cannot write to ${folder}: ${reason(error)}`);
  }
}

/** Content reaches the disk before the rename does, or a crash could leave an empty file in a full one's place. */
function writeDurably(path: string, content: string | Uint8Array, mode: number | undefined): void {
  const file = openSync(path, "w");
  try {
    if (mode !== undefined) fchmodSync(file, mode);
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Why something with a file failed. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENOTDIR":
    case "EEXIST":
      return "a file stands where a folder should be";
    default:
      return message;
  }
}
