/** @file All that `seqc explain` says of one graph of a model, as data. */

import type { Manifest, Program } from "../../../runtime/manifest.js";
import type { TypedModel } from "../../check/typed.js";
import { buildManifest } from "../../codegen/manifest.js";
import { schedule } from "../../codegen/schedule.js";
import { BATCH, type Module, PAST, type Precision, ROOM } from "../../ir/types.js";
import { lower } from "../../lower/lower.js";
import type { Loop } from "../../passes/loop.js";
import { present } from "../../support/assert.js";
import { type Costs, costsOf } from "./costs.js";
import { type KernelFacts, kernelFacts } from "./kernels.js";
import { labelled } from "./labels.js";
import { type Memory, memoryOf } from "./memory.js";
import { Phrases } from "./phrases.js";
import { type ScanReport, scanReports } from "./scans.js";
import { trace } from "./trace.js";

/** A training step, a prediction, a step of a stream. */
export type Explained = "train" | "predict" | "stream";

export interface Report {
  readonly model: string;
  readonly graph: Explained;
  /** Of what is given as a number: the batch under `_B`. */
  readonly lengths: Readonly<Record<string, number>>;
  readonly scans: readonly ScanReport[];
  readonly kernels: readonly KernelFacts[];
  readonly costs: Costs;
  readonly memory: Memory;
}

export interface At {
  readonly batch: number;
  readonly length: number;
  readonly precision?: Precision;
}

/** Undefined where the model has no such graph: no loss to train by, or no streaming form. */
export function reportOf(model: TypedModel, graph: Explained, at: At): Report | undefined {
  const traced = trace(lower(model, at.precision && { precision: at.precision }), graph);
  const { module } = traced;
  const own = module.graphs[graph];
  if (own === undefined) return undefined;
  const labels = labelled(own);
  const manifest = buildManifest({ ...module, graphs: { ...module.graphs, [graph]: labels.graph } }, "seqc", "");
  const program = programOf(manifest, graph);
  if (program === undefined) return undefined;
  const phrases = new Phrases(own, "");
  const spell = (text: string) => labels.spell(text, phrases);
  const made = kernelFacts(program, manifest.kernels).map((kernel) => {
    const shared = kernel.shared.map(({ name, bytes }) => ({ name: spell(name), bytes }));
    const facts: KernelFacts = { ...kernel, comment: spell(kernel.comment), shared };
    return { facts, values: labels.mentioned(kernel.comment) };
  });
  const kernelsOf = ({ states }: Loop) =>
    made.filter(({ values }) => states.some(({ previous }) => values.has(previous.id))).map(({ facts }) => facts);
  const lengths = lengthsOf(module, at);
  const memory = memoryOf(program, lengths);
  const planned = schedule(own);
  return {
    model: model.name,
    graph,
    lengths,
    scans: scanReports(traced, own, planned, kernelsOf),
    kernels: made.map(({ facts }) => facts),
    costs: costsOf(module, own, planned),
    memory: { ...memory, buffers: memory.buffers.map((buffer) => ({ ...buffer, name: spell(buffer.name) })) },
  };
}

function programOf({ programs }: Manifest, graph: Explained): Program | undefined {
  if (graph !== "stream") return programs[graph];
  return "refused" in programs.stream ? undefined : programs.stream.step;
}

/** Of a stream, a chunk of that many steps behind as many, with room for both. */
function lengthsOf({ lengths, graphs }: Module, { batch, length }: At): Readonly<Record<string, number>> {
  const own = Object.fromEntries(present(lengths, "explain", "the lengths").map((name) => [name, length]));
  return { [BATCH]: batch, ...own, ...(graphs.stream && { [PAST]: length, [ROOM]: 2 * length }) };
}
