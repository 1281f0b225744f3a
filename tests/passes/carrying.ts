/** @file Runs what carries states from batch to batch in the interpreter, chunk after chunk. */

import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { BATCH, type Graph, type Module, RESET } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import type { Arrays } from "./support.js";

type Lengths = Readonly<Record<string, number>>;

/** What nobody may read. */
const POISON = 1e30;

/** One batch. @param states by `state:<name>`; without them all begin anew. @param reset the examples that begin anew. */
export function runBatch(
  graph: Graph,
  args: Arrays,
  sizes: Lengths,
  states?: Arrays,
  reset: readonly number[] = new Array<number>(sizes[BATCH]).fill(states === undefined ? 1 : 0),
): Arrays {
  const carried = graph.args.flatMap(({ kind, name, value: { type } }) => {
    if (kind !== "state") return [];
    const shape = extents(type.shape, sizes);
    return [[name, states?.[`state:${name}`] ?? ndarray(shape, new Array<number>(numel(shape)).fill(POISON))]];
  });
  return evaluateGraph(
    graph,
    { ...args, ...Object.fromEntries(carried), [RESET]: ndarray([reset.length], reset) },
    sizes,
  );
}

/** Of whole sequences those steps that a batch has. */
export function cut(module: Module, args: Arrays, from: number, to: number): Arrays {
  const length = present(module.carryLength, "test", "the length");
  const ports = new Map([...module.inputs, ...module.targets].map((port) => [port.name, port]));
  return Object.fromEntries(
    Object.entries(args).map(([name, array]) => {
      const axis = 1 + (ports.get(name)?.shape.indexOf(length) ?? -1);
      return [name, axis === 0 ? array : part(array, axis, from, to)];
    }),
  );
}

/** Places from … to−1 along an axis. */
function part({ shape, data }: NdArray, axis: number, from: number, to: number): NdArray {
  const width = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const isIn = (_: number, i: number) => {
    const place = Math.floor(i / width) % shape[axis];
    return from <= place && place < to;
  };
  return ndarray(shape.with(axis, to - from), data.filter(isIn));
}

/** The results of each batch of `size` steps of whole sequences. */
export function runBatches(module: Module, graph: Graph, args: Arrays, sizes: Lengths, size: number): Arrays[] {
  const length = present(module.carryLength, "test", "the length");
  const results: Arrays[] = [];
  for (let from = 0; from < sizes[length]; from += size) {
    const chunk = cut(module, args, from, from + size);
    results.push(runBatch(graph, chunk, { ...sizes, [length]: size }, results.at(-1)));
  }
  return results;
}
