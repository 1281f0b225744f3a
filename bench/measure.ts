/** @file All systems on one case, one after the other: first whether they agree, then how long a step takes. */

import { Bench } from "tinybench";
import { agree, distance, firstSteps, type Results } from "./agreement.js";
import type { Case } from "./cases.js";
import { type Row, unmeasured } from "./report/row.js";
import type { System } from "./systems/system.js";
import { makeWorkload, type Workload } from "./workload.js";

export interface Effort {
  /** The least number of runs, and the time that runs go on for. */
  readonly runs: number;
  readonly milliseconds: number;
}

/** The clock is read once for as many steps as take about this long. */
const RUN_MS = 50;
const MOST_STEPS = 50;

/** @param onRow is told each row as soon as it is there. */
export async function measureCase(
  of: Case,
  systems: readonly System[],
  effort: Effort,
  onRow: (row: Row) => void,
): Promise<void> {
  const workload = makeWorkload(of);
  let reference: Results | undefined;
  for (const system of systems) {
    const refused = system.refuses(of);
    if (refused !== undefined) {
      onRow(unmeasured(of.name, system.name, refused));
      continue;
    }
    try {
      const { row, results } = await measure(system, workload, effort, reference);
      reference ??= results;
      onRow(row);
    } catch (error) {
      const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
      onRow(unmeasured(of.name, system.name, reason));
    }
  }
}

async function measure(
  system: System,
  workload: Workload,
  effort: Effort,
  reference: Results | undefined,
): Promise<{ readonly row: Row; readonly results: Results }> {
  const started = performance.now();
  const session = await system.open(workload);
  try {
    let compileMs = 0;
    const { adapter } = session;
    const results = await firstSteps(session, workload, () => {
      compileMs = performance.now() - started;
    });
    const agrees = reference === undefined ? null : agree(results, reference);
    if (reference !== undefined && !agrees) {
      const by = Math.max(distance(results.losses, reference.losses), distance(results.change, reference.change));
      const reason = `its results differ by ${by.toExponential(1)}, so it was not timed`;
      return { row: { ...unmeasured(workload.case.name, system.name, reason), adapter, agrees }, results };
    }
    const { dispatches = null, peakBytes = null } = await session.figures();
    const times = await time((steps) => session.run(steps), effort);
    const row = { case: workload.case.name, system: system.name, adapter, ...times, compileMs, dispatches, peakBytes };
    return { row: { ...row, agrees }, results };
  } finally {
    await session.close();
  }
}

async function time(
  run: (steps: number) => Promise<number>,
  { runs, milliseconds }: Effort,
): Promise<Pick<Row, "medianMs" | "minMs" | "maxMs" | "runs">> {
  const started = performance.now();
  await run(1);
  const steps = Math.min(MOST_STEPS, Math.ceil(RUN_MS / (performance.now() - started)));
  const bench = new Bench({ iterations: runs, time: milliseconds, warmup: false, throws: true });
  bench.add("step", async () => {
    await run(steps);
  });
  const [{ result }] = await bench.run();
  if (result.state !== "completed") throw new Error(`the measurement was ${result.state}`);
  const { p50, min, max, samplesCount } = result.latency;
  return { medianMs: p50 / steps, minMs: min / steps, maxMs: max / steps, runs: samplesCount };
}

/** What was measured first has nobody to agree with until another has: it then agrees where nobody differs. */
export function judgeReference(rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => {
    if (row.agrees !== null || row.medianMs === null) return row;
    const verdicts = rows.flatMap((other) => (other.case === row.case && other.agrees !== null ? [other.agrees] : []));
    return verdicts.length === 0 ? row : { ...row, agrees: verdicts.every((verdict) => verdict) };
  });
}
