/** @file The plans of a program's dispatches: what each kernel is told of the run's sizes and of where its arrays lie. */

import type { Lengths } from "./arena.js";
import type { Dispatch, Word } from "./manifest.js";

export class Plan {
  readonly #buffer: GPUBuffer;
  readonly #words: Uint32Array<ArrayBuffer>;
  /** Words from a plan to the next, as the device aligns them. */
  readonly #stride: number;
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
    this.#words = new Uint32Array(this.#stride * Math.max(1, dispatches.length));
    const value = (word: Word): number => {
      if (typeof word === "number") return word;
      return typeof word === "string" ? (sizes[word] ?? 0) : offsets[word.slot] + (word.plus ?? 0);
    };
    dispatches.forEach(({ words }, at) => {
      words.forEach((word, i) => {
        const place = at * this.#stride + i;
        this.#words[place] = value(word);
        if (typeof word === "string") this.#places.set(word, [...(this.#places.get(word) ?? []), place]);
      });
    });
    this.#buffer = device.createBuffer({
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

  /** In bytes. */
  offsetOf(dispatch: number): number {
    return dispatch * this.#stride * 4;
  }

  /** Sets words for the next submit; those that no kernel reads are left out. */
  set(values: Readonly<Record<string, number>>): void {
    const changes = Object.entries(values).flatMap(([name, value]) =>
      (this.#places.get(name) ?? []).map((place) => [place, value] as const),
    );
    if (changes.length === 0) return;
    for (const [place, value] of changes) this.#words[place] = value;
    this.device.queue.writeBuffer(this.#buffer, 0, this.#words);
  }

  destroy(): void {
    this.#buffer.destroy();
  }
}
