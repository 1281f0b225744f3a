/** @file A report as JSON. The names of its fields are an interface: tools read them. */

import { BATCH } from "../../ir/types.js";
import { type Polynomial, show, valueAt } from "./polynomial.js";
import type { Report } from "./report.js";

/** A count as text, and its value at the report's lengths. */
interface Amount {
  readonly formula: string;
  readonly value: number;
}

export function reportData(report: Report) {
  const { model, graph, lengths, scans, kernels, costs, memory } = report;
  const amount = (polynomial: Polynomial): Amount => ({
    formula: show(polynomial),
    value: Math.ceil(valueAt(polynomial, lengths)),
  });
  const { [BATCH]: batch, ...named } = lengths;
  return {
    format: 1,
    model,
    graph,
    batch,
    lengths: Object.fromEntries(Object.entries(named).filter(([name]) => !name.startsWith("_"))),
    scans: scans.map((scan) => ({
      ...scan,
      stored: scan.stored.map(({ name, bytes }) => ({ name, bytes: amount(bytes) })),
      kernels: scan.kernels.map(({ name }) => name),
    })),
    kernels,
    costs: Object.fromEntries(Object.entries(costs).map(([name, polynomial]) => [name, amount(polynomial)])),
    memory: {
      arenaBytes: memory.arenaBytes,
      peakAt: memory.peakAt,
      peak: amount(memory.peak),
      buffers: memory.buffers.map((buffer) => ({ ...buffer, bytes: amount(buffer.bytes) })),
    },
  };
}
