/** @file The f64 interpreter: the oracle that every pass and every kernel is compared with. */

import { invariant, present } from "../support/assert.js";
import type { NdArray } from "./ndarray.js";
import { evaluate } from "./registry.js";
import type { EvalContext } from "./rule.js";
import { extents, sameShape, showType } from "./shape.js";
import type { Graph, Instr, Value, ValueId } from "./types.js";

/** The arrays of the values computed so far; ids are unique in a graph, so regions share it. */
export type Environment = Map<ValueId, NdArray>;

function lookup(env: Environment, value: Value): NdArray {
  return present(env.get(value.id), "interpret", `the array of %${value.id}`);
}

/** What becomes of an array as it is computed. */
export type Rounding = (value: Value, array: NdArray) => NdArray;

/** Evaluates instructions in order, adding their results to `env`. @param round by default every array stays as it is. */
export function evaluateInstrs(
  env: Environment,
  instrs: readonly Instr[],
  lengths: Readonly<Record<string, number>>,
  round: Rounding = (_, array) => array,
): void {
  const context: EvalContext = {
    lengths,
    run(region, params) {
      region.params.forEach((param, i) => {
        env.set(param.id, params[i]);
      });
      evaluateInstrs(env, region.instrs, lengths, round);
      return region.results.map((result) => lookup(env, result));
    },
  };
  for (const instr of instrs) {
    const args = instr.args.map((arg) => lookup(env, arg));
    evaluate(instr, args, context).forEach((array, i) => {
      env.set(instr.results[i].id, round(instr.results[i], array));
    });
  }
}

/**
 * The arrays of all values of a graph.
 * @param args an array for each argument, by its name.
 * @param lengths the extent of each length, the batch (`_B`) included.
 */
export function evaluateValues(
  graph: Graph,
  args: Readonly<Record<string, NdArray>>,
  lengths: Readonly<Record<string, number>>,
  round?: Rounding,
): Environment {
  const env: Environment = new Map();
  for (const { name, value } of graph.args) {
    const array = present(args[name], "interpret", `the argument ${name}`);
    const fits = sameShape(array.shape, extents(value.type.shape, lengths));
    invariant(fits, "interpret", `${name}: ${showType(value.type)} is given as [${array.shape.join(", ")}]`);
    env.set(value.id, array);
  }
  evaluateInstrs(env, graph.instrs, lengths, round);
  return env;
}

/**
 * Evaluates a graph, as `evaluateValues`.
 * @returns the results, by `<kind>:<name>`: `output:logits`, `grad:rnn.W_ih`.
 */
export function evaluateGraph(
  graph: Graph,
  args: Readonly<Record<string, NdArray>>,
  lengths: Readonly<Record<string, number>>,
): Record<string, NdArray> {
  const env = evaluateValues(graph, args, lengths);
  return Object.fromEntries(graph.results.map(({ kind, name, value }) => [`${kind}:${name}`, lookup(env, value)]));
}
