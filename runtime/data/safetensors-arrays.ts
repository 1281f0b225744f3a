/** @file Arrays from a safetensors file: unlike parameters they keep their type, whole numbers and truth values too. */

import { splitSafetensors } from "../safetensors.js";
import type { DataArrays, ElementType } from "./arrays.js";
import { decodeElements, widthOf } from "./arrays.js";

const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["BOOL", "bool"],
  ["I8", "i8"],
  ["U8", "u8"],
  ["I16", "i16"],
  ["U16", "u16"],
  ["I32", "i32"],
  ["U32", "u32"],
  ["I64", "i64"],
  ["U64", "u64"],
  ["F16", "f16"],
  ["BF16", "bf16"],
  ["F32", "f32"],
  ["F64", "f64"],
]);

/** @throws Error saying what is wrong with the file; RangeError at a value that does not fit, naming the tensor. */
export function readSafetensors(bytes: Uint8Array): DataArrays {
  const widths = new Map([...TYPES].map(([dtype, type]) => [dtype, widthOf(type)]));
  const { tensors } = splitSafetensors(bytes, widths);
  return new Map(
    tensors.map(({ name, shape, dtype, bytes }) => {
      try {
        return [name, { shape, values: decodeElements(bytes, TYPES.get(dtype)!, true) }];
      } catch (error) {
        throw error instanceof RangeError ? new RangeError(`the tensor \`${name}\`: ${error.message}`) : error;
      }
    }),
  );
}
