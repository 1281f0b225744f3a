/** @file One measurement: a system on a case. What `--json` writes and the tables show. */

import type { SystemName } from "../systems/system.js";

/** Null where the system has no such figure, or was not measured. */
export interface Row {
  readonly case: string;
  readonly system: SystemName;
  readonly adapter: string | null;
  /** Milliseconds of a whole training step. */
  readonly medianMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  /** How many times the clock was read; a run may be of several steps. */
  readonly runs: number;
  /** Everything up to the end of the first step. */
  readonly compileMs: number | null;
  /** Of a step. */
  readonly dispatches: number | null;
  readonly peakBytes: number | null;
  /** Whether the first steps came out as the other systems' did. */
  readonly agrees: boolean | null;
  /** Why there is no measurement. */
  readonly reason?: string;
}

/** Measurements of one machine. */
export interface Report {
  /** The WebGPU adapter. */
  readonly adapter: string;
  /** Threads of the CPU. */
  readonly threads: number;
  readonly node: string;
  /** YYYY-MM-DD of the newest rows. */
  readonly date: string;
  /** What a reader has to know, such as that the machine had other work. */
  readonly note?: string;
  readonly rows: readonly Row[];
}

/** A row without figures. */
export function unmeasured(of: string, system: SystemName, reason: string): Row {
  const figures = { medianMs: null, minMs: null, maxMs: null, compileMs: null, dispatches: null, peakBytes: null };
  return { case: of, system, adapter: null, ...figures, runs: 0, agrees: null, reason };
}

/** A case measured anew loses all its older rows: only what ran together is comparable. */
export function mergeRows(older: readonly Row[], newer: readonly Row[]): readonly Row[] {
  const again = new Set(newer.map((row) => row.case));
  return [...older.filter((row) => !again.has(row.case)), ...newer];
}
