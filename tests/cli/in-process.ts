/** @file Runs `seqc` within the tests' own process. */

import { vi } from "vitest";
import { run } from "../../src/cli/program.js";

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** What the process would print and end with, much sooner. */
export async function inProcess(args: readonly string[]): Promise<Ended> {
  let out = "";
  let err = "";
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      out += chunk;
      return true;
    }),
    vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
      err += chunk;
      return true;
    }),
    vi.spyOn(console, "log").mockImplementation((line) => {
      out += `${line}\n`;
    }),
    vi.spyOn(console, "error").mockImplementation((line) => {
      err += `${line}\n`;
    }),
  ];
  try {
    return { code: await run(args), out, err };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
