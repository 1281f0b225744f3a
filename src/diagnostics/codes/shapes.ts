/** @file SEQ3xxx: sizes, axes and element types that disagree. */

import type { Family } from "./entry.js";

export const shapes = {
  SEQ3001: {
    title: "shapes differ",
    explanation:
      "Operators on whole arrays want equal shapes or a scalar; there is no broadcasting. Write what is meant with " +
      "indices: `y[i, j] = a[i, j] + b[j]`.",
  },
  SEQ3002: {
    title: "sizes of a product disagree",
    explanation:
      "`A @ x` is matrix by vector or matrix by matrix; the last axis of the left side meets the first of the right.",
  },
  SEQ3003: {
    title: "wrong number of indices",
    explanation: "A value is indexed along each of its axes. A scalar has none.",
  },
  SEQ3004: {
    title: "index with two extents",
    explanation: "An index ranges over one extent. Here it stands alone on axes of different sizes.",
  },
  SEQ3005: {
    title: "index without an extent",
    explanation:
      "An index gets its extent from an axis where it stands alone, from the axis along which it shifts, or where it is " +
      "bound: `q[n: N]`. Here there is none of these.",
  },
  SEQ3006: {
    title: "element may lie outside its axis",
    explanation: "An affine index such as `x[t - k]` can leave its axis. Say what stands there: `x[t - k] else 0`.",
  },
  SEQ3007: {
    title: "index that is not affine",
    explanation:
      "An index is a sum of indices with whole factors and a constant, or a value of type `id` for a look-up.",
  },
  SEQ3008: {
    title: "wrong element type",
    explanation: "The operation wants another element type: numbers, truth values, or whole numbers in `id(V)`.",
  },
  SEQ3009: {
    title: "size that is no whole number",
    explanation: "Sizes are whole and at least 1. `ceil`, `floor` and `round` make whole numbers of real ones.",
  },
  SEQ3010: {
    title: "number not known at compile time",
    explanation:
      "Sizes and probabilities are made of numbers and of the declaration's parameters; lengths and values are known " +
      "only at run time.",
  },
  SEQ3011: {
    title: "length not fixed by an input",
    explanation: "A name in a shape that is no parameter is a length; some input has to have it as an axis.",
  },
  SEQ3012: {
    title: "split into parts that do not add up",
    explanation:
      "`split(z, n)` cuts the last axis into n equal parts, `split(z, [A, B])` into parts of these sizes, and the left " +
      "side has as many names.",
  },
  SEQ3013: {
    title: "wrong number of names on the left side",
    explanation: "The right side gives another number of values than the left side names.",
  },
  SEQ3014: {
    title: "scan over inputs of different length",
    explanation: "All inputs of a scan share their leading axis, the steps; what is given once is a `context`.",
  },
  SEQ3015: {
    title: "scan over something without a step axis",
    explanation: "A scan runs over the leading axis of its inputs. An input here has none beyond what one step takes.",
  },
  SEQ3016: {
    title: "value of the wrong shape for its declaration",
    explanation: "The value has another shape than the state, parameter, constant or input declares.",
  },
  SEQ3017: {
    title: "instances of a chain that do not fit",
    explanation: "`chain` feeds the output of each instance to the next: the output has the shape of the first input.",
  },
  SEQ3018: {
    title: "loss or metric that is no scalar per step",
    explanation: "A loss gives one number for each example, or for each of its steps.",
  },
  SEQ3019: {
    title: "identifier outside its range",
    explanation: "A constant of type `id(V)` lies in 0 to V - 1.",
  },
  SEQ3020: {
    title: "number computed to something that is no number",
    explanation: "A constant of the declaration divides by zero or leaves the domain of a function.",
  },
  SEQ3021: {
    title: "shape that depends on data",
    explanation: "Shapes depend on parameters and lengths only. Use `where` or a mask in place of a selection.",
  },
  SEQ3022: {
    title: "stride over a length",
    explanation:
      "An index along a length moves by whole steps of one: `x[t - k]`. `x[2*t]` is not part of the language.",
  },
  SEQ3023: {
    title: "probability out of range",
    explanation:
      "`dropout(x, p)` sets each element to zero with probability p and divides the others by 1 - p; p is at least 0 and " +
      "less than 1.",
  },
  SEQ3024: {
    title: "batch written as an axis",
    explanation:
      "Every array of data has a batch axis that is never written: `input x: [T, D]` is given as many sequences as the " +
      "batch holds. An axis `B` in front is one more length, over which nothing is shared or averaged. Leave it out, or " +
      "call it something else if it is no batch.",
  },
  SEQ3025: {
    title: "more elements than can be addressed",
    explanation:
      "A size, an array of known sizes and all parameters of a model together have at most 2147483647 elements: places are " +
      "counted in whole numbers of 32 bits. Lengths and the batch are known only at run time and do not count here.",
  },
} as const satisfies Family<3>;
