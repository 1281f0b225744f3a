/** @file What a ragged batch gives, and what each of its examples gives alone at its own length. */

import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { BATCH, type Dim, type GraphName, type Module } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { type Arrays, randomArguments } from "../lower/support.js";

export type Sizes = Readonly<Record<string, number>>;

export function evaluate(module: Module, name: GraphName, args: Arrays, sizes: Sizes): Arrays {
  return evaluateGraph(present(module.graphs[name], "test", name), args, sizes);
}

/** Random arguments; lengths differ, and what stands past an end is of another size than what stands before. */
export function raggedArguments(module: Module, sizes: Sizes, seed: number): Arrays {
  const args = randomArguments(module, sizes, seed);
  const spread = { 0: [1, 0.2, 0.6], 1: [0.5, 1, 0.2] };
  for (const [i, name] of (module.ragged ?? []).entries()) {
    const ends = spread[i === 0 ? 0 : 1].map((part) => Math.max(1, Math.round(part * sizes[name])));
    args[name] = ndarray(
      [sizes[BATCH]],
      Array.from({ length: sizes[BATCH] }, (_, b) => ends[b % ends.length]),
    );
  }
  for (const { name, shape, elem } of [...module.inputs, ...module.targets]) {
    if (elem === "f32") {
      args[name] = mapPlaces(args[name], [BATCH, ...shape], args, (value, real) => (real ? value : 5 * value - 2));
    }
  }
  return args;
}

/** Each element, told whether its place belongs to its example. */
export function mapPlaces(
  { shape, data }: NdArray,
  dims: readonly Dim[],
  args: Arrays,
  map: (value: number, real: boolean) => number,
): NdArray {
  const values = Array.from(data, (value, position) => {
    let rest = position;
    const index = shape.toReversed().map((extent) => {
      const i = rest % extent;
      rest = Math.floor(rest / extent);
      return i;
    });
    index.reverse();
    const end = (axis: number) => {
      const dim = dims[axis];
      return typeof dim === "string" && dim in args ? args[dim].data[index[0]] : Number.POSITIVE_INFINITY;
    };
    return map(
      value,
      index.every((i, axis) => i < end(axis)),
    );
  });
  return ndarray(shape, values);
}

/** One example of a batch, cut to its own lengths, with the sizes it then has. */
export function alone(module: Module, args: Arrays, sizes: Sizes, b: number): { args: Arrays; sizes: Sizes } {
  const own = Object.fromEntries((module.ragged ?? []).map((name) => [name, args[name].data[b]]));
  const cut = { ...sizes, ...own, [BATCH]: 1 };
  const single = Object.fromEntries(Object.entries(args).filter(([name]) => !(name in own)));
  for (const { name, shape } of [...module.inputs, ...module.targets]) {
    single[name] = example(args[name], b, shape, cut);
  }
  return { args: single, sizes: cut };
}

/** The places of example `b` that lie within `sizes`. */
export function example(array: NdArray, b: number, shape: readonly Dim[], sizes: Sizes): NdArray {
  const full = array.shape.slice(1);
  const extents = shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]));
  const values = Array.from({ length: numel(extents) }, (_, position) => {
    let [rest, from, stride] = [position, 0, 1];
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      from += (rest % extents[axis]) * stride;
      rest = Math.floor(rest / extents[axis]);
      stride *= full[axis];
    }
    return array.data[b * numel(full) + from];
  });
  return ndarray([1, ...extents], values);
}
