/** @file Runs `seqc` as a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Ended } from "./in-process.js";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** `watch` sees the error stream as it grows and may signal the process. */
export function seqc(args: readonly string[], watch?: (err: string, child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
    watch?.(err, child);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}
