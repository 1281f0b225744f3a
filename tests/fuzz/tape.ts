/**
 * @file Random choices read from a list of numbers. An exhausted list chooses the first option everywhere, and first
 * options are the simplest, so that shrinking the list shrinks what is made from it.
 */

export class Tape {
  readonly #choices: readonly number[];
  #at = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  /** 0 … n − 1. */
  below(n: number): number {
    return n <= 1 ? 0 : (this.#choices[this.#at++] ?? 0) % n;
  }

  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)];
  }

  /** True with a chance of `percent` in a hundred. */
  flag(percent: number): boolean {
    return this.below(100) >= 100 - percent;
  }

  /** Some of the options in their order, each with a chance of `percent`. */
  some<T>(options: readonly T[], percent: number): T[] {
    return options.filter(() => this.flag(percent));
  }
}
