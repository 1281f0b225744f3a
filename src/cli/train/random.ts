/** @file A sequence of random numbers from the runtime's counter-based generator, so that windows and samples repeat. */

import { hashName, threefry, toUniform } from "../../../runtime/random.js";

/** One seed and purpose, one sequence; purposes do not disturb each other. */
export class Random {
  readonly #key: readonly [number, number];
  #drawn = 0;

  /** @param seed from 0 to 2³²−1. */
  constructor(seed: number, purpose: string) {
    this.#key = [seed, hashName(purpose)];
  }

  /** In [0, 1). */
  next(): number {
    return toUniform(threefry(this.#key, [this.#drawn++, 0]));
  }

  /** A whole number in 0 … bound−1. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }
}
