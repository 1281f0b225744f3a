/** @file What the makers of kernels share: where values lie, and how an element is read and written. */

import type { Count } from "../../runtime/manifest.js";
import type { Dim, Instr, Value, ValueId } from "../ir/types.js";
import type { Block } from "./block.js";
import { add, type Expr, type Memory, type PlanWord } from "./kernel-ir.js";
import { type Element, encode, type Index, type Locate, linear } from "./scalarize.js";

/** The start of an array in memory, in elements. */
export interface Address {
  readonly memory: Memory;
  readonly offset: Expr;
  /** Where an element lies from there on, unless row-major: an array may be a part of a larger one. */
  readonly place?: (index: Index) => Expr;
}

export function placeOf({ offset, place }: Address, value: Value, index: Index): Expr {
  return add(offset, place?.(index) ?? linear(value.type.shape, index));
}

/** A region of the arena for one dispatch alone; gives its offset. */
export type Scratch = (name: string, shape: readonly Dim[]) => PlanWord;

export interface KernelContext {
  /** Of all values of the graph, those of loops' bodies included. */
  readonly definitions: ReadonlyMap<ValueId, Instr>;
  /** Where a stored value or an argument is read; undefined for values that are computed where they are needed. */
  readAddress(value: Value): Address | undefined;
  /** Where a value must be written: a result may have several places. */
  writeAddresses(value: Value): readonly Address[];
  readonly scratch: Scratch;
  /** Within a step of a loop: an element of a step's value as one of an array around the loop. */
  outside?(element: Element): Element | undefined;
}

/** Reads what is in memory at the start of a kernel; nothing in `own` (what the kernel itself computes). */
export function located(context: KernelContext, own: ReadonlySet<ValueId> = new Set()): Locate {
  return (element) => {
    const { value, index } = element;
    if (own.has(value.id)) return undefined;
    const address = context.readAddress(value);
    return address ? { memory: address.memory, index: placeOf(address, value, index) } : context.outside?.(element);
  };
}

export function storeElement(block: Block, context: KernelContext, value: Value, index: Index, element: Expr): void {
  for (const address of context.writeAddresses(value)) {
    block.store(address.memory, placeOf(address, value, index), encode(element));
  }
}

/** What comments call values. */
export const namesOf = (values: readonly Value[]): string => values.map(({ hint, id }) => hint ?? `%${id}`).join(", ");

/** How the comment of a loop's kernel begins. */
export function scanTitle({ attrs: { body, states, length, reverse } }: Instr<"scan">): string {
  return `scan${reverse ? " reverse" : ""} over ${length}: states ${namesOf(body.params.slice(0, states))}`;
}

/** ⌈Π dims / divisor⌉. */
export function count(dims: readonly Dim[], divisor = 1): Count {
  let factor = 1;
  const lengths: string[] = [];
  for (const dim of dims) {
    if (typeof dim === "number") factor *= dim;
    else lengths.push(dim);
  }
  return { factor, lengths, divisor };
}
