/**
 * @file By how much the loss's derivative is scaled up, so that f16 holds it: what is smaller than 6·10⁻⁸ would be lost.
 * A step that finds the scale too large lowers it, many that do not raise it, as `torch.amp.GradScaler` has it.
 */

import type { Lengths } from "./arena.js";
import { type Manifest, SPANS } from "./manifest.js";

/** Fits in f32 and in a word of the plan, as every power of two below. */
const LARGEST = 2 ** 24;
/** What the derivative of a mean over examples and steps begins with, times the scale. */
const FIRST = 16;
/** Lower by more than it rises: steps already on their way have the old scale. */
const FALL = 4;
const RISE = 2;
/** Steps in a row without overflow after which it rises. */
const PATIENCE = 2000;

/** The scale, and the steps in a row without overflow. */
export interface LossScaleState {
  readonly value: number;
  readonly good: number;
}

export class LossScale {
  #value: number;
  #good = 0;

  /**
   * @param precision of the model: the scale is 1 unless that is f16.
   * @param sizes the batch and the lengths: a mean's derivative is smaller, the more there is of them.
   */
  constructor(
    private readonly precision: Manifest["precision"],
    sizes: Lengths,
  ) {
    const lengths = Object.entries(sizes).filter(([name]) => name !== SPANS);
    const numbers = lengths.reduce((product, [, length]) => product * length, 1);
    this.#value = precision === "f16" ? Math.min(LARGEST, FIRST * 2 ** Math.ceil(Math.log2(numbers))) : 1;
  }

  /** What a save keeps. */
  get state(): LossScaleState {
    return { value: this.#value, good: this.#good };
  }

  set state({ value, good }: LossScaleState) {
    if (this.precision !== "f16") return;
    this.#value = value;
    this.#good = good;
  }

  get value(): number {
    return this.#value;
  }

  /** Takes in how a step went that was made at some scale. */
  settle(scale: number, overflowed: boolean): void {
    if (this.precision !== "f16" || scale !== this.#value) return;
    this.#good = overflowed ? 0 : this.#good + 1;
    if (overflowed) this.#value = Math.max(1, scale / FALL);
    else if (this.#good === PATIENCE) {
      this.#value = Math.min(LARGEST, scale * RISE);
      this.#good = 0;
    }
  }
}
