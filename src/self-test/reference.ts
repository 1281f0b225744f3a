/**
 * @file By what a module is tested on the device that runs it: every value that its kernels store, in f64, at small sizes.
 * Of each the module keeps its norm and one projection, and how far f32 may be from them.
 */

import {
  type ExpectedValue,
  type Manifest,
  PAST,
  type Program,
  type Reference,
  type ReferenceRun,
  ROOM,
} from "../../runtime/manifest.js";
import { referenceInputs, referenceParameters, summarise, withFixed } from "../../runtime/self-test-rule.js";
import type { NoteProgram, StoredValue } from "../codegen/program.js";
import { type Environment, evaluateValues } from "../ir/interpret.js";
import { type NdArray, ndarray, numel } from "../ir/ndarray.js";
import { extents } from "../ir/shape.js";
import { BATCH, type Graph, type Value, type ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { roundedTo } from "./rounding.js";

/** What programs were made from. */
export class Origins {
  readonly #found = new Map<Program, { readonly graph: Graph; readonly stored: readonly StoredValue[] }>();

  readonly note: NoteProgram = (program, graph, stored) => {
    this.#found.set(program, { graph, stored });
  };

  of(program: Program) {
    return present(this.#found.get(program), "self-test", "what a program was made from");
  }
}

/**
 * Odd, so that nothing is full at its end. With the first length more rows than a tile of a product has, and more examples than a
 * workgroup of a loop takes: what is written out for each of them has to be at work.
 */
const EXAMPLES = 13;
/** With lengths of chunks that is too much for the interpreter. */
const EXAMPLES_OF_CHUNKS = 3;
const FIRST_LENGTH = 5;
/** Steps beyond a whole chunk, where a loop keeps the starts of chunks. */
const BEYOND_CHUNK = 5;
/** Of the caches of a stream. */
const ROOM_BEYOND = 3;

/** How far parameters may be from their start, the first of these at which everything is a number. */
const SPREADS = [0.1, 0.01, 0.001, 0];

/** Of the norm: what sums in another order and the functions of a device may come to. */
const TOLERANCE = 1e-3;
/** Times the distance between f64 and the rounded evaluation. */
const NOISE = 4;
/** For what is zero in f64, and otherwise of numbers that cancel. */
const LEAST = 1e-20;

type Arrays = Readonly<Record<string, NdArray>>;

interface Finished {
  readonly run: ReferenceRun;
  /** By name, for the runs that go on from it. */
  readonly states: Arrays;
}

/** @param origins of the manifest's programs. */
export function referenceOf(manifest: Manifest, origins: Origins): Reference {
  let reference: Reference = { spread: 0, runs: [] };
  for (const spread of SPREADS) {
    const parameters = parametersOf(manifest, spread);
    const finished: Finished[] = [];
    for (const planned of planRuns(manifest)) {
      const states = planned.after === undefined ? {} : finished[planned.after].states;
      finished.push(evaluateRun(manifest, origins, planned, parameters, states));
    }
    reference = { spread, runs: finished.map(({ run }) => run) };
    if (finished.every(({ run }) => run.indefinite === undefined)) break;
  }
  return reference;
}

type Planned = Pick<ReferenceRun, "program" | "sizes" | "after">;

/** Each program once; with kept or carried states once more, from the states that the first run gives. */
function planRuns(manifest: Manifest): readonly Planned[] {
  const { programs, lengths, carried } = manifest;
  const all = allPrograms(manifest);
  const chunks = all.flatMap(({ slots }) => slots.flatMap(({ size }) => size.chunks ?? []));
  const sizes: Record<string, number> = { [BATCH]: chunks.length > 0 ? EXAMPLES_OF_CHUNKS : EXAMPLES };
  lengths.forEach((length, at) => {
    const steps = chunks.filter((chunk) => chunk.length === length).map((chunk) => chunk.steps);
    sizes[length] = steps.length > 0 ? Math.max(...steps) + BEYOND_CHUNK : at === 0 ? FIRST_LENGTH : 1 + 2 * at;
  });
  const runs: Planned[] = [];
  for (const program of ["train", "evaluate"] as const) {
    if (programs[program] === undefined) continue;
    runs.push({ program, sizes });
    if (carried) runs.push({ program, sizes, after: runs.length - 1 });
  }
  runs.push({ program: "predict", sizes });
  for (const program of ["probe", "profile"] as const) if (programs[program]) runs.push({ program, sizes });
  if (!("refused" in programs.stream)) {
    const { length, start } = programs.stream;
    const first = { ...sizes, [PAST]: 0, [ROOM]: sizes[length] + ROOM_BEYOND };
    const from = start && runs.push({ program: "start", sizes: { ...sizes, [length]: 1 } }) - 1;
    runs.push({ program: "step", sizes: first, ...(from !== undefined && { after: from }) });
    runs.push({ program: "step", sizes: { ...first, [length]: 1, [PAST]: sizes[length] }, after: runs.length - 1 });
  }
  return runs;
}

function allPrograms({ programs: { stream, ...others } }: Manifest): readonly Program[] {
  const streams = "refused" in stream ? [] : [stream.start, stream.step];
  return [...Object.values(others), ...streams].filter((program) => program !== undefined);
}

function programOf({ programs }: Manifest, name: ReferenceRun["program"]): Program {
  const { stream, ...others } = programs;
  const { start, step } = "refused" in stream ? { start: undefined, step: undefined } : stream;
  return present({ ...others, start, step }[name], "self-test", name);
}

function parametersOf(manifest: Manifest, spread: number): Arrays {
  const flat = referenceParameters(manifest, spread);
  return Object.fromEntries(
    manifest.parameters.map(({ name, shape, offset }) => [
      name,
      ndarray(shape, flat.subarray(offset, offset + numel(shape))),
    ]),
  );
}

function evaluateRun(
  manifest: Manifest,
  origins: Origins,
  planned: Planned,
  parameters: Arrays,
  states: Arrays,
): Finished {
  const program = programOf(manifest, planned.program);
  const { graph, stored } = origins.of(program);
  const sizes = withFixed(planned.sizes);
  const given = referenceInputs(manifest, sizes, planned.after !== undefined);
  const args: Arrays = Object.fromEntries(
    graph.args.map(({ kind, name, value }) => {
      if (kind === "param") return [name, parameters[name]];
      const shape = extents(value.type.shape, sizes);
      if (kind === "state") return [name, states[name] ?? ndarray(shape)];
      return [name, ndarray(shape, present(given.get(name), "self-test", `the input ${name}`))];
    }),
  );
  const exact = evaluateValues(graph, args, sizes);
  const halves = new Set(stored.filter(({ slot }) => program.slots[slot].half).map(({ value }) => value));
  const rounded = evaluateValues(graph, args, sizes, (value, array) => roundedTo(precisionOf(value, halves), array));
  const indefinite: string[] = [];
  const dispatches = program.dispatches.map((_, dispatch) =>
    stored.flatMap((each): readonly ExpectedValue[] => {
      const array = each.dispatch === dispatch ? exact.get(each.value) : undefined;
      if (array === undefined || array.data.length === 0) return [];
      const place = placeOf(manifest, program, each);
      const near = present(rounded.get(each.value), "self-test", "a rounded value");
      const expected = expectedOf(place, array.data, near.data, program.slots[each.slot].half === true);
      if (expected === undefined) indefinite.push(typeof place === "string" ? place : program.slots[place].name);
      return expected === undefined ? [] : [expected];
    }),
  );
  const run = { ...planned, dispatches, ...(indefinite.length > 0 && { indefinite }) };
  return { run, states: nextStates(graph, exact) };
}

function precisionOf({ id, type }: Value, halves: ReadonlySet<ValueId>): "half" | "single" | "whole" {
  if (type.elem !== "f32") return "whole";
  return halves.has(id) ? "half" : "single";
}

/** A value that has a slot for itself fills it; gradients lie in one together. */
function placeOf(manifest: Manifest, program: Program, { slot, offset }: StoredValue): number | string {
  if (slot !== program.gradients) return slot;
  const parameter = manifest.parameters.find((each) => each.offset === offset && numel(each.shape) > 0);
  return present(parameter, "self-test", "the parameter of a gradient").name;
}

function expectedOf(
  place: number | string,
  exact: Float64Array,
  rounded: Float64Array,
  half: boolean,
): ExpectedValue | undefined {
  const { norm, projection } = summarise(exact, half);
  // Infinities are equal, and their difference is no number.
  const difference = exact.map((value, i) => (value === rounded[i] ? 0 : value - rounded[i]));
  const tolerance = Math.max(TOLERANCE * norm, NOISE * summarise(difference, half).norm, LEAST);
  if (Number.isNaN(tolerance)) return undefined;
  return [place, digits(norm, 6), digits(projection, 6), digits(tolerance, 2)];
}

const digits = (value: number, count: number): number => Number(value.toPrecision(count));

function nextStates({ results }: Graph, values: Environment): Arrays {
  return Object.fromEntries(
    results
      .filter(({ kind }) => kind === "state")
      .map(({ name, value }) => [name, present(values.get(value.id), "self-test", `the state ${name}`)]),
  );
}
