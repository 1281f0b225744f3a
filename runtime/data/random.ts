/** @file Sequences of random numbers from the counter-based generator, so that what is drawn for one thing moves no other. */

import { hashName, threefry, toUniform, type Words } from "../random.js";

/** One seed, purpose and block, one sequence. */
export class Random {
  readonly #key: Words;
  #drawn = 0;

  /**
   * @param seed from 0 to 2³²−1.
   * @param block of a purpose, such as an example's number: below 2³².
   */
  constructor(
    seed: number,
    purpose: string,
    private readonly block = 0,
  ) {
    this.#key = [seed, hashName(purpose)];
  }

  /** In [0, 1). */
  next(): number {
    return toUniform(threefry(this.#key, [this.#drawn++, this.block]));
  }

  /** A whole number in 0 … bound−1. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** 0 … count−1 in random order [Fisher and Yates 1938; Durstenfeld 1964]. */
  permutation(count: number): Int32Array<ArrayBuffer> {
    const order = Int32Array.from({ length: count }, (_, at) => at);
    for (let last = count - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  /** `count` different ones of 0 … bound−1, in rising order; each such choice is as likely [Floyd, in Bentley 1987]. */
  choose(count: number, bound: number): number[] {
    const chosen = new Set<number>();
    for (let top = bound - count; top < bound; top++) {
      const drawn = this.below(top + 1);
      chosen.add(chosen.has(drawn) ? top : drawn);
    }
    return [...chosen].sort((a, b) => a - b);
  }
}
