/** @file Strided loops of the interpreter: recursion over the outer axes, a flat loop along the innermost. */

/** One side of a walk: where it begins and how far a step along each axis goes. */
export interface Walk {
  readonly offset: number;
  readonly strides: readonly number[];
}

/**
 * Walks two arrays together over `shape`; `row` is called once for each run along the innermost axis, with the
 * positions of its first elements, its length and the two steps.
 */
export function forEachRow(
  shape: readonly number[],
  a: Walk,
  b: Walk,
  row: (a: number, b: number, count: number, stepA: number, stepB: number) => void,
): void {
  const inner = shape.length - 1;
  if (inner < 0) {
    row(a.offset, b.offset, 1, 0, 0);
    return;
  }
  const walk = (axis: number, p: number, q: number): void => {
    if (axis === inner) {
      row(p, q, shape[inner], a.strides[inner], b.strides[inner]);
      return;
    }
    for (let i = 0; i < shape[axis]; i++) walk(axis + 1, p + i * a.strides[axis], q + i * b.strides[axis]);
  };
  walk(0, a.offset, b.offset);
}

/** Copies `source` to `target` over `shape`. */
export function copyStrided(
  shape: readonly number[],
  target: Float64Array,
  to: Walk,
  source: Float64Array,
  from: Walk,
): void {
  forEachRow(shape, to, from, (p, q, count, stepTo, stepFrom) => {
    for (let i = 0; i < count; i++) target[p + i * stepTo] = source[q + i * stepFrom];
  });
}
