/** @file All that the runtime needs to know of a module, as data. */

import {
  FORMAT,
  type Manifest,
  type Port as ManifestPort,
  type NamedValue,
  type ParameterSpec,
  type Program,
  type Streaming,
} from "../../runtime/manifest.js";
import { numel } from "../ir/ndarray.js";
import type { Graph, Module, Parameter, Port, Result } from "../ir/types.js";
import { present } from "../support/assert.js";
import { KernelStore } from "./kernel-store.js";
import { buildProgram, type FlatLayout, type NoteProgram } from "./program.js";
import { WIDE } from "./step-kernels.js";

/**
 * Parameters in the order of the flat buffer: those with weight decay, those without, the frozen. Without gaps: their
 * gradients are laid out alike, and the norm for clipping sums over all of them.
 */
function layOut(parameters: readonly Parameter[]): { layout: FlatLayout; specs: readonly ParameterSpec[] } {
  const decayed = parameters.filter((p) => !p.frozen && !p.noDecay);
  const plain = parameters.filter((p) => !p.frozen && p.noDecay);
  const frozen = parameters.filter((p) => p.frozen);
  const offsets = new Map<string, number>();
  const specs: ParameterSpec[] = [];
  let end = 0;
  const place = (group: readonly Parameter[]) => {
    for (const { name, shape, init } of group) {
      offsets.set(name, end);
      specs.push({ name, shape, offset: end, init });
      end += numel(shape);
    }
    return end;
  };
  const layout = { offsets, decayed: place(decayed), trainable: place(plain), total: place(frozen) };
  return { layout, specs };
}

function portOf({ name, elem, shape, classes }: Port): ManifestPort {
  return classes === undefined ? { name, elem, shape } : { name, elem, shape, classes };
}

function namedValue({ name, value: { type } }: Result): NamedValue {
  return { name, elem: type.elem, shape: type.shape };
}

function streamingOf(module: Module, program: (graph: Graph) => Program): Streaming | { readonly refused: string } {
  const { graphs, states, streamLength } = module;
  if (streamLength === undefined || graphs.stream === undefined) {
    return { refused: module.streamRefusal ?? "it has no streaming form" };
  }
  return {
    length: streamLength,
    states: states.map(portOf),
    ...(graphs.start && { start: program(graphs.start) }),
    step: program(graphs.stream),
  };
}

function carriedOf({ carryLength: length, carriedStates: states }: Module): Pick<Manifest, "carried"> {
  return length === undefined || states === undefined ? {} : { carried: { length, states: states.map(portOf) } };
}

/**
 * @param generator the compiler's name and version, kept in the manifest for people and checks.
 * @param spec what tells this model from any other that computes something else.
 * @param note is told of each program.
 */
export function buildManifest(module: Module, generator: string, spec: string, note?: NoteProgram): Manifest {
  const { layout, specs } = layOut(module.parameters);
  const store = new KernelStore();
  const program = (graph: Graph) => buildProgram(graph, layout, store, module.precision, WIDE, note);
  const { train, evaluate, predict, probe, profile } = module.graphs;
  const programs = {
    ...(train && { train: program(train) }),
    ...(evaluate && { evaluate: program(evaluate) }),
    predict: program(present(predict, "manifest", "the graph of prediction")),
    stream: streamingOf(module, program),
    ...(probe && { probe: program(probe) }),
    // In f16 the derivative would have to be scaled, and the scale is for a trainer to find.
    ...(profile && { profile: buildProgram(profile, layout, store, "f32", WIDE, note) }),
  };
  return {
    format: FORMAT,
    name: module.name,
    generator,
    spec,
    ...(module.precision && { precision: module.precision }),
    lengths: module.lengths,
    ...(module.ragged === undefined ? {} : { ragged: module.ragged }),
    ...carriedOf(module),
    inputs: module.inputs.map(portOf),
    targets: module.targets.map(portOf),
    outputs: module.outputs.map(portOf),
    metrics: module.metrics,
    ...(probe && { probes: probe.results.map(namedValue) }),
    ...(profile && { profiles: profile.results.map(namedValue) }),
    parameters: specs,
    layout: { decayed: layout.decayed, trainable: layout.trainable, total: layout.total },
    ...store.texts(),
    programs,
  };
}
