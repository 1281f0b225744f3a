/**
 * @file Copies of parameters and optimizer on the device, to go back to. A copy made before a step is good once that step's loss and
 * gradients are known to be finite; until then the one before it is kept.
 */

import type { Destroyable, ModelCore } from "./core.js";
import { createBuffer } from "./live-objects.js";

/** A buffer, and so many bytes of it from its start. */
export type Part = readonly [buffer: GPUBuffer, bytes: number];

export class Snapshots implements Destroyable {
  #good: number | undefined;
  #candidate: { readonly copy: number; readonly step: number } | undefined;
  /** Good steps since the last good copy. */
  #since = 0;

  /** @param every good steps a copy is made. */
  static create(core: ModelCore, parts: readonly Part[], every: number): Promise<Snapshots> {
    const { COPY_SRC, COPY_DST } = GPUBufferUsage;
    return core.guard.creating(`the snapshots of ${core.manifest.name}`, () => {
      const copies = [0, 1].map(() =>
        parts.map(([, size]) => createBuffer(core.device, { label: "snapshot", size, usage: COPY_SRC | COPY_DST })),
      );
      return new Snapshots(parts, copies, every);
    });
  }

  private constructor(
    private readonly parts: readonly Part[],
    private readonly copies: readonly (readonly GPUBuffer[])[],
    private readonly every: number,
  ) {}

  /** Before a step: records a copy where one is due. */
  take(encoder: GPUCommandEncoder, step: number): void {
    const due = this.#good === undefined || this.#since >= this.every;
    if (this.#candidate !== undefined || !due) return;
    const copy = this.#good === 0 ? 1 : 0;
    this.parts.forEach(([buffer, bytes], i) => {
      encoder.copyBufferToBuffer(buffer, 0, this.copies[copy][i], 0, bytes);
    });
    this.#candidate = { copy, step };
  }

  /** That a step was good. */
  confirm(step: number): void {
    this.#since++;
    if (this.#candidate === undefined || step < this.#candidate.step) return;
    this.#good = this.#candidate.copy;
    this.#candidate = undefined;
    this.#since = 0;
  }

  /** Records the way back to the last good copy. @returns false where there is none. */
  restore(encoder: GPUCommandEncoder): boolean {
    const { parts } = this;
    if (this.#good === undefined) return false;
    const copy = this.copies[this.#good];
    parts.forEach(([buffer, bytes], i) => {
      encoder.copyBufferToBuffer(copy[i], 0, buffer, 0, bytes);
    });
    this.#candidate = undefined;
    return true;
  }

  /** As if nothing had been copied. */
  forget(): void {
    this.#good = undefined;
    this.#candidate = undefined;
  }

  destroy(): void {
    for (const buffer of this.copies.flat()) buffer.destroy();
  }
}
