/** @file The contraction of two arrays: matrix products, outer products, batched and transposed forms. */

import { forEachIndex, ndarray, numel, strides } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { stackAxis } from "../shape.js";
import { forEachRow } from "../strided.js";
import type { Dim, OpAttrs, Type } from "../types.js";
import { expectArity, expectType } from "./shared.js";

/** The extent that each label has, checked to be one. */
function labelExtents({ lhs, rhs }: OpAttrs["contract"], args: readonly Type[]): ReadonlyMap<string, Dim> {
  const result = new Map<string, Dim>();
  [lhs, rhs].forEach((labels, side) => {
    const { shape } = args[side];
    expectType(labels.length === shape.length, "contract", args, `"${labels}" does not label each axis`);
    [...labels].forEach((label, axis) => {
      const agrees = (result.get(label) ?? shape[axis]) === shape[axis];
      expectType(agrees, "contract", args, `two extents for ${label} in "${lhs}", "${rhs}"`);
      result.set(label, shape[axis]);
    });
  });
  return result;
}

function isDistinct(labels: string): boolean {
  return new Set(labels).size === labels.length;
}

/** The first letter that none of the label strings has. */
function freshLabel(...taken: readonly string[]): string {
  const used = taken.join("");
  const letters = "tabcdefghijklmnopqrsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return [...letters].find((letter) => !used.includes(letter)) ?? "";
}

/** Strides of an argument along `labels`, 0 where it lacks one. */
function stridesAlong(labels: string, own: string, shape: readonly number[]): number[] {
  const steps = strides(shape);
  return [...labels].map((label) => (own.includes(label) ? steps[own.indexOf(label)] : 0));
}

/** Where the elements of a strided array stand from its first, in row-major order of `shape`. */
function positions(shape: readonly number[], steps: readonly number[]): Int32Array {
  const result = new Int32Array(numel(shape));
  forEachIndex(shape, (index, i) => {
    result[i] = index.reduce((sum, at, axis) => sum + at * steps[axis], 0);
  });
  return result;
}

const contract: OpRule<"contract"> = {
  lowering: "contraction",
  type(attrs, args) {
    expectArity("contract", args, 2);
    const { lhs, rhs, out } = attrs;
    expectType(
      args.every((a) => a.elem === "f32"),
      "contract",
      args,
      "wants f32",
    );
    expectType([lhs, rhs, out].every(isDistinct), "contract", args, `a label twice in "${lhs}", "${rhs}" or "${out}"`);
    const found = labelExtents(attrs, args);
    for (const label of found.keys()) {
      const shared = lhs.includes(label) && rhs.includes(label);
      expectType(shared || out.includes(label), "contract", args, `${label} is of one argument alone`);
    }
    const shape = [...out].map((label) => {
      const dim = found.get(label);
      expectType(dim !== undefined, "contract", args, `${label} is of no argument`);
      return dim;
    });
    return [{ elem: "f32", shape }];
  },
  evaluate({ attrs: { lhs, rhs, out } }, [a, c]) {
    const extent = (label: string) => (lhs.includes(label) ? a.shape[lhs.indexOf(label)] : c.shape[rhs.indexOf(label)]);
    const summed = [...lhs].filter((label) => !out.includes(label)).join("");
    const result = ndarray([...out].map(extent));
    const inner = [...summed].map(extent);
    const termsA = positions(inner, stridesAlong(summed, lhs, a.shape));
    const termsC = positions(inner, stridesAlong(summed, rhs, c.shape));
    const outer = [
      { offset: 0, strides: stridesAlong(out, lhs, a.shape) },
      { offset: 0, strides: stridesAlong(out, rhs, c.shape) },
    ] as const;
    let position = 0;
    forEachRow(result.shape, ...outer, (rowA, rowC, count, stepA, stepC) => {
      for (let i = 0; i < count; i++) {
        const [p, q] = [rowA + i * stepA, rowC + i * stepC];
        let sum = 0;
        for (let k = 0; k < termsA.length; k++) sum += a.data[p + termsA[k]] * c.data[q + termsC[k]];
        result.data[position++] = sum;
      }
    });
    return [result];
  },
  /**
   * Both adjoints are contractions: a label of one argument alone is in `out`, so the adjoint and the other argument
   * together have all labels that an argument has.
   */
  vjp(b, { attrs: { lhs, rhs, out }, args: [a, c] }, [g]) {
    if (g === undefined) return [undefined, undefined];
    return [b.contract(g, c, out, rhs, lhs), b.contract(g, a, out, lhs, rhs)];
  },
  lift(b, { attrs: { lhs, rhs, out }, args, results: [result] }, [a, c]) {
    const label = freshLabel(lhs, rhs, out);
    const insert = (labels: string, step: Type) =>
      labels.slice(0, stackAxis(step)) + label + labels.slice(stackAxis(step));
    const wideLhs = a.stacked ? insert(lhs, args[0].type) : lhs;
    const wideRhs = c.stacked ? insert(rhs, args[1].type) : rhs;
    return [b.contract(a.value, c.value, wideLhs, wideRhs, insert(out, result.type), result.hint)];
  },
};

export const contractions = { contract };
