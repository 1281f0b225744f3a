/** @file Every op of the registry: its types, meaning, derivative and lift, because it is in the table. */

import { describe, expect, test } from "vitest";
import { Builder } from "../../src/ir/builder.js";
import { type Environment, evaluateInstrs } from "../../src/ir/interpret.js";
import type { NdArray } from "../../src/ir/ndarray.js";
import { inferTypes, lift, registry, vjp } from "../../src/ir/registry.js";
import { stack, stackAxis } from "../../src/ir/shape.js";
import type { Instr, Op, Value } from "../../src/ir/types.js";
import { type Case, cases, type None } from "./cases.js";
import { distance, fill, floats, generator, LENGTHS, single } from "./random.js";
import { at, build, reference, size } from "./reference.js";

const all = Object.entries(cases) as readonly (readonly [Exclude<Op, "scan">, readonly Case<None>[]])[];

/** One array for each argument of a case. */
function arraysOf({ args, arrays }: Case<None>, random: () => number): readonly NdArray[] {
  return arrays ? arrays(random) : args.map((type) => fill(random, type));
}

/** The array of `wanted` after evaluating `instrs`. */
function run(instrs: readonly Instr[], values: readonly Value[], arrays: readonly NdArray[], wanted: Value): NdArray {
  const env: Environment = new Map(values.map((v, i) => [v.id, arrays[i]]));
  evaluateInstrs(env, instrs, LENGTHS);
  return env.get(wanted.id)!;
}

test("every op but scan has cases, and cases have random arguments", () => {
  const covered = Object.keys(cases);
  expect([...covered, "scan"].toSorted()).toEqual(Object.keys(registry).toSorted());
  for (const [op, list] of all) expect(list.length, op).toBeGreaterThan(0);
});

describe.each(all)("%s", (op, list) => {
  test.each(list)("evaluates as the loops in the test do, with the inferred type: $attrs $args", (one) => {
    const { instr, args } = single(op, one.attrs, one.args);
    const arrays = arraysOf(one, generator(1));
    const expected = reference(instr, arrays);
    const got = run([instr], args, arrays, instr.results[0]);
    const [inferred] = inferTypes(instr);
    expect(inferred.shape.map(size)).toEqual(expected.shape);
    expect(got.shape).toEqual(expected.shape);
    expect(distance(got.data, expected.data)).toBeLessThan(1e-10);
  });

  // A constant has no arguments; stop_gradient is meant to differ from its differences.
  const differentiable = list.filter((one) => {
    const { instr } = single(op, one.attrs, one.args);
    return one.args.length > 0 && instr.results[0].type.elem === "f32" && op !== "stop_gradient";
  });
  test.each(differentiable)("has the derivative that differences give: $attrs $args", (one) => {
    const { builder, instr, args } = single(op, one.attrs, one.args);
    const random = generator(2);
    const arrays = arraysOf(one, random);
    const [result] = instr.results;
    const g = builder.fresh(result.type);
    const weights = floats(random, result.type.shape);
    const adjoints = vjp(builder, instr, [g]);
    expect(adjoints).toHaveLength(args.length);
    adjoints.forEach((adjoint, i) => {
      if (args[i].type.elem !== "f32") {
        expect(adjoint).toBeUndefined();
        return;
      }
      const expected = differences(instr, args, arrays, i, weights);
      if (adjoint === undefined) {
        expect([...expected].every((x) => x === 0)).toBe(true);
        return;
      }
      expect(adjoint.type).toEqual(args[i].type);
      const got = run(builder.instrs, [...args, g], [...arrays, weights], adjoint);
      expect(distance(got.data, expected)).toBeLessThan(1e-6);
    });
  });

  test.each(list)("gives nothing back where nothing flows: $attrs $args", (one) => {
    const { builder, instr, args } = single(op, one.attrs, one.args);
    expect(vjp(builder, instr, [undefined])).toEqual(args.map(() => undefined));
    expect(builder.instrs).toHaveLength(1);
  });

  test.each(list.filter((one) => one.args.length > 0))("lifted, equals its steps stacked: $attrs $args", (one) => {
    for (let choice = 1; choice < 2 ** one.args.length; choice++) {
      const moved = one.args.map((_, i) => ((choice >> i) & 1) === 1);
      checkLift(op, one, moved);
    }
  });
});

/** The gradient of Σ weights ⊙ result with respect to argument `i`, by central differences. */
function differences(
  instr: Instr,
  args: readonly Value[],
  arrays: readonly NdArray[],
  i: number,
  weights: NdArray,
): Float64Array {
  const step = 1e-5;
  const loss = (position: number, change: number) => {
    const data = arrays[i].data.slice();
    data[position] += change;
    const out = run([instr], args, arrays.with(i, { shape: arrays[i].shape, data }), instr.results[0]);
    return out.data.map((x, j) => x * weights.data[j]);
  };
  return arrays[i].data.map((_, position) => {
    const above = loss(position, step);
    const below = loss(position, -step);
    return above.reduce((sum, x, j) => sum + (x - below[j]) / (2 * step), 0);
  });
}

function checkLift(op: Exclude<Op, "scan">, one: Case<None>, moved: readonly boolean[]): void {
  const { instr, args } = single(op, one.attrs, one.args);
  const random = generator(3);
  const still = arraysOf(one, random);
  const steps = Array.from({ length: LENGTHS.L }, () =>
    arraysOf(one, random).map((array, i) => (moved[i] ? array : still[i])),
  );

  const b = new Builder();
  const lifted = args.map(({ type }, i) => ({ value: b.fresh(moved[i] ? stack(type, "L") : type), stacked: moved[i] }));
  const [wide] = lift(b, instr, lifted, "L") ?? [];
  expect(wide, `${op} is lifted`).toBeDefined();
  expect(wide.type).toEqual(stack(instr.results[0].type, "L"));

  const stackOf = (arrays: readonly NdArray[], axis: number) =>
    build(arrays[0].shape.toSpliced(axis, 0, LENGTHS.L), (index) => at(arrays[index[axis]], index.toSpliced(axis, 1)));
  const inputs = lifted.map(({ stacked }, i) =>
    stacked
      ? stackOf(
          steps.map((arrays) => arrays[i]),
          stackAxis(args[i].type),
        )
      : still[i],
  );
  const got = run(
    b.instrs,
    lifted.map(({ value }) => value),
    inputs,
    wide,
  );
  const expected = stackOf(
    steps.map((arrays) => reference(instr, arrays)),
    stackAxis(instr.results[0].type),
  );
  expect(got.shape).toEqual(expected.shape);
  expect(distance(got.data, expected.data), `${op} with ${moved} stacked`).toBeLessThan(1e-10);
}
