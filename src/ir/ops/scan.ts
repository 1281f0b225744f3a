/** @file The loop over a length, with its body as a region. */

import { InternalError } from "../../support/assert.js";
import { type NdArray, ndarray, strides } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { extents, sameType, stack, stackAxis, unstack } from "../shape.js";
import { copyStrided } from "../strided.js";
import type { Value } from "../types.js";
import { expectType, notLifted } from "./shared.js";

/** How far apart two steps are in a stacked array, and the strides of one step in it. */
function stepWalk(stacked: readonly number[], axis: number) {
  const all = strides(stacked);
  return { pitch: all[axis], strides: all.toSpliced(axis, 1) };
}

function readStep(sequence: NdArray, param: Value, t: number): NdArray {
  const axis = stackAxis(param.type);
  const { pitch, strides: from } = stepWalk(sequence.shape, axis);
  const step = ndarray(sequence.shape.toSpliced(axis, 1));
  const to = { offset: 0, strides: strides(step.shape) };
  copyStrided(step.shape, step.data, to, sequence.data, { offset: t * pitch, strides: from });
  return step;
}

function writeStep(sequence: NdArray, step: NdArray, result: Value, t: number): void {
  const { pitch, strides: to } = stepWalk(sequence.shape, stackAxis(result.type));
  const from = { offset: 0, strides: strides(step.shape) };
  copyStrided(step.shape, sequence.data, { offset: t * pitch, strides: to }, step.data, from);
}

const scan: OpRule<"scan"> = {
  lowering: "region",
  type({ length, states, body }, args) {
    expectType(body.params.length === args.length, "scan", args, "the region's params are not as many");
    expectType(states <= args.length && states <= body.results.length, "scan", args, `has no ${states} states`);
    body.params.forEach((param, i) => {
      const given = i < states ? args[i] : unstack(args[i], length);
      expectType(sameType(param.type, given), "scan", args, `the region's param ${i} has another type`);
    });
    const results = body.results.map((result) => result.type);
    results.slice(0, states).forEach((next, i) => {
      expectType(sameType(next, args[i]), "scan", args, `state ${i} changes its type`);
    });
    return results.map((type, i) => (i < states ? type : stack(type, length)));
  },
  evaluate({ attrs: { length, reverse, states, body } }, args, context) {
    const [steps] = extents([length], context.lengths);
    const outputs = body.results
      .slice(states)
      .map(({ type }) => ndarray(extents(stack(type, length).shape, context.lengths)));
    let carried: readonly NdArray[] = args.slice(0, states);
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const inputs = args.slice(states).map((sequence, j) => readStep(sequence, body.params[states + j], t));
      const results = context.run(body, [...carried, ...inputs]);
      carried = results.slice(0, states);
      outputs.forEach((output, j) => {
        writeStep(output, results[states + j], body.results[states + j], t);
      });
    }
    return [...carried, ...outputs];
  },
  vjp() {
    throw new InternalError("vjp", "a scan is differentiated by the autodiff pass: it needs residuals of the loop");
  },
  lift: notLifted,
};

export const scans = { scan };
