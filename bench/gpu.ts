/**
 * @file `navigator.gpu` for everything in this process that looks for WebGPU, and a meter on it: the dispatches that
 * are recorded and the bytes of the buffers that exist. So all systems run on the same adapter and are counted alike.
 */

import { nodeGpu, requestNodeDevice } from "../runtime/node.js";

/** Counts from `start` on. Systems run one after the other, so one meter serves them all. */
export class Meter {
  dispatches = 0;
  /** The most bytes of buffers at a time, of those made since the start. */
  peakBytes = 0;
  #bytes = 0;
  #sizes = new WeakMap<GPUBuffer, number>();

  start(): void {
    this.dispatches = 0;
    this.peakBytes = 0;
    this.#bytes = 0;
    this.#sizes = new WeakMap();
  }

  made(buffer: GPUBuffer, size: number): void {
    this.#sizes.set(buffer, size);
    this.#bytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.#bytes);
  }

  destroyed(buffer: GPUBuffer): void {
    this.#bytes -= this.#sizes.get(buffer) ?? 0;
    this.#sizes.delete(buffer);
  }
}

export interface MeteredGpu {
  readonly adapter: string;
  readonly software: boolean;
  readonly meter: Meter;
}

/** @throws Error where there is no adapter. */
export async function installGpu(): Promise<MeteredGpu> {
  const { device, adapter } = await requestNodeDevice();
  device.destroy();
  const navigator = { gpu: await nodeGpu(), userAgent: "node" };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  const meter = new Meter();
  watch(meter);
  return { adapter: adapter.name, software: adapter.software, meter };
}

function watch(meter: Meter): void {
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    meter.made(buffer, descriptor.size);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    meter.destroyed(this);
    return destroy.call(this);
  };
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
    meter.dispatches++;
    return dispatchWorkgroups.apply(this, counts);
  };
}
