/** @file The kernels of a model on a device, compiled as they are chosen, each once for all programs and models. */

import { DeviceGuard } from "./guard.js";
import type { Manifest } from "./manifest.js";
import { pipelineOf } from "./shader.js";

/** As `manifest.ts` numbers them: the plan, parameters, the arena, and in a model with halves their arena. */
const BINDINGS: readonly GPUBufferBindingType[] = ["uniform", "read-only-storage", "storage", "storage"];

export class Kernels {
  readonly layout: GPUBindGroupLayout;
  /** Bytes of an element of the arena of halves; absent where the model has none. */
  readonly halfBytes: 2 | 4 | undefined;
  readonly #bindings: readonly GPUBindGroupLayoutEntry[];
  readonly #made = new Map<string, Promise<GPUComputePipeline>>();

  /** Compiles nothing yet. @throws Error after a failure of the device. */
  constructor(
    readonly device: GPUDevice,
    readonly manifest: Pick<Manifest, "name" | "precision" | "wgsl" | "kernels">,
  ) {
    DeviceGuard.of(device).check();
    const hasHalves = manifest.precision === "f16";
    this.halfBytes = hasHalves ? (device.features.has("shader-f16") ? 2 : 4) : undefined;
    // Kernels may use fewer of the bindings. The plan is one of many in a buffer.
    this.#bindings = BINDINGS.slice(0, hasHalves ? 4 : 3).map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type, hasDynamicOffset: binding === 0 },
    }));
    this.layout = device.createBindGroupLayout({ label: manifest.name, entries: this.#bindings });
  }

  /** The pipeline of a kernel, made once. @throws Error with the lines of WGSL that the device refuses. */
  pipelineOf(kernel: string): Promise<GPUComputePipeline> {
    const known = this.#made.get(kernel) ?? this.#make(kernel);
    this.#made.set(kernel, known);
    return known;
  }

  /** What the device can do, and what a half is on it. */
  get #head(): string {
    const subgroups = this.device.features.has("subgroups") ? "enable subgroups;\n" : "";
    if (this.halfBytes === undefined) return subgroups;
    return subgroups + (this.halfBytes === 2 ? "enable f16;\nalias half = f16;\n" : "alias half = f32;\n");
  }

  async #make(kernel: string): Promise<GPUComputePipeline> {
    const { name, wgsl, kernels } = this.manifest;
    const title = `kernel ${kernel} of ${name}`;
    if (!Object.hasOwn(kernels, kernel)) throw new Error(`${title}: the module does not have it`);
    const code = this.#head + wgsl + kernels[kernel];
    return pipelineOf(this.device, { title, code, entryPoint: kernel, bindings: this.#bindings });
  }
}
