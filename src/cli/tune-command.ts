/** @file `seqc tune`: measures on this machine which kernels do each dispatch best, shows it, and keeps it for `tune: true`. */

import pc from "picocolors";
import { ModelCore, type ProgramName } from "../../runtime/core.js";
import type { AdapterDescription } from "../../runtime/device.js";
import type { Manifest, Variant } from "../../runtime/manifest.js";
import { nameSizes } from "../../runtime/memory.js";
import { requestNodeDevice } from "../../runtime/node.js";
import type { Candidate, TunedDispatch } from "../../runtime/tuner.js";
import { tuningCacheOf, tuningKey } from "../../runtime/tuner-cache.js";
import { cacheFolder } from "../../runtime/tuner-cache-node.js";
import { tuneAnew } from "../../runtime/tuner-choice.js";
import { checkSizes } from "../../runtime/validate.js";
import { compile } from "../compile.js";
import type { Precision } from "../ir/types.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { readText } from "./files.js";
import { nodeHost } from "./host.js";
import { type ErrorFormat, reportDiagnostics } from "./report.js";
import { requireKnownSettings } from "./settings.js";

export interface TuneOptions {
  readonly set?: Readonly<Record<string, number>>;
  readonly precision: Precision;
  readonly batch: number;
  /** Of every length; wanted where the model has any. */
  readonly length?: number;
  readonly json?: boolean;
  readonly errorFormat: ErrorFormat;
}

/** The programs that `tune: true` tunes. */
const PROGRAMS = ["train", "evaluate", "predict"] as const satisfies readonly ProgramName[];

interface TunedProgram {
  readonly program: ProgramName;
  readonly dispatches: readonly TunedDispatch[];
  /** Whether the cache knows it now: a folder may not be writable. */
  readonly kept: boolean;
}

export async function tuneCommand(
  spec: string,
  { set = {}, precision, batch, length, json = false, errorFormat }: TuneOptions,
): Promise<ExitCode> {
  readText(spec);
  requireKnownSettings([spec], set);
  const { diagnostics, models } = compile({ files: [spec], host: nodeHost(), set, precision });
  if (reportDiagnostics(diagnostics, errorFormat)) return EXIT.failed;
  if (models.length === 0) {
    throw new CommandError(`${spec} has no model: its cells and layers are tuned with the models that use them`);
  }
  const { device, adapter } = await requestNodeDevice({ features: ["timestamp-query"] });
  try {
    const reports: object[] = [];
    let lost = false;
    for (const { manifest } of models) {
      const lengths = lengthsOf(manifest, length);
      const sizes = checkSizes(manifest.lengths, { batch, length: lengths });
      if (!json) console.log(heading(manifest, nameSizes(sizes), adapter));
      const programs: TunedProgram[] = [];
      for await (const tuned of tunePrograms(device, manifest, sizes)) {
        programs.push(tuned);
        lost ||= !tuned.kept;
        if (!json) console.log(`\n${table(tuned)}`);
      }
      reports.push(reportData(manifest, adapter, batch, lengths, programs));
    }
    if (json) console.log(JSON.stringify(reports, undefined, 2));
    if (lost) throw new CommandError(`cannot write to ${cacheFolder()}: the choice is not kept`);
    if (!json) console.log(`\nkept in ${cacheFolder()}`);
    return EXIT.ok;
  } finally {
    device.destroy();
  }
}

async function* tunePrograms(
  device: GPUDevice,
  manifest: Manifest,
  sizes: Readonly<Record<string, number>>,
): AsyncGenerator<TunedProgram> {
  const core = await ModelCore.create(device, manifest, 0);
  try {
    for (const program of PROGRAMS) {
      if (manifest.programs[program] === undefined) continue;
      const cache = tuningCacheOf(device);
      const { dispatches } = await tuneAnew(core, program, sizes, cache);
      const known = await cache.get(await tuningKey(await core.compile(program), sizes));
      yield { program, dispatches, kept: known !== undefined };
    }
  } finally {
    core.destroy();
  }
}

function lengthsOf({ name, lengths }: Manifest, length: number | undefined): Record<string, number> {
  if (lengths.length === 0) return {};
  if (length === undefined) throw new CommandError(`${name} runs along ${lengths.join(" and ")}: give --length`);
  return Object.fromEntries(lengths.map((each) => [each, length]));
}

function heading({ name }: Manifest, sizes: string, { name: adapter, software }: AdapterDescription): string {
  return pc.bold(`${name} for ${sizes} on ${adapter}${software ? " (software)" : ""}`);
}

/** A line a kernel, those that may do the same dispatch together. */
function table({ program, dispatches }: TunedProgram): string {
  if (dispatches.length === 0) return `${pc.bold(program)}: one kernel for each dispatch, nothing to choose`;
  const rows = dispatches.flatMap(({ candidates, chosen, modelled }) => [
    ["", "", "", ""],
    ...candidates.map((candidate, at) => {
      const marks = [...(at === chosen ? ["chosen"] : []), ...(at === modelled ? ["the cost model's"] : [])];
      return [candidate.variant.kernel, shape(candidate), time(candidate), marks.join(", ")];
    }),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([kernel, fields, ms, marks]) =>
    `  ${kernel.padEnd(widths[0])}  ${fields.padEnd(widths[1])}  ${ms.padEnd(widths[2])}  ${marks}`.trimEnd(),
  );
  return [pc.bold(program), ...lines.slice(1)].join("\n");
}

/** What variants differ in: "rows 4, own 1, threads 64", "threads 64, spans 32". */
function shape({ variant, spans }: Candidate): string {
  return Object.entries({ ...numbersOf(variant), ...(spans !== undefined && { spans }) })
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

function time(candidate: Candidate): string {
  return "ms" in candidate ? `${candidate.ms.toPrecision(3)} ms` : `dropped: ${candidate.dropped}`;
}

function numbersOf({ steps, ...variant }: Variant): Record<string, number> {
  const numbers = Object.entries(variant).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return { ...(steps && { dispatchesPerStep: 1 + steps.others.length }), ...Object.fromEntries(numbers) };
}

/** The names of the fields are an interface: tools read them. */
function reportData(
  { name: model }: Manifest,
  adapter: AdapterDescription,
  batch: number,
  lengths: Readonly<Record<string, number>>,
  programs: readonly TunedProgram[],
) {
  const named = ({ dispatch, candidates, chosen, modelled }: TunedDispatch) => ({
    dispatch,
    chosen: candidates[chosen].variant.kernel,
    modelled: candidates[modelled].variant.kernel,
    candidates: candidates.map(({ variant, ...outcome }) => ({
      kernel: variant.kernel,
      ...numbersOf(variant),
      ...outcome,
    })),
  });
  return {
    format: 1,
    model,
    adapter: adapter.name,
    software: adapter.software,
    batch,
    lengths,
    programs: programs.map(({ program, dispatches }) => ({ program, dispatches: dispatches.map(named) })),
  };
}
