/** @file Arrays by name: what every reader of a file gives, whatever its format, and what datasets are matched from. */

import { bfloatToNumber, halfToNumber } from "../half.js";

/** What the elements of an array of a file may be. */
export type DataValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** A dense array, row-major. Truth values are 0 and 1 in a `Uint8Array`. */
export interface DataArray {
  readonly shape: readonly number[];
  readonly values: DataValues;
}

/** Arrays by their names. */
export type DataArrays = ReadonlyMap<string, DataArray>;

/** How elements lie in a file. */
export type ElementType = keyof typeof ELEMENTS;

/** Bytes an element, and the values of bytes that lie in the machine's own order. */
interface Element {
  readonly width: number;
  readonly values: (bytes: ArrayBuffer) => DataValues;
}

const ELEMENTS = {
  bool: { width: 1, values: truths },
  i8: { width: 1, values: (bytes) => new Int8Array(bytes) },
  u8: { width: 1, values: (bytes) => new Uint8Array(bytes) },
  i16: { width: 2, values: (bytes) => new Int16Array(bytes) },
  u16: { width: 2, values: (bytes) => new Uint16Array(bytes) },
  i32: { width: 4, values: (bytes) => new Int32Array(bytes) },
  u32: { width: 4, values: (bytes) => new Uint32Array(bytes) },
  i64: { width: 8, values: (bytes) => narrow(new BigInt64Array(bytes), Int32Array) },
  u64: { width: 8, values: (bytes) => narrow(new BigUint64Array(bytes), Uint32Array) },
  f16: { width: 2, values: (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber) },
  bf16: { width: 2, values: (bytes) => Float32Array.from(new Uint16Array(bytes), bfloatToNumber) },
  f32: { width: 4, values: (bytes) => new Float32Array(bytes) },
  f64: { width: 8, values: (bytes) => new Float64Array(bytes) },
} satisfies Record<string, Element>;

const LITTLE_ENDIAN_HOST = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function widthOf(type: ElementType): number {
  return ELEMENTS[type].width;
}

/**
 * The elements that fill `bytes`. 64-bit integers become 32-bit ones.
 * @throws RangeError at a 64-bit integer that does not fit, or a truth value that is neither 0 nor 1.
 */
export function decodeElements(bytes: Uint8Array, type: ElementType, littleEndian: boolean): DataValues {
  const { width, values }: Element = ELEMENTS[type];
  const own = new Uint8Array(bytes);
  if (littleEndian !== LITTLE_ENDIAN_HOST && width > 1) {
    for (let at = 0; at < own.length; at += width) own.subarray(at, at + width).reverse();
  }
  return values(own.buffer);
}

function truths(bytes: ArrayBuffer): Uint8Array {
  const values = new Uint8Array(bytes);
  const at = values.findIndex((value) => value > 1);
  if (at >= 0) throw new RangeError(`its truth value number ${at} is ${values[at]}, neither 0 nor 1`);
  return values;
}

function narrow(
  given: BigInt64Array | BigUint64Array,
  kind: typeof Int32Array | typeof Uint32Array,
): Int32Array | Uint32Array {
  const values = new kind(given.length);
  for (let at = 0; at < given.length; at++) {
    values[at] = Number(given[at]);
    if (BigInt(values[at]) !== given[at]) {
      throw new RangeError(`its element number ${at} is ${given[at]}, which does not fit into 32 bits`);
    }
  }
  return values;
}

/** @throws Error for a name that comes twice. */
export function mergeArrays(parts: Iterable<DataArrays>): DataArrays {
  const merged = new Map<string, DataArray>();
  for (const part of parts) {
    for (const [name, array] of part) {
      if (merged.has(name)) throw new Error(`two arrays are named \`${name}\``);
      merged.set(name, array);
    }
  }
  return merged;
}
