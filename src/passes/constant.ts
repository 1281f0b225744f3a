/** @file Recognises arrays of one constant value, which many rules ask about. */

import type { Instr, Value, ValueId } from "../ir/types.js";

/** The value that the array has at every place, if it is a constant that can be seen to be one. */
export function uniformConstant(value: Value, definition: (id: ValueId) => Instr | undefined): number | undefined {
  const instr = definition(value.id);
  if (instr?.op === "const") return instr.attrs.value;
  if (instr?.op === "broadcast") return uniformConstant(instr.args[0], definition);
  return undefined;
}
