/** @file What a model, its trainers and its streams share: the device, the parameters and the compiled programs. */

import { checkFormat } from "./abi.js";
import type { Lengths } from "./arena.js";
import { DeviceGuard } from "./guard.js";
import { initialiseParameters } from "./initialise.js";
import { Kernels } from "./kernels.js";
import { createBuffer } from "./live-objects.js";
import type { Manifest, Port, Program, Streaming } from "./manifest.js";
import { checkBufferSize } from "./memory.js";
import type { CompiledProgram, Execution } from "./program.js";
import type { Region } from "./readback.js";
import { countOf } from "./shapes.js";
import type { TuningCache } from "./tuner-cache.js";
import { checkInputs, extentsOf } from "./validate.js";

export type ProgramName = Exclude<keyof Manifest["programs"], "stream"> | "start" | "step";

/** Something that holds buffers of its own. */
export interface Destroyable {
  destroy(): void;
}

export class ModelCore {
  readonly guard: DeviceGuard;
  readonly #compiled = new Map<ProgramName, CompiledProgram>();
  readonly #kernels: Kernels;
  readonly #owned = new Set<Destroyable>();
  #destroyed = false;

  /** @param tuningCache of a model whose kernels are chosen by measurement. */
  static async create(
    device: GPUDevice,
    manifest: Manifest,
    seed: number,
    tuningCache?: TuningCache,
  ): Promise<ModelCore> {
    checkFormat(manifest);
    const values = initialiseParameters(manifest, seed);
    checkBufferSize(device, values.byteLength, `the parameters of ${manifest.name}`, () => "make the model smaller");
    return DeviceGuard.of(device).creating(`the parameters of ${manifest.name}`, () => {
      const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
      const size = storageSize(manifest.layout.total);
      const params = createBuffer(device, { label: "params", size, usage: STORAGE | COPY_SRC | COPY_DST });
      device.queue.writeBuffer(params, 0, values);
      return new ModelCore(device, manifest, params, tuningCache);
    });
  }

  private constructor(
    readonly device: GPUDevice,
    readonly manifest: Manifest,
    readonly params: GPUBuffer,
    readonly tuningCache: TuningCache | undefined,
  ) {
    this.guard = DeviceGuard.of(device);
    this.#kernels = new Kernels(device, manifest);
  }

  /** @throws Error after `destroy` or a failure of the device. */
  check(): void {
    if (this.#destroyed) throw new Error(`the model ${this.manifest.name} was destroyed: create a new one`);
    this.guard.check();
  }

  /** The streaming form. @throws Error with the reason where there is none. */
  get streaming(): Streaming {
    const { name, programs } = this.manifest;
    if ("refused" in programs.stream) throw new Error(`${name} cannot run as a stream: ${programs.stream.refused}`);
    return programs.stream;
  }

  /** @throws Error where the model has none of that name. */
  compile(name: ProgramName): CompiledProgram {
    let compiled = this.#compiled.get(name);
    if (compiled === undefined) {
      const { programs, name: model } = this.manifest;
      const isStreams = name === "start" || name === "step";
      const program = isStreams ? this.streaming[name] : programs[name];
      if (program === undefined) {
        const why = name === "start" ? "" : ": its spec states no loss";
        throw new Error(`${model} has no ${name} program${why}`);
      }
      compiled = {
        title: `the ${isStreams ? "stream's " : ""}${name} program of ${model}`,
        program,
        kernels: this.#kernels,
      };
      this.#compiled.set(name, compiled);
    }
    return compiled;
  }

  /** Ties the life of `child` to the model's. @throws Error, and frees it, when the model was destroyed meanwhile. */
  own<T extends Destroyable>(child: T): T {
    if (this.#destroyed) child.destroy();
    this.check();
    this.#owned.add(child);
    return child;
  }

  disown(child: Destroyable): void {
    this.#owned.delete(child);
  }

  /** Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    for (const child of [...this.#owned]) child.destroy();
    this.#owned.clear();
    this.params.destroy();
  }
}

/** Bytes of a storage buffer of so many f32: bindings may not be empty. */
export function storageSize(elements: number): number {
  return Math.max(16, elements * 4);
}

/** The values to upload, by slot; ports that the program does not read are checked and left out. */
export function checkedSlots(
  program: Program,
  ports: readonly Port[],
  given: object,
  sizes: Lengths,
  ragged?: readonly string[],
): Map<number, Float32Array> {
  const slots = new Map<number, Float32Array>();
  for (const [name, values] of checkInputs(ports, given, sizes, ragged)) {
    if (Object.hasOwn(program.inputs, name)) slots.set(program.inputs[name], values);
  }
  return slots;
}

/** Where the scalars of an execution's program lie in the arena. */
export function scalarRegions(execution: Execution): Region[] {
  const { scalars } = execution.compiled.program;
  return Object.entries(scalars).map(([name, slot]) => ({ name, offset: execution.offsetOf(slot), length: 1 }));
}

/** Where the outputs lie; a slot may be longer than its output. */
export function outputRegions(execution: Execution, outputs: readonly Port[], parity = 0): Region[] {
  const slots = execution.compiled.program.outputs;
  return outputs.map((port) => ({
    name: port.name,
    offset: execution.offsetOf(slots[port.name], parity),
    length: countOf(extentsOf(port, execution.sizes)),
  }));
}

export function countElements(regions: readonly Region[]): number {
  return regions.reduce((total, { length }) => total + length, 0);
}
