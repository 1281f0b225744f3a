/** @file What the recurrence analysis says of a loop, held against the loop's own numbers in f64. */

import { beforeAll, describe, expect, it } from "vitest";
import { Builder } from "../../src/ir/builder.js";
import { evaluateGraph, evaluateInstrs } from "../../src/ir/interpret.js";
import { forEachIndex, type NdArray, numel, strides } from "../../src/ir/ndarray.js";
import { stackAxis } from "../../src/ir/shape.js";
import { idsBeyond } from "../../src/ir/traverse.js";
import type { Graph, Result, Value } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { autodiff } from "../../src/passes/autodiff.js";
import { closeLoop, outputOf } from "../../src/passes/loop.js";
import { type AffineStep, affineStep, type RecurrenceGroup } from "../../src/passes/recurrence/index.js";
import { simplify } from "../../src/passes/simplify.js";
import { present } from "../../src/support/assert.js";
import { LIBRARY_FIXTURES } from "../fixtures/library.js";
import { randomArguments } from "../lower/support.js";
import { cells } from "./cells.js";
import { randomCell } from "./random-cells.js";
import {
  type Environment,
  libraryModel,
  libraryScans,
  mapArray,
  nextOf,
  randomEnvironment,
  type Scan,
  scansOf,
  sizes,
  statesOf,
  valueIn,
} from "./recurrence-support.js";
import { distance, random } from "./support.js";

const SEEDS = 20;

/** The library's loops, hand-built ones and random ones, with those of their derivatives. */
function allScans(): readonly (readonly [string, Scan])[] {
  const written = [
    ...Object.values(cells).map((make) => make()),
    ...Array.from({ length: SEEDS }, (_, i) => randomCell(i)),
  ];
  const derived = written.flatMap((writer, i) => {
    const graph = autodiff(writer.graph(), writer.parameters());
    return scansOf(graph).map((scan, j) => [`written ${i} ${j}`, scan] as const);
  });
  return [...libraryScans(), ...derived];
}

const isLinear = ({ proof }: RecurrenceGroup) => proof.degree === "linear" || proof.degree === "affine";
const hasCoefficients = (group: RecurrenceGroup) => group.class === "linear-diagonal" || group.class === "linear-block";

let scans: readonly (readonly [string, Scan])[];
beforeAll(() => {
  scans = allScans();
});

/** Calls `visit` for every group of every loop that `wanted` takes, and says how many there were. */
function forGroups(
  wanted: (group: RecurrenceGroup) => boolean,
  visit: (scan: Scan, group: RecurrenceGroup, name: string, seed: number) => void,
): number {
  let count = 0;
  for (const [name, scan] of scans) {
    for (const group of scan.recurrence.groups.filter(wanted)) visit(scan, group, name, 100 + count++);
  }
  return count;
}

const plus = (a: NdArray, b: NdArray) => mapArray(a, (x, i) => x + b.data[i]);

/** ‖N(s + r) + N(0) − N(s) − N(r)‖ / ‖N(s) + N(r)‖ */
function superposition(scan: Scan, group: RecurrenceGroup, seed: number): number {
  const next = random(seed);
  const env = randomEnvironment(scan, seed);
  // Of both signs, or a relu would look linear.
  const draw = () => statesOf(scan, group, next).map((array) => mapArray(array, (x) => 4 * x - 2));
  const [s, r] = [draw(), draw()];
  const zero = s.map((state) => mapArray(state, () => 0));
  const sum = s.map((state, i) => plus(state, r[i]));
  const [both, none, one, other] = [sum, zero, s, r].map((states) => nextOf(scan, group, env, states));
  return Math.max(...both.map((x, i) => distance(plus(x, none[i]).data, plus(one[i], other[i]).data)));
}

describe("a group that is called linear", () => {
  it("obeys superposition", () => {
    const count = forGroups(isLinear, (scan, group, name, seed) => {
      expect(superposition(scan, group, seed), name).toBeLessThan(1e-10);
    });
    expect(count).toBeGreaterThan(100);
  });

  it("is told from one that is not", () => {
    const count = forGroups(
      (group) => !isLinear(group),
      (scan, group, name, seed) => {
        // Random cells choose by conditions that may hold everywhere.
        if (name.startsWith("written")) return;
        // A mask or a choice may leave the states as they are in one draw.
        const draws = Array.from({ length: 24 }, (_, i) => superposition(scan, group, 31 * seed + i));
        expect(Math.max(...draws), name).toBeGreaterThan(1e-6);
      },
    );
    expect(count).toBeGreaterThan(10);
  });
});

describe("a channel", () => {
  it("changes no other", () => {
    const count = forGroups(
      (group) => group.channelAxes[0].length > 0,
      (scan, group, name, seed) => {
        const env = randomEnvironment(scan, seed);
        const states = statesOf(scan, group, random(seed));
        const before = nextOf(scan, group, env, states);
        for (const coordinate of group.channelAxes[0].keys()) {
          const chosen = (array: NdArray, state: number, position: number) => {
            const axis = group.channelAxes[state][coordinate];
            return Math.floor(position / strides(array.shape)[axis]) % array.shape[axis] === 1;
          };
          const changed = states.map((array, s) => mapArray(array, (x, p) => (chosen(array, s, p) ? x + 0.37 : x)));
          nextOf(scan, group, env, changed).forEach((array, s) => {
            const moved = [...array.data.keys()].filter((p) => array.data[p] !== before[s].data[p]);
            expect(
              moved.every((p) => chosen(array, s, p)),
              `${name} ${coordinate}`,
            ).toBe(true);
          });
        }
      },
    );
    expect(count).toBeGreaterThan(100);
  });
});

/** The numbers of a coupled element in each channel. */
function perChannel(group: RecurrenceGroup, element: AffineStep["elements"][number], array: NdArray): Float64Array {
  const own = group.channelAxes[group.states.indexOf(element.state)];
  const steps = strides(array.shape);
  const beside = array.shape.map((_, axis) => axis).filter((axis) => !own.includes(axis));
  const start = beside.reduce((sum, axis, i) => sum + element.place[i] * steps[axis], 0);
  const shape = own.map((axis) => array.shape[axis]);
  const found = new Float64Array(numel(shape));
  forEachIndex(shape, (index, position) => {
    found[position] = array.data[start + index.reduce((sum, at, i) => sum + at * steps[own[i]], 0)];
  });
  return found;
}

type Numbers = ArrayLike<number>;

/** A s + b, an array of channels an element. */
function applied(
  matrix: readonly (readonly (Numbers | undefined)[])[],
  offset: readonly (Numbers | undefined)[],
  s: readonly Float64Array[],
) {
  return matrix.map((row, i) =>
    s[i].map((_, c) => row.reduce((sum, a, j) => sum + (a?.[c] ?? 0) * s[j][c], offset[i]?.[c] ?? 0)),
  );
}

/** What the coefficients may read: all of the body that can be had without the group's states. */
function withoutStates({ loop }: Scan, group: RecurrenceGroup, env: Environment): Environment {
  const own: Environment = new Map(env);
  for (const state of group.states) own.delete(loop.states[state].previous.id);
  for (const instr of loop.instrs) {
    if (instr.args.every(({ id }) => own.has(id))) evaluateInstrs(own, [instr], sizes);
  }
  return own;
}

describe("coefficients", () => {
  it("are free of the states and give the next values", () => {
    const count = forGroups(hasCoefficients, (scan, group, name, seed) => {
      const env = randomEnvironment(scan, seed);
      const states = statesOf(scan, group, random(seed));
      const b = new Builder(idsBeyond({ args: [], instrs: [scan.instr], results: [] }));
      const { elements, matrix, offset } = affineStep(b, scan.loop, group);
      const own = withoutStates(scan, group, env);
      evaluateInstrs(own, b.instrs, sizes);
      const numbers = (value: Value | undefined) => value && valueIn(own, value).data;
      const split = (arrays: readonly NdArray[]) =>
        elements.map((element) => perChannel(group, element, arrays[group.states.indexOf(element.state)]));
      const got = applied(
        matrix.map((row) => row.map(numbers)),
        offset.map(numbers),
        split(states),
      );
      const want = split(nextOf(scan, group, env, states));
      for (const [i, element] of want.entries()) expect(distance(got[i], element), name).toBeLessThan(1e-12);
    });
    expect(count).toBeGreaterThan(60);
  });

  it.each(LIBRARY_FIXTURES)("run the loops of %s on their own", (name) => {
    const { fixture, module } = libraryModel(name);
    const graph = present(module.graphs.train, "test", "the training step");
    const args = randomArguments(module, fixture.sizes, 5);
    for (const [at, { recurrence }] of scansOf(graph).entries()) {
      for (const group of recurrence.groups.filter(hasCoefficients)) {
        const { traced, reverse, length, step } = traceOf(graph, at, group);
        verifyGraph(traced, "affine step");
        const results = evaluateGraph(traced, args, fixture.sizes);
        const steps = fixture.sizes[length];
        const of = (key: string) => results[`output:${key}`];
        const split = (key: string) =>
          step.elements.map((element) => perChannel(group, element, of(`${key} ${element.state}`)));
        let now = split("initial");
        for (let i = 0; i < steps; i++) {
          const t = reverse ? steps - 1 - i : i;
          const numbers = (key: string) => {
            const stacked = results[`output:${key}`];
            return stacked && stepOf(stacked, stackAxis({ elem: "f32", shape: step.channel }), t);
          };
          now = applied(
            step.elements.map((_, row) => step.elements.map((_, column) => numbers(`A ${row} ${column}`))),
            step.elements.map((_, row) => numbers(`b ${row}`)),
            now,
          );
        }
        for (const [i, last] of split("last").entries()) {
          expect(distance(now[i], last), `${name} ${at} ${group.states}`).toBeLessThan(1e-10);
        }
      }
    }
  });
});

/** One step of an array with the steps along `axis`. */
function stepOf({ shape, data }: NdArray, axis: number, t: number): Float64Array {
  const inner = strides(shape)[axis];
  return data.filter((_, p) => Math.floor(p / inner) % shape[axis] === t);
}

/** The graph with the coefficients of a group at every step among its results, and the group's first and last states. */
function traceOf(graph: Graph, at: number, group: RecurrenceGroup) {
  const { instr, loop } = scansOf(graph)[at];
  const ids = idsBeyond(graph);
  const b = new Builder(ids);
  const step = affineStep(b, loop, group);
  const given: Result[] = [];
  const outputs = [...loop.outputs];
  const give = (name: string, value: Value) => given.push({ kind: "output", name, value });
  const stacked = (name: string, value: Value | undefined) => {
    if (value === undefined) return;
    const output = outputOf(ids, value, loop.length);
    outputs.push(output);
    give(name, output.all);
  };
  step.matrix.forEach((row, i) => {
    for (const [j, a] of row.entries()) stacked(`A ${i} ${j}`, a);
    stacked(`b ${i}`, step.offset[i]);
  });
  for (const state of group.states) {
    give(`initial ${state}`, loop.states[state].initial);
    give(`last ${state}`, loop.states[state].last);
  }
  const traced = closeLoop({ ...loop, instrs: [...loop.instrs, ...b.instrs], outputs });
  const instrs = graph.instrs.map((other) => (other === instr ? traced : other));
  const shape = loop.states[group.states[0]].previous.type.shape;
  return {
    traced: simplify({ args: graph.args, instrs, results: given }),
    reverse: loop.reverse,
    length: loop.length,
    step: { ...step, channel: group.channelAxes[0].map((axis) => shape[axis]) },
  };
}
