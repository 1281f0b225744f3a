/** @file Rows as a Markdown table, which reads in a terminal too. */

import type { Row } from "./row.js";

const HEADER = ["case", "system", "ms a step", "min – max", "to seqc", "compile", "dispatches", "memory", "agrees"];

/** A table of `rows` in their order, its columns padded. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => cellsOf(row, rows));
  const widths = HEADER.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i].length)));
  const line = (texts: readonly string[]) => `| ${texts.map((text, i) => text.padEnd(widths[i])).join(" | ")} |`;
  return [line(HEADER), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...cells.map(line)].join("\n");
}

function cellsOf(row: Row, rows: readonly Row[]): readonly string[] {
  const { medianMs, minMs, maxMs, compileMs, dispatches, peakBytes, agrees, reason } = row;
  const seqc = rows.find((other) => other.case === row.case && other.system === "seqc")?.medianMs ?? null;
  return [
    row.case,
    row.system,
    medianMs === null ? `– ${reason ?? ""}`.trim() : milliseconds(medianMs),
    minMs === null || maxMs === null ? "" : `${milliseconds(minMs)} – ${milliseconds(maxMs)}`,
    medianMs === null || seqc === null ? "" : ratio(medianMs / seqc),
    compileMs === null ? "" : `${(compileMs / 1000).toFixed(2)} s`,
    dispatches === null ? "" : String(Math.round(dispatches)),
    peakBytes === null ? "" : bytes(peakBytes),
    agrees === null ? "" : agrees ? "yes" : "NO",
  ];
}

function ratio(times: number): string {
  return `${times.toFixed(times < 0.1 ? 3 : times < 10 ? 2 : 0)}×`;
}

function milliseconds(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = count / 1024 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}
