/**
 * @file Keeps watch over a device: WebGPU reports errors beside the commands that cause them, and a lost device
 * answers everything silently. Without this, training would go on with garbage.
 */

import { DeviceError, DeviceLostError } from "./errors.js";
import { creations } from "./live-objects.js";
import { bytesText } from "./memory.js";
import { awaited } from "./waiting.js";

/** Milliseconds after a consequence of a loss at which the loss itself is known. */
const LATEST_NEWS = 100;

const guards = new WeakMap<GPUDevice, DeviceGuard>();

/** What a body gave, and the device's later word that it was well formed and fitted into memory. */
export interface Scoped<T> {
  readonly value: T;
  readonly confirmed: Promise<void>;
}

export class DeviceGuard {
  #failure: Error | undefined;

  /** The one guard of a device. */
  static of(device: GPUDevice): DeviceGuard {
    let guard = guards.get(device);
    if (guard === undefined) {
      guard = new DeviceGuard(device);
      guards.set(device, guard);
    }
    return guard;
  }

  private constructor(private readonly device: GPUDevice) {
    device.lost.then(({ reason, message }) => {
      this.fail(
        reason === "destroyed"
          ? new DeviceLostError(
              "the GPU device was destroyed: request a new one, and load the model from its last save",
            )
          : new DeviceLostError(
              `the GPU device was lost (${message}): request a new one, and load the model from its last save`,
            ),
      );
    });
  }

  /** Remembers the first failure; from then on `check` throws it. */
  fail(error: unknown): void {
    this.#failure ??= asError(error);
  }

  /** @throws Error when the device was lost or an earlier step went wrong. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * The failure that tells more than its consequence `error`, or else that. A browser may tell of the consequences of a loss before
   * it tells of the loss.
   */
  async explain(error: unknown): Promise<Error> {
    if (this.#failure === undefined) {
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, LATEST_NEWS))]);
    }
    return this.#failure ?? asError(error);
  }

  /**
   * Runs `body`, which must be synchronous, and catches the errors of exactly its commands. Buffers that it made are destroyed
   * if there are any.
   */
  scoped<T>(what: string, body: () => T): Scoped<T> {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    const pop = async (made: readonly GPUBuffer[]): Promise<void> => {
      const popped = Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
      const errors = await awaited(this.device, popped);
      const error = errors.find((each) => each !== null);
      if (error === undefined || error === null) return;
      for (const buffer of made) buffer.destroy();
      const outOfMemory = typeof GPUOutOfMemoryError !== "undefined" && error instanceof GPUOutOfMemoryError;
      throw outOfMemory
        ? new DeviceError(`${what}: the GPU has no memory for ${buffersText(made)}; lower the batch or the lengths`)
        : new Error(`${what}: WebGPU reports: ${error.message}`);
    };
    let confirmed: Promise<void> | undefined;
    try {
      const { value, made } = creations(body);
      confirmed = pop(made);
      // The rejection reaches whoever awaits it; nobody is bound to.
      confirmed.catch(() => {});
      return { value, confirmed };
    } finally {
      if (confirmed === undefined) pop([]).catch(() => {});
    }
  }

  /** `scoped`, waiting for the device's word. */
  async creating<T>(what: string, body: () => T): Promise<T> {
    this.check();
    const { value, confirmed } = this.scoped(what, body);
    await confirmed;
    return value;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** "arena of 1.5 GiB (1610612736 bytes), halves of 3.0 MiB (3145728 bytes)". */
function buffersText(buffers: readonly GPUBuffer[]): string {
  if (buffers.length === 0) return "a command";
  return buffers.map(({ label, size }) => `${label || "a buffer"} of ${bytesText(size)}`).join(", ");
}
