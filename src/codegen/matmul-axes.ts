/**
 * @file The axes of a contraction as a matrix product, and the size of its tiles. The labels of the result are those of
 * the left side alone (rows), of the right side alone (columns) and of both (one product each); the rest is summed. A label
 * of the result that neither side has counts parts of the sum (`split-depth.ts`).
 */

import type { Dim, Instr, Value } from "../ir/types.js";
import { count } from "./context.js";

/** Threads are SIDE × SIDE; the results of one lie SIDE apart, so that neighbours touch neighbours. */
export const SIDE = 8;
/** Results a thread has along one side: the more, the fewer reads a product, the fewer workgroups. */
const PATCHES = [8, 4, 2];

export interface Axes {
  readonly labels: readonly string[];
  readonly dims: readonly Dim[];
}

/** One side of the product. */
export interface Side {
  readonly value: Value;
  readonly labels: string;
  readonly axis: Axes;
  /** Results of a thread along this side. */
  readonly patch: number;
}

export interface MatmulAxes {
  /** Its axis makes the rows. */
  readonly left: Side;
  readonly right: Side;
  /** One product each: what both sides have, and parts. */
  readonly batch: Axes;
  readonly depth: Axes;
  /** The label that counts parts of the sum. */
  readonly part: string | undefined;
}

/** Whether a contraction has rows, columns and a sum. */
export function isMatmul(instr: Instr): instr is Instr<"contract"> {
  if (instr.op !== "contract") return false;
  const { lhs, rhs, out } = instr.attrs;
  const only = (a: string, b: string) => [...a].some((l) => out.includes(l) && !b.includes(l));
  return only(lhs, rhs) && only(rhs, lhs) && [...lhs].some((l) => !out.includes(l));
}

export function matmulAxes({ attrs, args, results }: Instr<"contract">): MatmulAxes {
  const { out } = attrs;
  // The side that the result ends with makes the columns, so that neighbouring threads store to neighbouring memory.
  const swap = !attrs.rhs.includes(out[out.length - 1]);
  const [lhs, rhs] = swap ? [attrs.rhs, attrs.lhs] : [attrs.lhs, attrs.rhs];
  const [a, b] = swap ? [args[1], args[0]] : args;
  const axes = (labels: string, value: Value, keep: (label: string) => boolean): Axes => {
    const kept = [...labels].filter(keep);
    return { labels: kept, dims: kept.map((l) => value.type.shape[labels.indexOf(l)]) };
  };
  const side = (labels: string, value: Value, other: string): Side => {
    const axis = axes(labels, value, (l) => out.includes(l) && !other.includes(l));
    return { value, labels, axis, patch: patchOf(axis.dims, SIDE, PATCHES) };
  };
  return {
    left: side(lhs, a, rhs),
    right: side(rhs, b, lhs),
    batch: axes(out, results[0], (l) => lhs.includes(l) === rhs.includes(l)),
    depth: axes(lhs, a, (l) => !out.includes(l)),
    part: [...out].find((l) => !lhs.includes(l) && !rhs.includes(l)),
  };
}

/**
 * The largest of the patches, as many results as each of some threads has along an axis, that the extent fills or nearly: a
 * run-time length is taken to be long.
 */
export function patchOf(dims: readonly Dim[], threads: number, patches: readonly number[]): number {
  const { factor, lengths } = count(dims);
  if (lengths.length > 0) return patches[0];
  const waste = (patch: number) => Math.ceil(factor / (patch * threads)) * patch * threads - factor;
  return patches.find((patch) => waste(patch) <= factor / 4) ?? patches[patches.length - 1];
}

/** Whether the run's sizes say how far a side extends. */
export const isOpen = ({ axis }: Side): boolean => count(axis.dims).lengths.length > 0;

/** Tiles of the result, each a workgroup's; undefined where run-time lengths decide. */
export function tilesOf(instr: Instr<"contract">): number | undefined {
  const { left, right, batch } = matmulAxes(instr);
  const counts = [left, right].map(({ axis, patch: side }) => count(axis.dims, side * SIDE));
  if ([...counts, count(batch.dims)].some(({ lengths }) => lengths.length > 0)) return undefined;
  return counts.reduce((n, { factor, divisor }) => n * Math.ceil(factor / divisor), count(batch.dims).factor);
}
