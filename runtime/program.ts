/**
 * @file One program of a manifest on a device, laid out for each choice of batch and lengths.
 *
 * A step is static: pipelines, the arena, the plan and the bind groups are made beforehand, so that encoding one is a
 * list of dispatches.
 */

import type { Lengths } from "./arena.js";
import { type ArenaPlan, evaluateCount } from "./arena.js";
import { DeviceError } from "./errors.js";
import { DeviceGuard } from "./guard.js";
import type { Kernels } from "./kernels.js";
import { createBuffer } from "./live-objects.js";
import type { Pass, Program, Slot, Variant } from "./manifest.js";
import { DRAW_WORDS } from "./manifest.js";
import { arenaNeeds, nameSizes, planFitting } from "./memory.js";
import { Plan } from "./plan.js";
import type { Region } from "./readback.js";
import { groupsOf } from "./spans.js";
import { type Choice, chooseVariants, variantsOf, withSpans } from "./variants.js";

/** A program with the kernels of its model; shared by all its layouts. */
export interface CompiledProgram {
  /** What messages call it: "the train program of CharLM". */
  readonly title: string;
  readonly program: Program;
  readonly kernels: Kernels;
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
  /** The dispatch's number in the program. */
  readonly at: number;
  /** The kernel with those that it needs before and behind it, in order; of a loop done a dispatch a step, for each step. */
  readonly passes: readonly PreparedPass[];
}

interface PreparedPass {
  readonly pipeline: GPUComputePipeline;
  /** Workgroups. */
  readonly folded: readonly [x: number, y: number];
  readonly step?: number;
}

/**
 * @param at the dispatch's number in the program.
 * @throws Error where the device refuses the kernel.
 */
export async function prepareKernel(
  { kernels }: CompiledProgram,
  at: number,
  variant: Variant,
  sizes: Lengths,
): Promise<Prepared> {
  const prepare = (passes: readonly Pass[]) =>
    Promise.all(
      passes.map(async (pass) => ({
        pipeline: await kernels.pipelineOf(pass.kernel),
        folded: foldGroups(groupsOf(pass, sizes), kernels.device.limits.maxComputeWorkgroupsPerDimension),
      })),
    );
  const { before = [], steps, behind = [] } = variant;
  const [first, each, last] = await Promise.all([before, [variant, ...(steps?.others ?? [])], behind].map(prepare));
  const repeated = Array.from({ length: steps === undefined ? 1 : sizes[steps.length] }, (_, step) =>
    each.map((pass): PreparedPass => ({ ...pass, step })),
  );
  return { at, passes: [...first, ...repeated.flat(), ...last] };
}

/** Two slots that change places in every other step: what was written last is read next. */
export type Swap = readonly [state: number, next: number];

/**
 * Every kept state with its next value.
 * @throws Error where the two cannot change places because something else lies there.
 */
export function swapsOf({ program, title }: CompiledProgram): Swap[] {
  const swaps = Object.entries(program.nextStates).map(([name, next]): Swap => [program.inputs[name], next]);
  const states = new Set(Object.keys(program.nextStates));
  const inputs = Object.entries(program.inputs).flatMap(([name, slot]) => (states.has(name) ? [] : [slot]));
  const apart = [...swaps.flat(), ...inputs];
  if (new Set(apart).size !== apart.length || [...states].some((name) => !Object.hasOwn(program.inputs, name))) {
    throw new Error(`${title}: every kept state and every next state must have a slot of its own`);
  }
  return swaps;
}

/** A program laid out for one choice of batch and lengths. */
export class Execution {
  readonly arena: GPUBuffer;
  /** The arena of halves, where the model has one. */
  readonly halves: GPUBuffer | undefined;
  /** First element of each slot, one list a parity: a second only where slots swap. */
  readonly #offsets: readonly (readonly number[])[];
  readonly #plans: readonly Plan[];
  /** One a parity. */
  readonly #groups: readonly GPUBindGroup[];

  /**
   * Makes the pipelines, all at the same time.
   * @param given the batch under `BATCH`, and each length; the number of spans of loops, if it is not to be chosen.
   * @param chosen which variant does each dispatch, and how many spans loops have.
   * @throws DeviceError when an arena exceeds the device's limits or memory, saying what would fit: before anything is compiled.
   */
  static async create(
    compiled: CompiledProgram,
    given: Lengths,
    params: GPUBuffer,
    swaps: readonly Swap[] = [],
    chosen: Choice = chooseVariants(compiled.program, given, compiled.kernels.device),
  ): Promise<Execution> {
    const { kernels: all, program, title } = compiled;
    const sizes = withSpans(program, given, all.device, chosen);
    const slots = hostLives(program, swaps);
    const plan = planFitting(slots, sizes, all.device, all.halfBytes, title);
    const kernels = await Promise.all(
      program.dispatches.map((dispatch, i) => prepareKernel(compiled, i, variantsOf(dispatch)[chosen[i]], sizes)),
    );
    return DeviceGuard.of(all.device).creating(`${title} for ${nameSizes(sizes)}`, () => {
      return new Execution(compiled, sizes, slots, plan, params, swaps, kernels);
    });
  }

  private constructor(
    readonly compiled: CompiledProgram,
    readonly sizes: Lengths,
    /** Living as long as the host needs them. */
    private readonly slots: readonly Slot[],
    plan: ArenaPlan,
    params: GPUBuffer,
    swaps: readonly Swap[],
    readonly kernels: readonly Prepared[],
  ) {
    const { program, title } = compiled;
    const { device, layout, halfBytes } = compiled.kernels;
    const { offsets } = plan;
    const { arena, halves } = arenaNeeds(plan, halfBytes);
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const create = (label: string, size: number) =>
      createBuffer(device, { label, size, usage: STORAGE | COPY_SRC | COPY_DST });
    this.arena = create("arena", arena);
    this.halves = halves === undefined ? undefined : create("halves", halves);
    this.#offsets = swaps.length === 0 ? [offsets] : [offsets, swapped(offsets, swaps)];
    this.#plans = this.#offsets.map((each) => new Plan(device, program.dispatches, sizes, each));
    const resources = [params, this.arena, this.halves].flatMap((buffer) => (buffer ? [{ buffer }] : []));
    this.#groups = this.#plans.map((plan) =>
      device.createBindGroup({
        label: title,
        layout,
        entries: [plan.binding, ...resources].map((resource, binding) => ({ binding, resource })),
      }),
    );
  }

  /** Of both arenas. */
  get arenaBytes(): number {
    return this.arena.size + (this.halves?.size ?? 0);
  }

  /** Elements of a slot. */
  lengthOf(slot: number): number {
    return evaluateCount(this.compiled.program.slots[slot].size, this.sizes);
  }

  /** First element of a slot in steps of this parity. */
  offsetOf(slot: number, parity = 0): number {
    return this.#offsets[parity][slot];
  }

  /** The slots that hold a value which something reads after the dispatch of that number, by their arena. */
  liveAfter(index: number): { readonly arena: Region[]; readonly halves: Region[] } {
    const live = this.slots.flatMap(({ name, first, last, half }, slot) =>
      first <= index && index < last ? [{ half, name, offset: this.offsetOf(slot), length: this.lengthOf(slot) }] : [],
    );
    return { arena: live.filter(({ half }) => !half), halves: live.filter(({ half }) => half) };
  }

  /** Writes a whole slot of the arena before the next submit. */
  upload(slot: number, values: Float32Array, parity = 0): void {
    this.compiled.kernels.device.queue.writeBuffer(
      this.arena,
      this.offsetOf(slot, parity) * 4,
      values.buffer as ArrayBuffer,
      values.byteOffset,
      values.byteLength,
    );
  }

  /** Sets what the next submit's random numbers depend on. @param seed and step from 0 to 2³²−1. */
  setDraws(seed: number, step: number): void {
    const [seedWord, stepWord] = DRAW_WORDS;
    for (const plan of this.#plans) plan.set({ [seedWord]: seed, [stepWord]: step });
  }

  /** Sets a length that no slot depends on, or `LOSS_SCALE`, for the next submit. */
  setLength(name: string, value: number): void {
    for (const plan of this.#plans) plan.set({ [name]: value });
  }

  /** How many dispatches it has, those of each step of a loop included. */
  get dispatches(): number {
    return this.kernels.reduce((sum, { passes }) => sum + passes.length, 0);
  }

  /**
   * Dispatches in one pass; the device orders those that depend on each other.
   * @param from the first of them; by default all. @param to the first behind them.
   */
  encode(encoder: GPUCommandEncoder, parity = 0, from = 0, to = this.dispatches): void {
    const pass = encoder.beginComputePass();
    let first = 0;
    const part = this.kernels.map(({ at, passes }) => {
      const own = passes.slice(Math.max(0, from - first), Math.max(0, to - first));
      first += passes.length;
      return { at, passes: own };
    });
    this.dispatch(pass, part, parity);
    pass.end();
  }

  /** Kernels of this program one after another. */
  dispatch(pass: GPUComputePassEncoder, kernels: Iterable<Prepared>, parity = 0): void {
    for (const { at, passes } of kernels) {
      for (const { pipeline, folded, step } of passes) {
        pass.setBindGroup(0, this.#groups[parity], [this.#plans[parity].offsetOf(at, step)]);
        pass.setPipeline(pipeline);
        pass.dispatchWorkgroups(...folded);
      }
    }
  }

  destroy(): void {
    this.arena.destroy();
    this.halves?.destroy();
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
