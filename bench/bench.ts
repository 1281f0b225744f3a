/**
 * @file seqc against its peers, whole training steps on the same shapes, weights and data: `npm run bench`. See
 * bench/README.md.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
}

const list = (text: string): readonly string[] => text.split(",");

const options = new Command()
  .name("npm run bench --")
  .option("--cases <names>", "names or their beginnings, between commas: lstm,ssm-4-256-64-16", list, [])
  .option("--systems <names>", `of ${SYSTEM_NAMES.join(", ")}`, list, SYSTEM_NAMES)
  .option("--quick", "few runs", false)
  .option("--all", "the large cases on a software adapter too", false)
  .option("--json <file>", "write the rows")
  .option("--markdown", "keep the rows in bench/results and write the tables of bench/README.md", false)
  .option("--from <file>", "take the rows of an earlier --json instead of measuring")
  .parse()
  .opts<Options>();

if (options.from !== undefined) {
  finish(readReport(options.from));
} else {
  const cases = selectCases(options.cases);
  finish(cases.length === 1 ? await measureHere(cases[0]) : measureApart(cases));
}

function finish(report: Report): never {
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.markdown) publish(report);
  // Devices of peers keep the process alive.
  process.exit();
}

/** A process a case: no system sees the buffers that another case left in its pool, and a crash costs one case. */
function measureApart(cases: readonly Case[]): Report {
  const scratch = mkdtempSync(join(tmpdir(), "seqc-bench-"));
  const flags = [...(options.quick ? ["--quick"] : []), ...(options.all ? ["--all"] : [])];
  const reports = cases.flatMap(({ name }) => {
    const file = join(scratch, `${name}.json`);
    const given = [...flags, "--cases", name, "--systems", options.systems.join(","), "--json", file];
    spawnSync(process.execPath, [...process.execArgv, process.argv[1], ...given], { stdio: "inherit" });
    return existsSync(file) ? [readReport(file)] : [];
  });
  rmSync(scratch, { recursive: true });
  const [first] = reports;
  if (first === undefined) throw new Error("no case was measured");
  return { ...first, rows: reports.flatMap(({ rows }) => rows) };
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
