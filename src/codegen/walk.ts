/** @file What one element of a value is made of: how plans of kernels ask which memory they would read, and where. */

import type { Dim, Instr, Value, ValueId } from "../ir/types.js";
import { type Expr, keyOf, variable } from "./kernel-ir.js";
import {
  type Accumulating,
  accumulation,
  type Element,
  elementKey,
  type Index,
  isAccumulating,
  operands,
  UNKNOWN,
} from "./scalarize.js";

export interface Walk {
  /** Whether to stop here: the element lies in memory (asked below the root only). */
  stored(value: Value): boolean;
  /** An element at which the walk stops; `reduced` if it is read within an accumulation. */
  reached(element: Element, reduced: boolean): void;
  /** An accumulated element on the way; `depth` counts the accumulations around it. */
  accumulated?(instr: Accumulating, index: Index, depth: number): void;
}

/** Visits the elements that one element is made of, down to what lies in memory. */
export function walk(root: Element, definitions: ReadonlyMap<ValueId, Instr>, visitor: Walk): void {
  const seen = new Set<string>();
  let names = 0;
  const visit = (element: Element, depth: number, top: boolean) => {
    const key = `${elementKey(element)}${depth}`;
    if (seen.has(key)) return;
    seen.add(key);
    const instr = definitions.get(element.value.id);
    if (!instr || (!top && visitor.stored(element.value))) return visitor.reached(element, depth > 0);
    if (isAccumulating(instr)) {
      visitor.accumulated?.(instr, element.index, depth);
      const acc = accumulation(instr);
      const loops = acc.dims.map(() => variable(`${UNKNOWN}${names++}`, "u32", 0));
      for (const factor of acc.factors(element.index, loops)) visit(factor, depth + 1, false);
    } else {
      for (const operand of operands(instr, element.index)) visit(operand, depth, false);
    }
  };
  visit(root, 0, true);
}

/** One name an axis: stands for "the thread's own element". */
export function ownIndex(shape: readonly Dim[]): Index {
  return shape.map((_, axis): Expr => variable(`e${axis}`, "u32", 0));
}

export const sameIndex = (a: Index, b: Index): boolean =>
  a.length === b.length && a.every((e, i) => keyOf(e) === keyOf(b[i]));
