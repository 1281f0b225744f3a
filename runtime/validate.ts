/** @file Checks what a user gives before anything reaches the device, and turns it into the arena's f32 values. */

import type { Lengths } from "./arena.js";
import type { Elem, Port } from "./manifest.js";
import { BATCH } from "./manifest.js";
import { countOf } from "./shapes.js";

/** What holds an input or target: batch first, then the port's axes, row-major. */
export type InputArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** Whole numbers above this are not all values of f32, in which the arena holds them. */
const LARGEST_EXACT = 2 ** 24;

const ACCEPTED: Readonly<Record<Elem, readonly (abstract new (...args: never[]) => InputArray)[]>> = {
  f32: [Float32Array, Float64Array],
  i32: [Int32Array, Uint32Array, Uint16Array, Uint8Array],
  bool: [Uint8Array],
};

/**
 * The f32 values of every port, by its name, in the order of `ports`, then the own lengths of the examples.
 * @param sizes the batch under `BATCH`, and each length.
 * @param ragged the lengths of which every example has its own. What stands past an example's end is not looked at.
 * @throws TypeError (missing, unknown or of the wrong kind) or RangeError (size or values), naming the input.
 */
export function checkInputs(
  ports: readonly Port[],
  given: object,
  sizes: Lengths,
  ragged: readonly string[] = [],
): [name: string, Float32Array][] {
  const names = [...ports.map(({ name }) => name), ...ragged];
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `unknown input \`${unknown}\`: the model takes ${names.map((name) => `\`${name}\``).join(", ")}`,
    );
  }
  const values = new Map<string, unknown>(Object.entries(given));
  const ends = ragged.map((name): [string, Float32Array] => [name, checkEnds(name, values.get(name), sizes)]);
  const inputs = ports.map((port): [string, Float32Array] => {
    const array = checkKind(port, values.get(port.name), sizes);
    return [port.name, checkValues(port, repeatLast(port, array, sizes, new Map(ends)), sizes)];
  });
  return [...inputs, ...ends];
}

/** The own length of each example, by default all of the length. */
function checkEnds(name: string, value: unknown, sizes: Lengths): Float32Array {
  if (value === undefined) return new Float32Array(sizes[BATCH]).fill(sizes[name]);
  const port: Port = { name, elem: "i32", shape: [] };
  const array = checkKind(port, value, sizes);
  const at = array.findIndex((end) => end < 1 || end > sizes[name]);
  if (at < 0) return Float32Array.from(array);
  throw new RangeError(`input \`${name}\` is ${array[at]} at [${at}]: an example has from 1 to ${sizes[name]} steps`);
}

/** The array with a copy of each example's last step past its end, so that nothing is ever computed of anything else. */
function repeatLast(
  port: Port,
  given: InputArray,
  sizes: Lengths,
  ends: ReadonlyMap<string, Float32Array>,
): InputArray {
  if (!port.shape.some((axis) => typeof axis === "string" && ends.has(axis))) return given;
  const array = given.slice();
  const extents = extentsOf(port, sizes);
  const batch = array.length / sizes[BATCH];
  for (const [axis, extent] of extents.entries()) {
    const own = axis === 0 ? undefined : ends.get(String(port.shape[axis - 1]));
    if (own === undefined) continue;
    const step = countOf(extents.slice(axis + 1));
    for (let start = 0; start < array.length; start += extent * step) {
      const end = own[Math.floor(start / batch)];
      const last = start + (end - 1) * step;
      for (let t = end; t < extent; t++) array.copyWithin(start + t * step, last, last + step);
    }
  }
  return array;
}

/** @throws unless the value is an array that the port takes, of the right size. */
function checkKind(port: Port, value: unknown, sizes: Lengths): InputArray {
  const accepted = ACCEPTED[port.elem];
  const kinds = accepted.map(({ name }) => name).join(" or ");
  if (value === undefined) throw new TypeError(`input \`${port.name}\` is missing: give a ${kinds}`);
  const isAccepted = (candidate: unknown): candidate is InputArray =>
    accepted.some((kind) => candidate instanceof kind);
  if (!isAccepted(value)) throw new TypeError(`input \`${port.name}\` must be a ${kinds}, not ${nameKind(value)}`);
  const extents = extentsOf(port, sizes);
  const expected = countOf(extents);
  if (value.length !== expected) {
    const shape = [BATCH, ...port.shape].map((axis, index) => describeAxis(axis, extents[index])).join(" × ");
    throw new RangeError(`input \`${port.name}\` has ${value.length} elements and needs ${expected}: ${shape}`);
  }
  return value;
}

/** The values in f32. @throws where one is not what the port takes. */
function checkValues(port: Port, value: InputArray, sizes: Lengths): Float32Array {
  const extents = extentsOf(port, sizes);
  const converted = value instanceof Float32Array ? value : Float32Array.from(value);
  const bad = firstBad(port, value, converted);
  if (bad !== undefined) {
    const position = `[${unravel(bad.at, extents).join(", ")}]`;
    throw new RangeError(`input \`${port.name}\` is ${value[bad.at]} at ${position}: ${bad.rule}`);
  }
  return converted;
}

/** The extents of a port's axes, the batch first. */
export function extentsOf(port: Port, sizes: Lengths): readonly number[] {
  return [BATCH, ...port.shape].map((axis) => (typeof axis === "number" ? axis : sizes[axis]));
}

/** How much of an axis the first of the ports is given, as far as that can be told before it is checked. */
export function countAlong(axis: string, [port]: readonly Port[], given: object, sizes: Lengths): number | undefined {
  const values = port && new Map<string, unknown>(Object.entries(given)).get(port.name);
  if (!ArrayBuffer.isView(values) || !("length" in values)) return undefined;
  const one = countOf(extentsOf(port, { ...sizes, [axis]: 1 }));
  const count = Number(values.length) / one;
  return Number.isInteger(count) && count > 0 ? count : undefined;
}

function firstBad(port: Port, given: InputArray, converted: Float32Array): { at: number; rule: string } | undefined {
  if (port.elem === "f32") {
    const at = converted.findIndex((value) => !Number.isFinite(value));
    return at < 0 ? undefined : { at, rule: "every value must be finite (in f32)" };
  }
  const largest = port.elem === "bool" ? 1 : (port.classes ?? LARGEST_EXACT + 1) - 1;
  const least = port.elem === "bool" || port.classes !== undefined ? 0 : -LARGEST_EXACT;
  for (let at = 0; at < given.length; at++) {
    if (given[at] < least || given[at] > largest) return { at, rule: `values go from ${least} to ${largest}` };
  }
  return undefined;
}

function describeAxis(axis: number | string, extent: number): string {
  if (axis === BATCH) return `batch ${extent}`;
  return typeof axis === "string" ? `${axis} ${extent}` : `${extent}`;
}

function unravel(position: number, extents: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const extent of [...extents].reverse()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return index;
}

function nameKind(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : `a ${typeof value}`;
}

/** What a caller says about sizes: `length` is a number where there is one length, by name where there are several. */
export interface SizeOptions {
  readonly batch: number;
  readonly length?: number | object | undefined;
}

/**
 * The batch and every length, checked.
 * @throws RangeError or TypeError naming the option.
 */
export function checkSizes(lengths: readonly string[], { batch, length }: SizeOptions): Lengths {
  const given: Readonly<Record<string, unknown>> = lengthsByName(lengths, length);
  const unknown = Object.keys(given).find((name) => !lengths.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `unknown length ${unknown}: the model has ${lengths.length === 0 ? "none" : lengths.join(", ")}`,
    );
  }
  const positive = (what: string, value: unknown): number => {
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
    throw new RangeError(`\`${what}\` must be a whole number above zero, not ${String(value)}`);
  };
  const named = lengths.map((name): [string, number] => [
    name,
    positive(lengths.length === 1 ? "length" : `length.${name}`, given[name]),
  ]);
  return { [BATCH]: positive("batch", batch), ...Object.fromEntries(named) };
}

function lengthsByName(lengths: readonly string[], length: SizeOptions["length"]): Readonly<Record<string, unknown>> {
  if (length === undefined) return {};
  if (typeof length === "object") return { ...length };
  if (lengths.length === 1) return { [lengths[0]]: length };
  throw new TypeError(
    lengths.length === 0
      ? "the model has no lengths: leave `length` out"
      : `the model has several lengths: give \`length\` as { ${lengths.join(", ")} }`,
  );
}
