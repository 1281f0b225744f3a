/** @file The kernels of a model on a device, compiled as they are chosen, each once for all programs. */

import { DeviceGuard } from "./guard.js";
import type { Dispatch, Manifest } from "./manifest.js";
import { awaited } from "./waiting.js";

type Layout = Dispatch["layout"];

const BINDINGS: Readonly<Record<Layout, readonly [binding: number, type: GPUBufferBindingType][]>> = {
  step: [
    [0, "uniform"],
    [1, "read-only-storage"],
    [2, "storage"],
    [6, "storage"],
  ],
  update: [
    [0, "uniform"],
    [2, "storage"],
    [3, "storage"],
    [4, "storage"],
    [5, "uniform"],
  ],
};

const HALVES = 6;

/** The bindings of a layout in a model with an arena of halves, or without. */
export function bindingsOf(layout: Layout, hasHalves: boolean) {
  return BINDINGS[layout].filter(([binding]) => hasHalves || binding !== HALVES);
}

export class Kernels {
  readonly layouts: Readonly<Record<Layout, GPUBindGroupLayout>>;
  /** Bytes of an element of the arena of halves; absent where the model has none. */
  readonly halfBytes: 2 | 4 | undefined;
  readonly #made = new Map<string, Promise<GPUComputePipeline>>();

  /** Compiles nothing yet. @throws Error after a failure of the device. */
  constructor(
    readonly device: GPUDevice,
    readonly manifest: Pick<Manifest, "name" | "precision" | "wgsl" | "kernels">,
  ) {
    DeviceGuard.of(device).check();
    const hasHalves = manifest.precision === "f16";
    this.halfBytes = hasHalves ? (device.features.has("shader-f16") ? 2 : 4) : undefined;
    this.layouts = {
      step: bindGroupLayout(device, "step", hasHalves),
      update: bindGroupLayout(device, "update", hasHalves),
    };
  }

  /** The pipeline of a kernel, made once. @throws Error with the lines of WGSL that the device refuses. */
  pipelineOf(kernel: string, layout: Layout): Promise<GPUComputePipeline> {
    const known = this.#made.get(kernel) ?? this.#make(kernel, layout);
    this.#made.set(kernel, known);
    return known;
  }

  /** What the device can do, and what a half is on it. */
  get #head(): string {
    const subgroups = this.device.features.has("subgroups") ? "enable subgroups;\n" : "";
    if (this.halfBytes === undefined) return subgroups;
    return subgroups + (this.halfBytes === 2 ? "enable f16;\nalias half = f16;\n" : "alias half = f32;\n");
  }

  async #make(kernel: string, layout: Layout): Promise<GPUComputePipeline> {
    const { device } = this;
    const { name, wgsl, kernels } = this.manifest;
    const guard = DeviceGuard.of(device);
    const title = `kernel ${kernel} of ${name}`;
    if (!Object.hasOwn(kernels, kernel)) throw new Error(`${title}: the module does not have it`);
    const module = await compileModule(device, this.#head + wgsl + kernels[kernel], title);
    const pipeline = device.createComputePipelineAsync({
      label: kernel,
      layout: device.createPipelineLayout({ bindGroupLayouts: [this.layouts[layout]] }),
      compute: { module, entryPoint: kernel },
    });
    return awaited(device, pipeline).catch((error: unknown) => {
      throw new Error(`${title}: ${guard.explain(error).message}`);
    });
  }
}

/** @throws Error with the lines of WGSL that the device refuses. */
export async function compileModule(device: GPUDevice, code: string, title: string): Promise<GPUShaderModule> {
  const { value: shader, confirmed } = DeviceGuard.of(device).scoped(title, () =>
    device.createShaderModule({ label: title, code }),
  );
  const { messages } = await awaited(device, shader.getCompilationInfo());
  const errors = messages.filter((message) => message.type === "error");
  if (errors.length > 0) throw new Error(`${title}: invalid WGSL\n${errors.map(quote(code)).join("\n")}`);
  await confirmed;
  return shader;
}

/** A compiler message with the lines it speaks of. */
function quote(wgsl: string): (message: GPUCompilationMessage) => string {
  const lines = wgsl.split("\n");
  return ({ lineNum, linePos, message }) => {
    if (lineNum === 0) return message;
    const first = Math.max(1, lineNum - 2);
    const shown = lines
      .slice(first - 1, lineNum)
      .map((line, index) => `${String(first + index).padStart(5)} | ${line}`);
    return [`${message} (line ${lineNum})`, ...shown, `${" ".repeat(7 + Math.max(1, linePos))}^`].join("\n");
  };
}

/** Kernels may use fewer of the bindings. The plan is one of many in a buffer. */
function bindGroupLayout(device: GPUDevice, layout: Layout, hasHalves: boolean): GPUBindGroupLayout {
  const visibility = GPUShaderStage.COMPUTE;
  return device.createBindGroupLayout({
    label: layout,
    entries: bindingsOf(layout, hasHalves).map(([binding, type]) => ({
      binding,
      visibility,
      buffer: { type, hasDynamicOffset: binding === 0 },
    })),
  });
}
