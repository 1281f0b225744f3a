/** @file Arrays against a model's inputs and targets, by name: all that does not fit is told at once, before any training. */

import type { Manifest, Port } from "../manifest.js";
import { countOf } from "../shapes.js";
import type { DataArray, DataArrays } from "./arrays.js";
import { type Column, Dataset } from "./dataset.js";
import type { DataBatch } from "./loader.js";

/** Whole numbers above this are not all values of f32, in which a model holds them. */
const LARGEST_EXACT = 2 ** 24;

/** What the arrays say about examples and lengths: the first that says it, by the name. */
type Extents = Map<string, { readonly extent: number; readonly source: string }>;

const EXAMPLES = "examples";

/**
 * The examples of arrays [N, …], one for each input and target of its name. Lengths are the arrays' extents. Whole numbers
 * may be given as floats and the other way round, where no value changes; f64 is rounded to f32. Of a ragged length T an array
 * [N] named T may give every example's own.
 * @typeParam Batch what a trainer of the model takes: of a generated module, `CharLMInputs & CharLMTargets`.
 * @throws Error listing all that is missing, unknown, of another shape, or has a value that its port does not take.
 */
export function matchArrays<Batch extends object = DataBatch>(
  manifest: Pick<Manifest, "name" | "inputs" | "targets" | "ragged">,
  arrays: DataArrays,
): Dataset<Batch> {
  const { name: model, ragged = [] } = manifest;
  const ports = [...manifest.inputs, ...manifest.targets];
  const ends = ragged.filter((length) => arrays.has(length)).map((name): Port => ({ name, elem: "i32", shape: [] }));
  const known = [...ports, ...ends];
  const problems: string[] = [];
  const extents: Extents = new Map();
  const fitting: (readonly [Port, DataArray])[] = [];
  for (const port of known) {
    const array = arrays.get(port.name);
    const problem = array === undefined ? `\`${port.name}\` is missing` : shapeProblem(port, array, extents);
    if (problem !== undefined) problems.push(`${problem}: wanted is ${describePort(port)}`);
    else if (array !== undefined) fitting.push([port, array]);
  }
  for (const name of arrays.keys()) {
    if (!known.some((port) => port.name === name)) problems.push(`\`${name}\` is no input or target`);
  }
  const lengthOf = (name: string) => extents.get(name)?.extent ?? 0;
  // Values past the ends are not looked at, so the ends have to be right first.
  const endArrays = new Map<string, DataArray>();
  for (const [port, array] of fitting.sort(([a], [b]) => Number(ends.includes(b)) - Number(ends.includes(a)))) {
    const isEnd = ends.includes(port);
    const range = isEnd ? { least: 1, largest: lengthOf(port.name), whole: true } : rangeOf(port, array);
    const problem = valueProblem(port, array, range, endArrays);
    if (problem !== undefined) problems.push(problem);
    else if (isEnd) endArrays.set(port.name, array);
  }
  if (problems.length > 0) throw new Error(`the arrays do not fit ${model}: ${problems.join("; ")}`);
  const columns = fitting.map(
    ([{ name, elem }, { shape, values }]): Column => ({ name, elem, values, stride: countOf(shape.slice(1)) }),
  );
  const lengths = [...extents].filter(([name]) => name !== EXAMPLES).map(([name, { extent }]) => [name, extent]);
  const rows = Int32Array.from({ length: lengthOf(EXAMPLES) }, (_, at) => at);
  return new Dataset(columns, Object.fromEntries(lengths), rows);
}

function shapeProblem({ name, shape: wanted }: Port, { shape }: DataArray, extents: Extents): string | undefined {
  const described = `\`${name}\` has the shape [${shape.join(", ")}]`;
  if (shape.length !== wanted.length + 1) return described;
  if (wanted.some((axis, at) => typeof axis === "number" && axis !== shape[at + 1])) return described;
  if (shape.includes(0)) return `${described}, which is empty`;
  const named = [[EXAMPLES, shape[0]] as const, ...wanted.map((axis, at) => [axis, shape[at + 1]] as const)];
  const differing = named.flatMap(([axis, extent]) => {
    if (typeof axis === "number") return [];
    const known = extents.get(axis);
    if (known === undefined) extents.set(axis, { extent, source: name });
    return known === undefined || known.extent === extent
      ? []
      : [`${axis} ${extent}, and \`${known.source}\` ${known.extent}`];
  });
  return differing.length === 0 ? undefined : `\`${name}\` has ${differing.join(", ")}`;
}

interface Range {
  readonly least: number;
  readonly largest: number;
  readonly whole: boolean;
}

function rangeOf({ elem, classes }: Port, { values }: DataArray): Range {
  if (elem === "bool") return { least: 0, largest: 1, whole: true };
  if (classes !== undefined) return { least: 0, largest: classes - 1, whole: true };
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  if (elem === "i32" || !isFloat) return { least: -LARGEST_EXACT, largest: LARGEST_EXACT, whole: elem === "i32" };
  const largest = (2 - 2 ** -23) * 2 ** 127;
  return { least: -largest, largest, whole: false };
}

function valueProblem(
  { name, shape: axes }: Port,
  { shape, values }: DataArray,
  { least, largest, whole }: Range,
  ends: ReadonlyMap<string, DataArray>,
): string | undefined {
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value >= least && value <= largest && (!whole || Number.isInteger(value))) continue;
    const index = unravel(at, shape);
    if (axes.some((axis, a) => index[a + 1] >= (ends.get(String(axis))?.values[index[0]] ?? Infinity))) continue;
    const kind = whole ? "whole numbers" : "numbers";
    return `\`${name}\` is ${value} at [${index.join(", ")}]: it takes ${kind} from ${least} to ${largest}`;
  }
  return undefined;
}

function unravel(position: number, shape: readonly number[]): number[] {
  let rest = position;
  const index = shape.toReversed().map((extent) => {
    const at = rest % extent;
    rest = Math.floor(rest / extent);
    return at;
  });
  return index.reverse();
}

function describePort({ elem, shape, classes }: Port): string {
  const kind = { f32: "of numbers", i32: "of whole numbers", bool: "of truth values" }[elem];
  const ids = classes === undefined ? kind : `of ids from 0 to ${classes - 1}`;
  return `[${[EXAMPLES, ...shape].join(", ")}] ${ids}`;
}
