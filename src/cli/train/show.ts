/** @file The lines that commands about runs print. */

import pc from "picocolors";
import type { AdapterDescription } from "../../../runtime/device.js";
import type { Manifest } from "../../../runtime/manifest.js";

export const line = (label: string, value: string): void => console.log(`${pc.bold(label.padEnd(10))}${value}`);
export const grouped = (value: number): string => value.toLocaleString("en");

export function showMachine({ name, software }: AdapterDescription): void {
  line("adapter", software ? `${name} (software: right results, no speed)` : name);
}

export function parameterCount({ parameters }: Manifest): number {
  return parameters.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
}

/** The first Ctrl-C runs `first`; the second ends the process. */
export function onInterrupt(first: () => void): { dispose(): void } {
  let happened = false;
  const listener = () => {
    if (happened) process.exit(130);
    happened = true;
    first();
    process.stderr.write("\nstopping after this step; Ctrl-C again ends at once\n");
  };
  process.on("SIGINT", listener);
  return { dispose: () => process.off("SIGINT", listener) };
}
