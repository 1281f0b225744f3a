/** @file Lowers the steps of a block in order, giving each value its name. */

import type { Step } from "../check/typed.js";
import type { Environment } from "./environment.js";
import { lowerExpr } from "./expressions.js";
import { named } from "./labelled.js";

export function lowerSteps(env: Environment, steps: readonly Step[]): void {
  for (const { binding, value } of steps) {
    env.values.set(binding, named(env.builder, lowerExpr(env, value), binding.name));
  }
}
