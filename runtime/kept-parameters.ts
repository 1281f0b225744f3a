/** @file A copy of a model's parameters on the device, to go back to. */

import type { Destroyable, ModelCore } from "./core.js";
import { storageSize } from "./core.js";
import { createBuffer } from "./live-objects.js";

export class KeptParameters implements Destroyable {
  /** Holds nothing yet. @throws Error where the device has no memory for it. */
  static async create(core: ModelCore): Promise<KeptParameters> {
    const { manifest, guard, device } = core;
    const buffer = await guard.creating(`a copy of the parameters of ${manifest.name}`, () => {
      const { COPY_SRC, COPY_DST } = GPUBufferUsage;
      return createBuffer(device, {
        label: "kept parameters",
        size: storageSize(manifest.layout.total),
        usage: COPY_SRC | COPY_DST,
      });
    });
    return core.own(new KeptParameters(core, buffer));
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly buffer: GPUBuffer,
  ) {}

  /** Takes the parameters as they are after the steps submitted so far. */
  keep(): void {
    this.#copy(this.core.params, this.buffer);
  }

  /** Gives the model what was kept last, behind the steps submitted so far. */
  restore(): void {
    this.#copy(this.buffer, this.core.params);
  }

  destroy(): void {
    this.core.disown(this);
    this.buffer.destroy();
  }

  #copy(from: GPUBuffer, to: GPUBuffer): void {
    const { device } = this.core;
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, to, 0, from.size);
    device.queue.submit([encoder.finish()]);
  }
}
