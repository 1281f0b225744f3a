/**
 * @file One program of a manifest on a device: compiled once, then laid out for each choice of batch and lengths.
 *
 * A step is static: pipelines, the arena, the plan and the bind groups are made beforehand, so that encoding one is a
 * list of dispatches.
 */

import type { Lengths } from "./arena.js";
import { evaluateCount, planArena } from "./arena.js";
import { DeviceError } from "./errors.js";
import { DeviceGuard } from "./guard.js";
import type { Dispatch, Program, Slot, Variant } from "./manifest.js";
import { BATCH, DRAW_WORDS, PAST, ROOM } from "./manifest.js";
import type { Region } from "./readback.js";
import { chooseVariants, groupsOf, variantsOf } from "./variants.js";

/** The buffers that outlive a program: `moments` and `hyper` for programs that update. */
export interface SharedBuffers {
  readonly params: GPUBuffer;
  readonly moments?: GPUBuffer;
  readonly hyper?: GPUBuffer;
}

/** A program whose kernels are compiled as they are chosen; shared by all its layouts. */
export interface CompiledProgram {
  readonly device: GPUDevice;
  /** What messages call it: "the train program of CharLM". */
  readonly title: string;
  readonly program: Program;
  /** `Manifest.lengths`. */
  readonly lengths: readonly string[];
  /** The pipeline of an entry point, made once. */
  readonly pipelineOf: (kernel: string, layout: Dispatch["layout"]) => Promise<GPUComputePipeline>;
  readonly layouts: Readonly<Record<Dispatch["layout"], GPUBindGroupLayout>>;
}

const BINDINGS: Readonly<Record<Dispatch["layout"], readonly [binding: number, type: GPUBufferBindingType][]>> = {
  step: [
    [0, "uniform"],
    [1, "read-only-storage"],
    [2, "storage"],
  ],
  update: [
    [0, "uniform"],
    [2, "storage"],
    [3, "storage"],
    [4, "storage"],
    [5, "uniform"],
  ],
};

/** Compiles nothing yet: kernels are, as they are chosen. */
export async function compileProgram(
  device: GPUDevice,
  program: Program,
  lengths: readonly string[],
  title: string,
): Promise<CompiledProgram> {
  const guard = DeviceGuard.of(device);
  guard.check();
  const layouts = { step: bindGroupLayout(device, "step"), update: bindGroupLayout(device, "update") };
  const modules = new Map<string, Promise<GPUShaderModule>>();
  const moduleOf = (kernel: string): Promise<GPUShaderModule> => {
    const code = program.wgsl + (program.kernels?.[kernel] ?? "");
    const module = modules.get(code) ?? compileModule(device, code, title);
    modules.set(code, module);
    return module;
  };
  const made = new Map<string, Promise<GPUComputePipeline>>();
  const pipelineOf = (kernel: string, layout: Dispatch["layout"]): Promise<GPUComputePipeline> => {
    const known = made.get(`${layout} ${kernel}`);
    if (known !== undefined) return known;
    const pipeline = moduleOf(kernel).then((module) =>
      device
        .createComputePipelineAsync({
          label: kernel,
          layout: device.createPipelineLayout({ bindGroupLayouts: [layouts[layout]] }),
          compute: { module, entryPoint: kernel },
        })
        .catch((error: unknown) => {
          throw new Error(`${title}: kernel ${kernel}: ${guard.explain(error).message}`);
        }),
    );
    made.set(`${layout} ${kernel}`, pipeline);
    return pipeline;
  };
  return { device, title, program, lengths, pipelineOf, layouts };
}

/** @throws Error with the lines of WGSL that the device refuses. */
async function compileModule(device: GPUDevice, code: string, title: string): Promise<GPUShaderModule> {
  const { value: shader, confirmed } = DeviceGuard.of(device).scoped(title, () =>
    device.createShaderModule({ label: title, code }),
  );
  const { messages } = await shader.getCompilationInfo();
  const errors = messages.filter((message) => message.type === "error");
  if (errors.length > 0) throw new Error(`${title}: invalid WGSL\n${errors.map(quote(code)).join("\n")}`);
  await confirmed;
  return shader;
}

function bindGroupLayout(device: GPUDevice, layout: Dispatch["layout"]): GPUBindGroupLayout {
  const visibility = GPUShaderStage.COMPUTE;
  return device.createBindGroupLayout({
    label: layout,
    entries: BINDINGS[layout].map(([binding, type]) => ({ binding, visibility, buffer: { type } })),
  });
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

/** Folds a number of workgroups over x and y; kernels ignore those past the end. */
export function foldGroups(total: number, most: number): readonly [x: number, y: number] {
  if (total <= most) return [total, 1];
  const y = Math.ceil(total / most);
  if (y > most)
    throw new DeviceError(`${total} workgroups are more than the device's ${most} × ${most}: lower the batch`);
  return [Math.ceil(total / y), y];
}

/** A kernel ready to do a dispatch at some sizes. */
export interface Prepared {
  readonly layout: Dispatch["layout"];
  readonly pipeline: GPUComputePipeline;
  /** Workgroups. */
  readonly folded: readonly [x: number, y: number];
}

/** @throws Error where the device refuses the kernel. */
export async function prepareKernel(
  { device, pipelineOf }: CompiledProgram,
  layout: Dispatch["layout"],
  variant: Variant,
  sizes: Lengths,
): Promise<Prepared> {
  const folded = foldGroups(groupsOf(variant, sizes), device.limits.maxComputeWorkgroupsPerDimension);
  return { layout, pipeline: await pipelineOf(variant.kernel, layout), folded };
}

/** Two slots that change places in every other step: what was written last is read next. */
export type Swap = readonly [state: number, next: number];

/** A program laid out for one choice of batch and lengths. */
export class Execution {
  readonly arena: GPUBuffer;
  readonly sizes: Lengths;
  /** First element of each slot, one list a parity: a second only where slots swap. */
  readonly #offsets: readonly (readonly number[])[];
  readonly #plans: readonly GPUBuffer[];
  readonly #groups: readonly Readonly<Partial<Record<Dispatch["layout"], GPUBindGroup>>>[];
  /** Living as long as the host needs them. */
  readonly #slots: readonly Slot[];

  /**
   * Makes the pipelines, all at the same time.
   * @param sizes the batch under `BATCH`, and each length.
   * @param chosen which variant does each dispatch.
   * @throws Error when the arena exceeds the device's limits or memory, saying what to lower.
   */
  static async create(
    compiled: CompiledProgram,
    sizes: Lengths,
    shared: SharedBuffers,
    swaps: readonly Swap[] = [],
    chosen: readonly number[] = chooseVariants(compiled.program.dispatches, sizes, compiled.device),
  ): Promise<Execution> {
    const { device, program, title } = compiled;
    const kernels = await Promise.all(
      program.dispatches.map((dispatch, i) =>
        prepareKernel(compiled, dispatch.layout, variantsOf(dispatch)[chosen[i]], sizes),
      ),
    );
    return DeviceGuard.of(device).creating(`${title} for ${nameSizes(sizes)}`, () => {
      return new Execution(compiled, sizes, shared, swaps, kernels);
    });
  }

  private constructor(
    readonly compiled: CompiledProgram,
    sizes: Lengths,
    shared: SharedBuffers,
    swaps: readonly Swap[],
    readonly kernels: readonly Prepared[],
  ) {
    const { device, program, lengths, layouts, title } = compiled;
    this.sizes = sizes;
    this.#slots = hostLives(program, swaps);
    const { offsets, size } = planArena(this.#slots, sizes);
    checkBufferSize(device, size * 4, `${title} for ${nameSizes(sizes)}`, `lower ${lowerable(sizes)}`);
    const { STORAGE, COPY_SRC, COPY_DST, UNIFORM } = GPUBufferUsage;
    this.arena = device.createBuffer({ label: "arena", size: size * 4, usage: STORAGE | COPY_SRC | COPY_DST });
    this.#offsets = swaps.length === 0 ? [offsets] : [offsets, swapped(offsets, swaps)];
    this.#plans = this.#offsets.map((each) => {
      const fixed = [sizes[BATCH], ...lengths.map((name) => sizes[name]), ...each];
      const words = new Uint32Array(program.draws ? [...fixed, ...DRAW_WORDS.map(() => 0)] : fixed);
      const plan = device.createBuffer({
        label: "plan",
        size: Math.ceil(words.byteLength / 16) * 16,
        usage: UNIFORM | COPY_DST,
      });
      device.queue.writeBuffer(plan, 0, words);
      return plan;
    });
    const used = new Set(program.dispatches.map(({ layout }) => layout));
    this.#groups = this.#plans.map((plan) => {
      const buffers = [plan, shared.params, this.arena, shared.params, shared.moments, shared.hyper];
      const group = (layout: Dispatch["layout"]): GPUBindGroup =>
        device.createBindGroup({
          label: layout,
          layout: layouts[layout],
          entries: BINDINGS[layout].map(([binding]) => {
            const buffer = buffers[binding];
            if (buffer === undefined) throw new Error(`${title} updates parameters, which only training may`);
            return { binding, resource: { buffer } };
          }),
        });
      return Object.fromEntries([...used].map((layout) => [layout, group(layout)]));
    });
  }

  /** Elements of a slot. */
  lengthOf(slot: number): number {
    return evaluateCount(this.compiled.program.slots[slot].size, this.sizes);
  }

  /** First element of a slot in steps of this parity. */
  offsetOf(slot: number, parity = 0): number {
    return this.#offsets[parity][slot];
  }

  /** The slots that hold a value which something reads after the dispatch of that number. */
  liveAfter(index: number): Region[] {
    return this.#slots.flatMap(({ name, first, last }, slot) =>
      first <= index && index < last ? [{ name, offset: this.offsetOf(slot), length: this.lengthOf(slot) }] : [],
    );
  }

  /** Writes a whole slot before the next submit. */
  upload(slot: number, values: Float32Array, parity = 0): void {
    this.compiled.device.queue.writeBuffer(
      this.arena,
      this.offsetOf(slot, parity) * 4,
      values.buffer as ArrayBuffer,
      values.byteOffset,
      values.byteLength,
    );
  }

  /** Sets what the next submit's random numbers depend on. @param seed and step from 0 to 2³²−1. */
  setDraws(seed: number, step: number): void {
    const { device, program, lengths } = this.compiled;
    if (!program.draws) return;
    const place = (1 + lengths.length + program.slots.length) * 4;
    for (const plan of this.#plans) device.queue.writeBuffer(plan, place, new Uint32Array([seed, step]));
  }

  /** Sets a length that no slot depends on, for the next submit. */
  setLength(name: string, value: number): void {
    const { device, lengths } = this.compiled;
    const place = (1 + lengths.indexOf(name)) * 4;
    for (const plan of this.#plans) device.queue.writeBuffer(plan, place, Uint32Array.of(value));
  }

  /** All dispatches in one pass; the device orders those that depend on each other. */
  encode(encoder: GPUCommandEncoder, parity = 0): void {
    const pass = encoder.beginComputePass();
    this.dispatch(pass, this.kernels, parity);
    pass.end();
  }

  /** Kernels of this program one after another. */
  dispatch(pass: GPUComputePassEncoder, kernels: Iterable<Prepared>, parity = 0): void {
    let bound: GPUBindGroup | undefined;
    for (const { layout, pipeline, folded } of kernels) {
      const group = this.#groups[parity][layout];
      if (group !== bound && group !== undefined) pass.setBindGroup(0, group);
      bound = group;
      pass.setPipeline(pipeline);
      pass.dispatchWorkgroups(...folded);
    }
  }

  destroy(): void {
    this.arena.destroy();
    for (const plan of this.#plans) plan.destroy();
  }
}

/** The slots, living as long as the host needs them: inputs from the start, what it reads to the end, swaps always. */
function hostLives(program: Program, swaps: readonly Swap[]): Slot[] {
  const end = program.dispatches.length;
  const written = new Set(Object.values(program.inputs));
  const read = new Set([...Object.values(program.outputs), ...Object.values(program.scalars)]);
  if (program.gradients !== undefined) read.add(program.gradients);
  for (const slot of swaps.flat()) {
    written.add(slot);
    read.add(slot);
  }
  return program.slots.map((slot, index) => ({
    ...slot,
    first: written.has(index) ? -1 : slot.first,
    last: read.has(index) ? end : slot.last,
  }));
}

function swapped(offsets: readonly number[], swaps: readonly Swap[]): readonly number[] {
  const other = [...offsets];
  for (const [state, next] of swaps) {
    other[state] = offsets[next];
    other[next] = offsets[state];
  }
  return other;
}

/** @throws Error when the device cannot bind a buffer of that many bytes. */
export function checkBufferSize(device: GPUDevice, bytes: number, what: string, remedy: string): void {
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  if (bytes <= most) return;
  throw new DeviceError(`${what} needs a buffer of ${bytes} bytes, and this device allows ${most}: ${remedy}`);
}

/** "batch 4, T 128". */
export function nameSizes(sizes: Lengths): string {
  const words: Readonly<Record<string, string>> = { [BATCH]: "batch", [ROOM]: "room for past steps" };
  return Object.entries(sizes)
    .flatMap(([name, size]) => (name === PAST ? [] : [`${words[name] ?? name} ${size}`]))
    .join(", ");
}

function lowerable(sizes: Lengths): string {
  const words: Readonly<Record<string, string>> = { [BATCH]: "the batch", [ROOM]: "the steps since the start" };
  const names = Object.keys(sizes).flatMap((name) => (name === PAST ? [] : [words[name] ?? name]));
  return names.join(" or ");
}
