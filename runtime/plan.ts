/** @file The plans of a program's dispatches: what each kernel is told of the run's sizes and of where its arrays lie. */

import type { Lengths } from "./arena.js";
import { createBuffer } from "./live-objects.js";
import type { Dispatch, Word } from "./manifest.js";
import { MOST_STEPS } from "./steps.js";

export class Plan {
  readonly #buffer: GPUBuffer;
  readonly #words: Uint32Array<ArrayBuffer>;
  /** Words from a plan to the next, as the device aligns them. */
  readonly #stride: number;
  /** The first plan of each dispatch: those that are repeated have one a step. */
  readonly #firsts: readonly number[];
  /** Where words stand that change from submit to submit, by their name. */
  readonly #places = new Map<string, number[]>();

  /**
   * @param sizes the batch and the lengths by name. Words that are not among them are 0 until they are set.
   * @param offsets first element of each slot.
   */
  constructor(
    private readonly device: GPUDevice,
    dispatches: readonly Dispatch[],
    sizes: Lengths,
    offsets: readonly number[],
  ) {
    const longest = Math.max(4, ...dispatches.map(({ words }) => words.length));
    const alignment = device.limits.minUniformBufferOffsetAlignment;
    this.#stride = (Math.ceil((longest * 4) / alignment) * alignment) / 4;
    const plans = dispatches.flatMap(({ words }, at) => {
      const repeated = words.find((word) => typeof word === "object" && "steps" in word);
      const steps = repeated === undefined ? 1 : sizes[repeated.steps];
      // Above that number the dispatch is done another way.
      const count = steps > MOST_STEPS ? 1 : steps;
      return Array.from({ length: count }, (_, step) => ({ at, words, step }));
    });
    this.#firsts = dispatches.map((_, at) => plans.findIndex((plan) => plan.at === at));
    this.#words = new Uint32Array(this.#stride * Math.max(1, plans.length));
    const value = (word: Word, step: number): number => {
      if (typeof word === "number") return word;
      if (typeof word === "string") return sizes[word] ?? 0;
      return "steps" in word ? step : offsets[word.slot] + (word.plus ?? 0);
    };
    plans.forEach(({ words, step }, at) => {
      words.forEach((word, i) => {
        const place = at * this.#stride + i;
        this.#words[place] = value(word, step);
        if (typeof word !== "string") return;
        const places = this.#places.get(word) ?? [];
        places.push(place);
        this.#places.set(word, places);
      });
    });
    this.#buffer = createBuffer(device, {
      label: "plan",
      size: this.#words.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(this.#buffer, 0, this.#words);
  }

  /** One dispatch's plan at a time, at its offset. */
  get binding(): GPUBufferBinding {
    return { buffer: this.#buffer, size: this.#stride * 4 };
  }

  /** In bytes. @param step of a dispatch that is repeated for each step of a loop. */
  offsetOf(dispatch: number, step = 0): number {
    return (this.#firsts[dispatch] + step) * this.#stride * 4;
  }

  /** Sets words for the next submit; those that no kernel reads are left out. */
  set(values: Readonly<Record<string, number>>): void {
    const changes = Object.entries(values).flatMap(([name, value]) =>
      (this.#places.get(name) ?? []).map((place) => [place, value] as const),
    );
    if (changes.length === 0) return;
    for (const [place, value] of changes) this.#words[place] = value;
    const first = changes.reduce((least, [place]) => Math.min(least, place), Number.POSITIVE_INFINITY);
    const last = changes.reduce((most, [place]) => Math.max(most, place), 0);
    this.device.queue.writeBuffer(this.#buffer, first * 4, this.#words, first, last + 1 - first);
  }

  destroy(): void {
    this.#buffer.destroy();
  }
}
