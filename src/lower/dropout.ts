/** @file Lowers `dropout`: a choice by random numbers that depend on nothing but counters, made in training alone. */

import type { Builder } from "../ir/builder.js";
import { definitions } from "../ir/traverse.js";
import type { Dim, Value, ValueId } from "../ir/types.js";
import type { Environment } from "./environment.js";
import { extentValue, type Labelled } from "./labelled.js";

/**
 * Every call has a stream of its own. In a loop each step draws anew, unless the value is the same at every step (a
 * weight, a context): then so is its mask, whether or not the value is computed before the loop.
 */
export function lowerDropout(env: Environment, { value, labels }: Labelled, rate: number): Labelled {
  const b = env.builder;
  const stream = env.labels.nextStream();
  if (rate === 0) return { value, labels };
  const drawn = b.op("random", { stream }, [
    counters(b, value.type.shape, variesInLoop(env, value) ? env.loopStep : undefined),
  ]);
  // Random numbers are multiples of 2⁻²⁴. With a threshold that is one too, f32 and f64 decide alike.
  const kept = b.binary("ge", drawn, b.constant(Math.ceil(rate * 2 ** 24) / 2 ** 24));
  const noisy = b.select(kept, b.binary("mul", value, b.constant(1 / (1 - rate))), b.constant(0));
  return { value: b.select(b.op("training", {}, []), noisy, value), labels };
}

/** i32: the row-major position of each element, counted on over the steps of a loop. */
function counters(b: Builder, shape: readonly Dim[], loopStep: Value | undefined): Value {
  const start = loopStep ?? b.constant(0, "i32");
  return shape.reduce<Value>((position, dim, axis) => {
    const next = b.binary("mul", position, extentValue(b, dim));
    return b.binary("add", next, b.iota(shape, axis));
  }, start);
}

/** Whether the value is made from what each step of the loop is given. */
function variesInLoop({ builder, loopGiven }: Environment, value: Value): boolean {
  const defined = definitions(builder.instrs);
  const seen = new Set<ValueId>();
  const varies = ({ id }: Value): boolean => {
    if (loopGiven.has(id)) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    return defined.get(id)?.args.some(varies) ?? false;
  };
  return varies(value);
}
