/** @file How long a device takes for a compute pass: by its own clock where it has one, else by the host's. */

import { createBuffer } from "./live-objects.js";
import { awaited } from "./waiting.js";

export interface Clock {
  /** Milliseconds from which on a measurement is worth something. */
  readonly least: number;
  /** Milliseconds of the pass that `encode` fills; infinite where the clock gives nonsense. */
  measure(encode: (pass: GPUComputePassEncoder) => void): Promise<number>;
  destroy(): void;
}

/** The device's own clock if it was requested with `timestamp-query`. */
export function clockOf(device: GPUDevice): Clock {
  return device.features.has("timestamp-query") ? new DeviceClock(device) : new HostClock(device);
}

class DeviceClock implements Clock {
  /** WebGPU rounds timestamps to 100 µs, for privacy: twenty of those. */
  readonly least = 2;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  constructor(private readonly device: GPUDevice) {
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = createBuffer(device, { size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = createBuffer(device, { size: 16, usage: MAP_READ | COPY_DST });
  }

  async measure(encode: (pass: GPUComputePassEncoder) => void): Promise<number> {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    });
    encode(pass);
    pass.end();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
    this.device.queue.submit([encoder.finish()]);
    await awaited(this.device, this.#staging.mapAsync(GPUMapMode.READ));
    const [start, end] = new BigUint64Array(this.#staging.getMappedRange());
    this.#staging.unmap();
    // Timestamps may run backwards or stand still; as the least of several times that would win.
    return end > start ? Number(end - start) / 1e6 : Number.POSITIVE_INFINITY;
  }

  destroy(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}

class HostClock implements Clock {
  /** What a submit and the notice of its end take, many times over. */
  readonly least = 10;

  constructor(private readonly device: GPUDevice) {}

  async measure(encode: (pass: GPUComputePassEncoder) => void): Promise<number> {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const commands = encoder.finish();
    const start = performance.now();
    this.device.queue.submit([commands]);
    await awaited(this.device, this.device.queue.onSubmittedWorkDone());
    return performance.now() - start;
  }

  destroy(): void {}
}
