/**
 * @file The array operations of which the peers in JavaScript build the models. A model is so written once, and each
 * library runs it with its own operations and derivatives.
 */

/** `T` is a library's array. No operation changes or consumes its operands; shapes broadcast as in NumPy. */
export interface Ops<T> {
  shape(x: T): readonly number[];
  reshape(x: T, shape: readonly number[]): T;
  transpose(x: T, order: readonly number[]): T;
  /** Adds an axis of 1; counted from the end if negative. */
  expand(x: T, axis: number): T;
  /** Along the last axis. */
  split(x: T, parts: number): readonly T[];
  /** The slices along axis 1. */
  unstack(x: T): readonly T[];
  /** The inverse of `unstack`. */
  stack(xs: readonly T[]): T;
  /** `x[:, t - by]` along axis 1, zeros before the first. */
  delay(x: T, by: number): T;
  zeros(shape: readonly number[]): T;
  /** A constant. */
  constant(values: Float32Array, shape: readonly number[]): T;
  /** Rows of a table, by ids as the library takes them. */
  lookup(table: T, ids: T): T;

  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  div(a: T, b: T): T;
  /** By a number. */
  scale(x: T, by: number): T;
  /** Plus a number. */
  shift(x: T, by: number): T;
  min(x: T, limit: number): T;
  neg(x: T): T;
  exp(x: T): T;
  sqrt(x: T): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  softplus(x: T): T;
  /** Along the last axis. */
  softmax(x: T): T;
  /** Over one axis, or over all. */
  sum(x: T, axis?: number): T;
  mean(x: T, axis: number): T;
  /** The last two axes as matrices; `transposed` is of b. */
  matmul(a: T, b: T, transposed?: boolean): T;
  /** Cross-entropy of logits [N, K] and N ids, averaged. */
  crossEntropy(logits: T, ids: T): T;
}
