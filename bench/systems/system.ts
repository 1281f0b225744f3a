/** @file What the harness asks of a system under test. */

import type { Case } from "../cases.js";
import type { Workload } from "../workload.js";

export const SYSTEM_NAMES = ["seqc", "jax-js", "tfjs", "torch", "torch-loop", "jax"] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

export interface System {
  readonly name: SystemName;
  /** Why it is not tried on a case, if it is not. */
  refuses(of: Case): string | undefined;
  /** Everything up to the first step. @throws Error with the reason where it cannot run the case. */
  open(workload: Workload): Promise<Session>;
}

/** A model with its optimizer's state, at the workload's shapes. */
export interface Session {
  /** What it runs on. */
  readonly adapter: string;
  /** Whole training steps on the workload's batch, which is handed over anew in each. @returns the last one's loss. */
  run(steps: number): Promise<number>;
  /** In the order of the workload's. */
  parameters(): Promise<readonly Float32Array[]>;
  /** The dispatches of a step and the most memory there was; what the system does not tell is absent. */
  figures(): Promise<Figures>;
  close(): Promise<void>;
}

export interface Figures {
  readonly dispatches?: number;
  readonly peakBytes?: number;
}
