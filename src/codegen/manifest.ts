/** @file All that the runtime needs to know of a module, as data. */

import type { Manifest, Port as ManifestPort, ParameterSpec, Streaming } from "../../runtime/manifest.js";
import { numel } from "../ir/ndarray.js";
import { type Graph, type Module, PAST, type Parameter, type Port, ROOM } from "../ir/types.js";
import { present } from "../support/assert.js";
import { buildProgram, type FlatLayout } from "./program.js";

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

function streamingOf(module: Module, layout: FlatLayout): Streaming | { readonly refused: string } {
  const { graphs, lengths, states, streamLength } = module;
  if (streamLength === undefined || graphs.stream === undefined) {
    return { refused: module.streamRefusal ?? "it has no streaming form" };
  }
  return {
    length: streamLength,
    states: states.map(({ name, elem, shape }) => ({ name, elem, shape })),
    ...(graphs.start && { start: buildProgram(module, graphs.start, layout) }),
    step: buildProgram({ ...module, lengths: [...lengths, PAST, ROOM] }, graphs.stream, layout),
  };
}

/** @param generator the compiler's name and version, kept in the manifest for people and checks. */
export function buildManifest(module: Module, generator: string): Manifest {
  const { layout, specs } = layOut(module.parameters);
  const program = (graph: Graph) => buildProgram(module, graph, layout);
  const { train, evaluate, predict } = module.graphs;
  return {
    format: 1,
    name: module.name,
    generator,
    lengths: module.lengths,
    ...(module.ragged === undefined ? {} : { ragged: module.ragged }),
    inputs: module.inputs.map(portOf),
    targets: module.targets.map(portOf),
    outputs: module.outputs.map(portOf),
    metrics: module.metrics,
    parameters: specs,
    layout: { decayed: layout.decayed, trainable: layout.trainable, total: layout.total },
    programs: {
      ...(train && { train: program(train) }),
      ...(evaluate && { evaluate: program(evaluate) }),
      predict: program(present(predict, "manifest", "the graph of prediction")),
      stream: streamingOf(module, layout),
    },
  };
}
