/**
 * @file Four terms of a sum of products at a time, for adapters on which reading costs most: what is the same for a quad of
 * threads each of them reads a quarter of, and has the rest of it from the others.
 */

import type { Block } from "./block.js";
import { add, call, type Expr, infix, QUAD, Spread, THREAD, u32 } from "./kernel-ir.js";
import type { Element, Scalarizer } from "./scalarize.js";

const PLACES = [0, 1, 2, 3].map(u32);

/** A factor of a product at four terms that follow each other, from `first` on; as a vector. */
export function fourOf(block: Block, scalars: Scalarizer, factor: (term: Expr) => Element, first: Expr): Expr {
  const common = block.isUniform && factor(first).index.every((e) => block.spread(e) !== Spread.threads);
  const each = () => PLACES.map((place) => scalars.at(factor(add(first, place))));
  const shared = () => {
    const own = scalars.at(factor(add(first, infix("%", THREAD, u32(QUAD)))));
    block.quads = true;
    return PLACES.map((place) => call("quadBroadcast", "f32", own, place));
  };
  return block.let(call("vec4<f32>", "vec4<f32>", ...(common ? shared() : each())), "four");
}

export const dot = (a: Expr, b: Expr): Expr => call("dot", "f32", a, b);
