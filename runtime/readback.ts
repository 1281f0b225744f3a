/** @file Reads regions of a storage buffer back to the host through a pool of staging buffers. */

import { DeviceGuard } from "./guard.js";
import { halvesToFloats } from "./half.js";
import { createBuffer } from "./live-objects.js";
import { awaited } from "./waiting.js";

/** Elements of a storage buffer. */
export interface Region {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  /** Where it lies, if not where the others do. */
  readonly buffer?: GPUBuffer;
}

/** Values by the name of their region. */
export type Values = ReadonlyMap<string, Float32Array>;

export class Readback {
  readonly #free: GPUBuffer[] = [];
  #destroyed = false;

  /**
   * @param elements the most that one read-back copies.
   * @param bytes of an element: 4 for f32, 2 for f16.
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly elements: number,
    private readonly bytes: 2 | 4 = 4,
  ) {}

  /**
   * Records the copy of the regions.
   * @returns to be called after the submit: maps the copy and gives the values.
   */
  copy(encoder: GPUCommandEncoder, source: GPUBuffer, regions: readonly Region[]): () => Promise<Values> {
    const staging = this.#free.pop() ?? this.#create();
    let at = 0;
    for (const { offset, length, buffer = source } of regions) {
      const size = this.#sizeOf(length);
      encoder.copyBufferToBuffer(buffer, offset * this.bytes, staging, at, size);
      at += size;
    }
    return () => this.#read(staging, regions);
  }

  /** Frees the buffers, each when the read under way on it is done. Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    for (const buffer of this.#free.splice(0)) buffer.destroy();
  }

  /** Copies are of whole words: what fills up the last belongs to the same slot. */
  #sizeOf(elements: number): number {
    return Math.ceil((elements * this.bytes) / 4) * 4;
  }

  #create(): GPUBuffer {
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const size = Math.max(4, this.elements * 4);
    return createBuffer(this.device, { label: "staging", size, usage: MAP_READ | COPY_DST });
  }

  async #read(staging: GPUBuffer, regions: readonly Region[]): Promise<Values> {
    try {
      await awaited(this.device, staging.mapAsync(GPUMapMode.READ));
    } catch (error) {
      staging.destroy();
      throw await DeviceGuard.of(this.device).explain(error);
    }
    const mapped = staging.getMappedRange();
    let at = 0;
    const values = new Map<string, Float32Array>();
    for (const { name, length } of regions) {
      const whole = this.bytes === 4 ? new Float32Array(mapped, at, length).slice() : undefined;
      values.set(name, whole ?? halvesToFloats(new Uint16Array(mapped, at, length)));
      at += this.#sizeOf(length);
    }
    staging.unmap();
    if (this.#destroyed) staging.destroy();
    else this.#free.push(staging);
    return values;
  }
}
