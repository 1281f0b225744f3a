/** @file Dense arrays of the f64 interpreter: row-major, bools as 0 and 1. */

export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function numel(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Row-major strides. */
export function strides(shape: readonly number[]): number[] {
  const result = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = stride;
    stride *= shape[axis];
  }
  return result;
}

export function ndarray(shape: readonly number[], data?: ArrayLike<number>): NdArray {
  return { shape, data: data ? Float64Array.from(data) : new Float64Array(numel(shape)) };
}

/** Calls `visit` with each multi-index (one array, reused) and its row-major position. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], position: number) => void) {
  const index = new Array<number>(shape.length).fill(0);
  const count = numel(shape);
  for (let position = 0; position < count; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
}
