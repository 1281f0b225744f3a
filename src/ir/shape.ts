/** @file Types and shapes compared, shown and stacked: what the builder, the registry and the verifier share. */

import { invariant } from "../support/assert.js";
import { BATCH, type Dim, type Type } from "./types.js";

export function sameShape(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function sameType(a: Type, b: Type): boolean {
  return a.elem === b.elem && sameShape(a.shape, b.shape);
}

/** `f32[_B, T, 64]`. */
export function showType(type: Type): string {
  return `${type.elem}[${type.shape.join(", ")}]`;
}

/** The extents of a shape for given run-time lengths. */
export function extents(shape: readonly Dim[], lengths: Readonly<Record<string, number>>): number[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    invariant(Object.hasOwn(lengths, dim), "shape", `the length ${dim} has no extent`);
    return lengths[dim];
  });
}

/** Where a loop's axis stands in a stacked value, given the type of one step: behind the batch, else in front. */
export function stackAxis(step: Type): number {
  return step.shape[0] === BATCH ? 1 : 0;
}

/** The type of all steps together. */
export function stack(step: Type, length: Dim): Type {
  const axis = stackAxis(step);
  return { elem: step.elem, shape: [...step.shape.slice(0, axis), length, ...step.shape.slice(axis)] };
}

/** The type of one step of a stacked value. */
export function unstack(stacked: Type, length: string): Type {
  const axis = stacked.shape[0] === BATCH ? 1 : 0;
  invariant(stacked.shape[axis] === length, "shape", `a sequence over ${length} must have it at axis ${axis}`);
  return { elem: stacked.elem, shape: stacked.shape.filter((_, i) => i !== axis) };
}

/** Where axis `axis` of one step stands in the stacked value. */
export function axisInStack(step: Type, axis: number): number {
  return axis < stackAxis(step) ? axis : axis + 1;
}
