/** @file One array from an IDX file, the format of MNIST's images and labels [LeCun, Cortes and Burges 1998], or its gzip. */

import { countOf } from "../shapes.js";
import type { DataArray, ElementType } from "./arrays.js";
import { decodeElements, widthOf } from "./arrays.js";
import { gunzip, isGzip } from "./inflate.js";

const TYPES: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [0x08, "u8"],
  [0x09, "i8"],
  [0x0b, "i16"],
  [0x0c, "i32"],
  [0x0d, "f32"],
  [0x0e, "f64"],
]);

/** @throws Error saying what is wrong with the file. */
export async function readIdx(given: Uint8Array): Promise<DataArray> {
  const bytes = isGzip(given) ? await gunzip(given) : given;
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) throw invalid("it does not start with two zero bytes");
  const type = TYPES.get(bytes[2]);
  if (type === undefined) throw invalid(`its elements are of the unknown type ${bytes[2]}`);
  const start = 4 + 4 * bytes[3];
  if (bytes.length < start) throw invalid("it ends within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: bytes[3] }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = countOf(shape) * widthOf(type);
  if (bytes.length - start !== size) {
    throw invalid(`its shape [${shape.join(", ")}] needs ${size} bytes of data and it has ${bytes.length - start}`);
  }
  return { shape, values: decodeElements(bytes.subarray(start), type, false) };
}

function invalid(reason: string): Error {
  return new Error(`this is no valid IDX file: ${reason}`);
}
