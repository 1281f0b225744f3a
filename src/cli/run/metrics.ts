/** @file `metrics.jsonl`: a line for each step and each validation, written as they are known and read for the report. */

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { StepRecord, ValidationRecord } from "../../../runtime/fit-options.js";
import { writeFiles } from "../files.js";

/** Numbers that are not finite are `null`. */
export interface StepLine extends StepRecord {
  readonly kind: "step";
  /** Of training so far, validations and the writing of checkpoints included. */
  readonly seconds: number;
  /** So far, over all sequences. */
  readonly tokens: number;
}

export interface ValidationLine extends ValidationRecord {
  readonly kind: "validation";
}

export type MetricsLine = StepLine | ValidationLine;

/** @throws CommandError of the file system. */
export class MetricsFile {
  readonly #file: number;

  /** Goes on behind the lines up to `step`; what a run wrote later is cut off, as it will be again. */
  constructor(path: string, step: number) {
    const kept = existsSync(path) && step > 0 ? readMetrics(path).filter((line) => line.step <= step) : [];
    mkdirSync(dirname(path), { recursive: true });
    writeFiles(dirname(path), new Map([[path.slice(dirname(path).length + 1), kept.map(lineOf).join("")]]));
    this.#file = openSync(path, "a");
  }

  append(line: MetricsLine): void {
    writeSync(this.#file, lineOf(line));
  }

  /** Before a checkpoint that counts on the lines. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

const lineOf = (line: MetricsLine): string => `${JSON.stringify(line)}\n`;

/** All whole lines; of a killed run the last one may not be. */
export function readMetrics(path: string): MetricsLine[] {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as MetricsLine);
}
