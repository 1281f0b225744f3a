/** @file Loops of the library and of small texts for the recurrence analysis, and their bodies run on random arrays. */

import { readFileSync } from "node:fs";
import { evaluateInstrs } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { captured } from "../../src/ir/traverse.js";
import { BATCH, type Graph, type Instr, type Type, type Value, type ValueId } from "../../src/ir/types.js";
import { type Loop, openLoop } from "../../src/passes/loop.js";
import { type Recurrence, type RecurrenceGroup, recurrences } from "../../src/passes/recurrence/index.js";
import { present } from "../../src/support/assert.js";
import { LIBRARY_FIXTURES, libraryFixture } from "../fixtures/library.js";
import { compileText } from "../support/compiled.js";
import { random } from "./support.js";

const models = new URL("../../specs/models/", import.meta.url);

export interface Scan {
  readonly instr: Instr<"scan">;
  readonly loop: Loop;
  readonly recurrence: Recurrence;
}

export function scansOf(graph: Graph): readonly Scan[] {
  const found = recurrences(graph);
  return graph.instrs
    .filter((instr) => instr.op === "scan")
    .map((instr, i) => ({ instr, loop: openLoop(instr), recurrence: found[i] }));
}

/** The model of a fixture with its own small sizes. */
export function libraryModel(name: string) {
  const fixture = libraryFixture(name);
  const text = fixture.text ?? readFileSync(new URL(present(fixture.file, "test", "the file"), models), "utf8");
  return { fixture, module: compileText(text, fixture.set).module };
}

/** Every loop of the library, forwards and of the derivative, by a name. */
export function libraryScans(): readonly (readonly [string, Scan])[] {
  return LIBRARY_FIXTURES.flatMap((name) => {
    const { train } = libraryModel(name).module.graphs;
    return scansOf(present(train, "test", "the training step")).map((scan, i) => [`${name} ${i}`, scan] as const);
  });
}

export const sizes = { [BATCH]: 2, T: 3, S: 3 };

export type Environment = Map<ValueId, NdArray>;

/** Reals in (0.1, 0.9), so that roots and logarithms exist; whole numbers and truth values 0 and 1. */
export function randomArray(type: Type, next: () => number): NdArray {
  const shape = extents(type.shape, sizes);
  const draw = () => (type.elem === "f32" ? 0.1 + 0.8 * next() : Math.floor(2 * next()));
  return ndarray(shape, Array.from({ length: numel(shape) }, draw));
}

/** Arrays for all that a body reads and does not compute. */
export function randomEnvironment({ instr }: Scan, seed: number): Environment {
  const next = random(seed);
  const { body } = instr.attrs;
  return new Map([...body.params, ...captured(body)].map(({ id, type }) => [id, randomArray(type, next)]));
}

/** The group's next values, in its order, where its states are as given. */
export function nextOf({ loop }: Scan, group: RecurrenceGroup, env: Environment, states: readonly NdArray[]) {
  const own: Environment = new Map(env);
  for (const [i, state] of group.states.entries()) own.set(loop.states[state].previous.id, states[i]);
  evaluateInstrs(own, loop.instrs, sizes);
  return group.states.map((state) => valueIn(own, loop.states[state].next));
}

export function valueIn(env: Environment, value: Value): NdArray {
  return present(env.get(value.id), "test", `%${value.id}`);
}

export function statesOf({ loop }: Scan, group: RecurrenceGroup, next: () => number): readonly NdArray[] {
  return group.states.map((state) => randomArray(loop.states[state].previous.type, next));
}

export function mapArray({ shape, data }: NdArray, f: (x: number, position: number) => number): NdArray {
  return { shape, data: data.map(f) };
}
