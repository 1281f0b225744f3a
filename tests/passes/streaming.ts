/** @file Runs the streaming form of a module in the interpreter: the start, then chunks, caches growing as they must. */

import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { type Module, PAST, ROOM } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import type { Arrays } from "./support.js";

/** Steps start … end−1 of an array [B, T, …]. */
export function steps(array: NdArray, start: number, end: number): NdArray {
  const [batch, length, ...rest] = array.shape;
  const width = array.data.length / (batch * length);
  const rows = Array.from({ length: batch }, (_, b) =>
    Array.from(array.data.subarray((b * length + start) * width, (b * length + end) * width)),
  );
  return ndarray([batch, end - start, ...rest], rows.flat());
}

/** The first elements as they were, zeros behind: what leads with the room for steps grows so. */
function grown(array: NdArray | undefined, shape: readonly number[]): NdArray {
  const data = new Float64Array(numel(shape));
  if (array !== undefined) data.set(array.data);
  return ndarray(shape, data);
}

/**
 * @param args whole sequences, by name.
 * @param bounds the first step of each chunk, then the end.
 * @returns the results of each chunk.
 */
export function runChunks(
  module: Module,
  args: Arrays,
  lengths: Readonly<Record<string, number>>,
  bounds: readonly number[],
): Arrays[] {
  const { start, stream } = module.graphs;
  const graph = present(stream, "test", "the streaming form");
  const length = present(module.streamLength, "test", "its length");
  const isStep = (name: string) => module.inputs.some((port) => port.name === name && port.shape.includes(length));
  let states: Arrays = start ? evaluateGraph(start, args, lengths) : {};
  return bounds.slice(1).map((end, i) => {
    // More room than steps: what nobody has written must not be seen.
    const sizes = { ...lengths, [length]: end - bounds[i], [PAST]: bounds[i], [ROOM]: 2 * end };
    const chunk = Object.fromEntries(
      graph.args.map(({ kind, name, value }) => {
        if (kind === "state") return [name, grown(states[`state:${name}`], extents(value.type.shape, sizes))];
        return [name, isStep(name) ? steps(args[name], bounds[i], end) : args[name]];
      }),
    );
    const results = evaluateGraph(graph, chunk, sizes);
    states = { ...states, ...results };
    return results;
  });
}
