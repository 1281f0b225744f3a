/**
 * @file One NumPy array from a `.npy` file (format versions 1 to 3: numpy.lib.format). Its header is the text of a Python
 * dict, of which NumPy itself writes three keys and no others.
 */

import { countOf } from "../shapes.js";
import type { DataArray, DataValues, ElementType } from "./arrays.js";
import { decodeElements, widthOf } from "./arrays.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["b1", "bool"],
  ["i1", "i8"],
  ["u1", "u8"],
  ["i2", "i16"],
  ["u2", "u16"],
  ["i4", "i32"],
  ["u4", "u32"],
  ["i8", "i64"],
  ["u8", "u64"],
  ["f2", "f16"],
  ["f4", "f32"],
  ["f8", "f64"],
]);

/** In C order, whatever the file's. @throws Error saying what is wrong with the file. */
export function readNpy(bytes: Uint8Array): DataArray {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) throw invalid("it does not start with \\x93NUMPY");
  const [major, minor] = bytes.subarray(6, 8);
  if (!(major >= 1 && major <= 3) || minor !== 0) {
    throw invalid(`its format version is ${major}.${minor}; known are 1.0, 2.0 and 3.0`);
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw invalid("it ends within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < dataStart) throw invalid("it ends within its header");
  const { type, littleEndian, fortran, shape } = parseHeader(
    new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, dataStart)),
  );
  const size = countOf(shape) * widthOf(type);
  if (bytes.length - dataStart !== size) {
    throw invalid(`its shape [${shape.join(", ")}] needs ${size} bytes of data and it has ${bytes.length - dataStart}`);
  }
  const values = decodeElements(bytes.subarray(dataStart), type, littleEndian);
  return { shape, values: fortran ? toRowMajor(values, shape) : values };
}

interface Header {
  readonly type: ElementType;
  readonly littleEndian: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

function parseHeader(text: string): Header {
  let rest = text;
  const take = (key: string, value: RegExp): string => {
    const field = new RegExp(`(['"])${key}\\1\\s*:\\s*${value.source}\\s*,?`);
    const found = field.exec(rest);
    if (found === null) throw invalid(`its header has no ${key} of a known form: ${text.trim()}`);
    rest = rest.replace(found[0], " ");
    return found[2];
  };
  if (/['"]descr['"]\s*:\s*\[/.test(text)) throw invalid("it has several fields an element: save each as an array");
  const descr = take("descr", /['"]([^'"]*)['"]/);
  const fortran = take("fortran_order", /(True|False)/) === "True";
  const extents = take("shape", /\(([\d\s,]*)\)/);
  if (!/^\s*\{\s*\}\s*$/.test(rest)) throw invalid(`its header has more than a type, an order and a shape: ${rest}`);
  const type = TYPES.get(descr.slice(1));
  if (!/^[<>|=]/.test(descr) || type === undefined) {
    const why = descr.includes("O") ? " (objects of Python, which only Python reads)" : "";
    throw invalid(`its elements are of the type ${descr}${why}; known are ${[...TYPES.keys()].join(", ")}`);
  }
  const shape = extents.split(",").flatMap((part) => (part.trim() === "" ? [] : [Number(part)]));
  if (!Number.isSafeInteger(countOf(shape))) throw invalid(`its shape (${extents}) is no list of sizes, or too large`);
  return { type, littleEndian: descr[0] !== ">", fortran, shape };
}

/** The first axis is the one whose neighbours lie side by side in `values`. */
function toRowMajor(values: DataValues, shape: readonly number[]): DataValues {
  const ordered = values.slice();
  const index = shape.map(() => 0);
  for (let at = 0; at < ordered.length; at++) {
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) from = from * shape[axis] + index[axis];
    ordered[at] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return ordered;
}

function invalid(reason: string): Error {
  return new Error(`this is no .npy file that can be read: ${reason}`);
}
