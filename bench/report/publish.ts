/** @file Keeps the newest measurements of each adapter in `bench/results`, and the tables of the README made of them. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES } from "../cases.js";
import { SYSTEM_NAMES } from "../systems/system.js";
import { renderChart } from "./chart.js";
import { mergeRows, type Report } from "./row.js";
import { renderTable } from "./table.js";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const RESULTS = join(FOLDER, "results");
const BEGIN = "<!-- results: written by npm run bench -- --markdown -->\n";
const END = "<!-- end of results -->\n";

/** Merges a report into the stored one of its adapter and writes the README's tables anew. */
export function publish(report: Report): void {
  mkdirSync(RESULTS, { recursive: true });
  const name = slug(report.adapter);
  const file = join(RESULTS, `${name}.json`);
  const older = existsSync(file) ? readReport(file).rows : [];
  const rows = inOrder(mergeRows(older, report.rows));
  writeFileSync(file, `${JSON.stringify({ ...report, rows }, null, 2)}\n`);
  const chart = renderChart(rows);
  if (chart !== undefined) writeFileSync(join(RESULTS, `${name}.svg`), chart);
  const reports = readdirSync(RESULTS)
    .filter((entry) => entry.endsWith(".json"))
    .sort()
    .map((entry) => readReport(join(RESULTS, entry)));
  const readme = join(FOLDER, "README.md");
  writeFileSync(readme, replaceResults(readFileSync(readme, "utf8"), reports.map(renderReport).join("\n")));
}

export function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

/** @throws Error where the text has no place for results. */
export function replaceResults(text: string, results: string): string {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the README has no place for results: ${BEGIN}`);
  return `${text.slice(0, from)}${BEGIN}\n${results}\n${text.slice(to)}`;
}

/** A section of the README: the adapter, a table, the chart where there is one, what was not measured. */
export function renderReport({ adapter, threads, node, date, note, rows }: Report): string {
  const measured = rows.filter(({ medianMs }) => medianMs !== null);
  const others = rows.filter(({ medianMs }) => medianMs === null);
  const adapters = [...new Map(measured.map((row) => [row.system, row.adapter])).entries()];
  const reasons = new Map(others.map(({ system, reason }) => [`${system}: ${reason ?? ""}`, [] as string[]]));
  for (const row of others) reasons.get(`${row.system}: ${row.reason ?? ""}`)?.push(row.case);
  const curves = measured.some((row) => CASES.some((of) => of.curve && of.name === row.case));
  return [
    `### ${adapter}`,
    `Measured ${date} with Node ${node} on ${threads} threads of the CPU.${note === undefined ? "" : ` ${note}`}`,
    adapters.map(([system, name]) => `- ${system}: ${name}`).join("\n"),
    renderTable(measured),
    ...(curves ? [`![Time and memory over the length](results/${slug(adapter)}.svg)`] : []),
    ...(reasons.size > 0
      ? [`Not measured:\n\n${[...reasons].map(([why, names]) => `- ${why} (${names.join(", ")})`).join("\n")}`]
      : []),
    "",
  ].join("\n\n");
}

/** As the cases and systems are listed; what is no case any more is dropped. */
function inOrder(rows: Report["rows"]): Report["rows"] {
  return CASES.flatMap(({ name }) =>
    SYSTEM_NAMES.flatMap((system) => rows.filter((row) => row.case === name && row.system === system)),
  );
}

function slug(adapter: string): string {
  return adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
