/** @file What kind of data each attribute of an op is, for the printer and the text parser. */

import { pointwise } from "./ops/pointwise.js";
import type { Op, OpAttrs, PointwiseOp } from "./types.js";

export type AttributeKind = "number" | "boolean" | "word" | "text" | "numbers" | "dims" | "region";

/** An op with attributes that is missing here does not compile, nor does a missing attribute. */
const kinds: {
  readonly [K in Exclude<Op, PointwiseOp>]: { readonly [A in keyof OpAttrs[K]]: AttributeKind };
} = {
  const: { value: "number", elem: "word" },
  iota: { shape: "dims", axis: "number" },
  length: { name: "word" },
  training: {},
  random: { stream: "number" },
  broadcast: { shape: "dims", axes: "numbers" },
  reduce: { kind: "word", axes: "numbers" },
  contract: { lhs: "text", rhs: "text", out: "text" },
  slice: { axis: "number", start: "number", size: "number" },
  concat: { axis: "number" },
  shift: { axis: "number", offset: "number", fill: "number" },
  gather: {},
  scan: { length: "word", reverse: "boolean", states: "number", body: "region" },
};

const byOp = new Map<string, readonly (readonly [string, AttributeKind])[]>([
  ...Object.keys(pointwise).map((op) => [op, []] as const),
  ...Object.entries(kinds).map(([op, table]) => [op, Object.entries<AttributeKind>(table)] as const),
]);

/** The attributes of an op in the order in which they are printed, or undefined if there is no such op. */
export function attributesOf(op: string): readonly (readonly [name: string, kind: AttributeKind])[] | undefined {
  return byOp.get(op);
}
