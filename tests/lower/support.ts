/** @file Compiles small specs and runs their forward graph in f64, on random inputs. */

import { checkProgram } from "../../src/check/check.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { BATCH, type Module, type Port } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { type LowerOptions, lower } from "../../src/lower/lower.js";
import { parse } from "../../src/parser/parse.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";

/** Numbers that are the same in every run: a linear congruential generator. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The module of the only model in `text`. */
export function moduleOf(text: string, options?: LowerOptions): Module {
  return moduleOfFile("test.seq", {}, hostOf({ "test.seq": text }), options);
}

/** The module of the only model in a file, such as one of the standard library. */
export function moduleOfFile(
  file: string,
  set: Readonly<Record<string, number>>,
  host = hostOf({}),
  options?: LowerOptions,
): Module {
  const { models, diagnostics } = checkProgram({ files: [file], host, parse, set });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map((d) => `${d.code} ${d.message}`).join("\n"));
  const module = lower(present(models[0], "test", "the model"), options);
  verifyGraph(present(module.graphs.forward, "test", "the graph"), "lower");
  return module;
}

export type Arrays = Record<string, NdArray>;

/** Random parameters in (−1, 1), inputs and targets of every kind, own lengths where they are ragged. */
export function randomArguments(module: Module, lengths: Readonly<Record<string, number>>, seed: number): Arrays {
  const random = randomSource(seed);
  const uniform = () => 2 * random() - 1;
  const port = ({ name, elem, shape, classes }: Port): [string, NdArray] => {
    const full = [lengths[BATCH], ...shape.map((dim) => (typeof dim === "number" ? dim : lengths[dim]))];
    const draw = () => {
      if (elem === "f32") return uniform();
      return elem === "bool" ? Number(random() < 0.5) : Math.floor(random() * (classes ?? 1));
    };
    return [name, ndarray(full, Array.from({ length: numel(full) }, draw))];
  };
  const parameters = module.parameters.map(({ name, shape }): [string, NdArray] => {
    return [name, ndarray(shape, Array.from({ length: numel(shape) }, uniform))];
  });
  const ports = [...module.inputs, ...module.targets].map(port);
  const ends = (module.ragged ?? []).map((name): [string, NdArray] => {
    const own = Array.from({ length: lengths[BATCH] }, () => 1 + Math.floor(random() * lengths[name]));
    return [name, ndarray([lengths[BATCH]], own)];
  });
  return Object.fromEntries([...parameters, ...ports, ...ends]);
}

export function forward(module: Module, args: Arrays, lengths: Readonly<Record<string, number>>): Arrays {
  return evaluateGraph(present(module.graphs.forward, "test", "the graph"), args, lengths);
}

/** Compiles, draws inputs, runs: for tests that write one expression out by hand. */
export function run(text: string, lengths: Readonly<Record<string, number>>, seed = 1) {
  const module = moduleOf(text);
  const args = randomArguments(module, lengths, seed);
  return { args, results: forward(module, args, lengths) };
}

/** ‖actual − expected‖ / ‖expected‖ */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [error, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(error / norm);
}

/** Reads an array at a multi-index. */
export function at({ shape, data }: NdArray, ...index: readonly number[]): number {
  return data[index.reduce((position, i, axis) => position * shape[axis] + i, 0)];
}
