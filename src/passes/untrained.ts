/** @file Finds the parameters that a step of training cannot change. */

import { definitions } from "../ir/traverse.js";
import type { Module } from "../ir/types.js";
import { uniformConstant } from "./constant.js";

/** Names of the parameters whose gradient is seen to be zero whatever the data; of a module after all passes. */
export function untrained({ graphs: { train } }: Module): readonly string[] {
  if (train === undefined) return [];
  const defined = definitions(train.instrs);
  return train.results
    .filter(({ kind, value }) => kind === "grad" && uniformConstant(value, (id) => defined.get(id)) === 0)
    .map(({ name }) => name);
}
