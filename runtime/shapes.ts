/** @file Shapes of arrays, row-major. */

/** The number of elements of an array of this shape. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
