/**
 * @file seqc against its peers, whole training steps on the same shapes, weights and data: `npm run bench`. See
 * bench/README.md.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { type Case, selectCases } from "./cases.js";
import { installGpu, type MeteredGpu } from "./gpu.js";
import { judgeReference, measureCase } from "./measure.js";
import { publish, readReport } from "./report/publish.js";
import type { Report, Row } from "./report/row.js";
import { renderTable } from "./report/table.js";
import { jaxJs } from "./systems/jax-js.js";
import { jax, torch, torchLoop } from "./systems/python.js";
import { seqc } from "./systems/seqc.js";
import { SYSTEM_NAMES, type System, type SystemName } from "./systems/system.js";
import { tfjs } from "./systems/tfjs.js";

interface Options {
  readonly json?: string;
  readonly cases: readonly string[];
  readonly systems: readonly string[];
  readonly quick: boolean;
  readonly all: boolean;
  readonly markdown: boolean;
  readonly from?: string;
  readonly note?: string;
}

const list = (text: string): readonly string[] => text.split(",");

const options = new Command()
  .name("npm run bench --")
  .option("--cases <names>", "names or their beginnings, between commas: lstm,ssm-4-256-64-16", list, [])
  .option("--systems <names>", `of ${SYSTEM_NAMES.join(", ")}`, list, SYSTEM_NAMES)
  .option("--quick", "few runs", false)
  .option("--all", "the large cases on a software adapter too", false)
  .option("--json <file>", "write the rows, anew after each case")
  .option("--markdown", "keep the rows in bench/results and write the tables of bench/README.md", false)
  .option("--from <file>", "take the rows of an earlier --json instead of measuring")
  .option("--note <text>", "a sentence to keep with the rows, such as that the machine had other work")
  .parse()
  .opts<Options>();

if (options.from !== undefined) {
  keep(readReport(options.from));
} else {
  const cases = selectCases(options.cases);
  if (cases.length === 1) keep(await measureHere(cases[0]));
  else measureApart(cases);
}
// Devices of peers keep the process alive.
process.exit();

function keep(measured: Report): void {
  const report = options.note === undefined ? measured : { ...measured, note: options.note };
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.markdown) publish(report);
}

/** A process a case: no system sees the buffers that another case left in its pool, and a crash costs one case. */
function measureApart(cases: readonly Case[]): void {
  const scratch = mkdtempSync(join(tmpdir(), "seqc-bench-"));
  const file = join(scratch, "case.json");
  const flags = [...(options.quick ? ["--quick"] : []), ...(options.all ? ["--all"] : [])];
  let rows: readonly Row[] = [];
  for (const { name } of cases) {
    const given = [...flags, "--cases", name, "--systems", options.systems.join(","), "--json", file];
    const { status, signal } = spawnSync(process.execPath, [...process.execArgv, process.argv[1], ...given], {
      stdio: "inherit",
    });
    if (status !== 0) {
      console.error(`${name}: the process ended with ${signal ?? status}\n`);
      continue;
    }
    const report = readReport(file);
    rows = [...rows, ...report.rows];
    // After each case, so that who ends the run early keeps what there is.
    keep({ ...report, rows });
  }
  rmSync(scratch, { recursive: true });
}

async function measureHere(of: Case): Promise<Report> {
  const gpu = await installGpu();
  const systems = selectSystems(gpu);
  const found: Row[] = [];
  if (of.large && gpu.software && !options.all) {
    console.log(`${of.name}: too large for ${gpu.adapter}; --all measures it nevertheless\n`);
  } else {
    console.log(`${of.name} on ${gpu.adapter}`);
    const effort = options.quick ? { runs: 1, milliseconds: 200 } : { runs: 3, milliseconds: 3000 };
    await measureCase(of, systems, effort, (row) => {
      found.push(row);
      console.log(`  ${row.system.padEnd(10)} ${row.medianMs?.toFixed(2) ?? `– ${row.reason}`}`);
    });
  }
  const rows = judgeReference(found);
  if (rows.length > 0) console.log(`\n${renderTable(rows)}\n`);
  return {
    adapter: gpu.adapter,
    threads: availableParallelism(),
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    rows,
  };
}

function selectSystems(gpu: MeteredGpu): readonly System[] {
  const known: Readonly<Record<SystemName, System>> = {
    seqc: seqc(gpu),
    "jax-js": jaxJs(gpu),
    tfjs: tfjs(gpu),
    torch,
    "torch-loop": torchLoop,
    jax,
  };
  return options.systems.map((name) => {
    const system = SYSTEM_NAMES.find((other) => other === name);
    if (system === undefined) throw new Error(`no system is called ${name}: there are ${SYSTEM_NAMES.join(", ")}`);
    return known[system];
  });
}
