/**
 * @file Which kernel does each dispatch best, found by trying: every variant runs on the device on the same memory, is
 * dropped unless it writes what the default writes, and is timed. Nothing outlives it but the numbers of the fastest.
 */

import type { Lengths } from "./arena.js";
import type { ModelCore, ProgramName } from "./core.js";
import { checkedSlots, countElements } from "./core.js";
import { createBuffer } from "./live-objects.js";
import { LossScale } from "./loss-scale.js";
import { LOSS_SCALE, SPANS, type Variant } from "./manifest.js";
import { nameSizes } from "./memory.js";
import { type CompiledProgram, Execution, type Prepared, prepareKernel } from "./program.js";
import { Readback, type Values } from "./readback.js";
import { cutLength } from "./spans.js";
import { hasTooManySteps } from "./steps.js";
import { type Clock, clockOf } from "./tuner-clock.js";
import { randomInputs } from "./tuner-inputs.js";
import { type Choice, chooseVariants, fitsDevice, isHopeless, spansToTry, variantsOf } from "./variants.js";

/** A kernel that was tried: timed, or dropped and not to be used. `spans`: how many, of a loop that is cut. */
export type Candidate = { readonly variant: Variant; readonly spans?: number } & (
  | { /** Milliseconds of the dispatch. */ readonly ms: number }
  | { /** Why. */ readonly dropped: string }
);

/** A dispatch that several kernels may do. */
export interface TunedDispatch {
  /** Its number in the program. */
  readonly dispatch: number;
  /** The default first. */
  readonly candidates: readonly Candidate[];
  /** The number of the fastest. */
  readonly chosen: number;
  /** What the model of cost takes without measurements. */
  readonly modelled: number;
}

export interface Tuning {
  readonly chosen: Choice;
  readonly dispatches: readonly TunedDispatch[];
}

/** ‖result − default's result‖ / ‖default's result‖ up to which kernels do the same: sums in another order, which f16 may round another way. */
const TOLERANCE = 1e-3;
/** Each candidate is timed at most so often, in turns with the others, since a device's pace changes. */
const ROUNDS = 5;
/** Milliseconds to find out how often a kernel has to run to be timed, and again for the rounds of a dispatch. */
const BUDGET = 500;

/**
 * Measures the variants of a program at these sizes, with random inputs and the model's parameters, which it only reads.
 * @throws DeviceError where there is no memory for the arena and a copy of it.
 */
export async function tune(core: ModelCore, name: ProgramName, sizes: Lengths): Promise<Tuning> {
  const compiled = core.compile(name);
  const { dispatches } = compiled.program;
  const modelled = chooseVariants(compiled.program, sizes, core.device);
  const several = dispatches.flatMap((dispatch, at) => (variantsOf(dispatch).length > 1 ? [at] : []));
  if (several.length === 0) return { chosen: modelled, dispatches: [] };

  const loops = several.filter((at) => cutLength(dispatches[at]) !== undefined);
  const [spans, ...others] = spansToTry(compiled.program, sizes, core.device);
  const all = await measure(core, compiled, { ...sizes, [SPANS]: spans }, several);
  let best: { readonly spans: number; readonly tuned: typeof all } = {
    spans,
    tuned: all.filter(({ dispatch }) => loops.includes(dispatch)),
  };
  for (const number of loops.length === 0 ? [] : others) {
    const tuned = await measure(core, compiled, { ...sizes, [SPANS]: number }, loops);
    if (timeOfAll(tuned) < timeOfAll(best.tuned)) best = { spans: number, tuned };
  }
  const tuned = all
    .map((each) => best.tuned.find(({ dispatch }) => dispatch === each.dispatch) ?? each)
    .map((each): TunedDispatch => ({ ...each, modelled: modelled[each.dispatch] }));
  const found = new Map(tuned.map(({ dispatch, chosen }) => [dispatch, chosen]));
  const variants = modelled.map((choice, at) => found.get(at) ?? choice);
  // Spans that no loop is cut into would take memory.
  const areCut = loops.some((at) => variantsOf(dispatches[at])[variants[at]].spans !== undefined);
  return { chosen: loops.length === 0 ? variants : [...variants, areCut ? best.spans : 1], dispatches: tuned };
}

/** Tries the variants of some dispatches. */
async function measure(
  core: ModelCore,
  compiled: CompiledProgram,
  sizes: Lengths,
  several: readonly number[],
): Promise<readonly Omit<TunedDispatch, "modelled">[]> {
  const { program } = compiled;
  const defaults = program.dispatches.map(() => 0);
  const execution = await Execution.create(compiled, sizes, core.params, [], defaults);
  try {
    const { inputs, targets, ragged } = core.manifest;
    const ports = [...inputs, ...targets];
    for (const [slot, values] of checkedSlots(program, ports, randomInputs(ports, sizes), sizes, ragged)) {
      execution.upload(slot, values);
    }
    execution.setDraws(0, 1);
    execution.setLength(LOSS_SCALE, new LossScale(core.manifest.precision, sizes).value);
    const trial = await Trial.create(core, execution);
    try {
      const tuned: Omit<TunedDispatch, "modelled">[] = [];
      // Dispatches of equal layers are done by the same kernels, which are tried once.
      const known = new Map<string, readonly Candidate[]>();
      for (let at = 0; at <= Math.max(...several); at++) {
        if (several.includes(at)) {
          const key = JSON.stringify(variantsOf(program.dispatches[at]));
          const candidates = known.get(key) ?? (await trial.candidates(at));
          known.set(key, candidates);
          tuned.push({ dispatch: at, candidates, chosen: fastest(candidates) });
        }
        await trial.run(execution.kernels[at]);
      }
      return tuned;
    } finally {
      trial.destroy();
    }
  } finally {
    execution.destroy();
  }
}

const timeOf = (candidate: Candidate): number => ("ms" in candidate ? candidate.ms : Number.POSITIVE_INFINITY);

const timeOfAll = (tuned: readonly Pick<TunedDispatch, "candidates" | "chosen">[]): number =>
  tuned.reduce((sum, { candidates, chosen }) => sum + timeOf(candidates[chosen]), 0);

function fastest(candidates: readonly Candidate[]): number {
  const times = candidates.map(timeOf);
  return times.indexOf(Math.min(...times));
}

type Arenas = Pick<Execution, "arena" | "halves">;
type Live = ReturnType<Execution["liveAfter"]>;

/** A program whose dispatches run one at a time, each again and again from the same memory. */
class Trial {
  readonly #clock: Clock;
  readonly #readback: Readback;
  readonly #halvesReadback: Readback | undefined;

  static async create(core: ModelCore, execution: Execution): Promise<Trial> {
    const { title } = execution.compiled;
    return core.guard.creating(`tuning ${title} for ${nameSizes(execution.sizes)}`, () => {
      const { COPY_SRC, COPY_DST } = GPUBufferUsage;
      const copyOf = ({ size }: GPUBuffer) =>
        createBuffer(core.device, { label: "before", size, usage: COPY_SRC | COPY_DST });
      return new Trial(core, execution, {
        arena: copyOf(execution.arena),
        halves: execution.halves && copyOf(execution.halves),
      });
    });
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly execution: Execution,
    /** The arenas as they are before the dispatch. */
    private readonly before: Arenas,
  ) {
    this.#clock = clockOf(core.device);
    const most = (arena: keyof Live) =>
      Math.max(...execution.kernels.map((_, at) => countElements(execution.liveAfter(at)[arena])));
    this.#readback = new Readback(core.device, most("arena"));
    const { halfBytes } = execution.compiled.kernels;
    this.#halvesReadback = halfBytes && new Readback(core.device, most("halves"), halfBytes);
  }

  /** Tries every kernel of a dispatch, and leaves the arena as it was. */
  async candidates(at: number): Promise<readonly Candidate[]> {
    const { execution } = this;
    const dispatch = execution.compiled.program.dispatches[at];
    const regions = execution.liveAfter(at);
    this.#copy(execution, this.before);
    const before = await this.#read(regions);
    await this.run(execution.kernels[at]);
    const expected = await this.#read(regions);
    const tried: (Prepared | string)[] = [execution.kernels[at]];
    for (const prepared of await this.#prepare(at)) {
      tried.push(prepared);
      if (typeof prepared === "string") continue;
      this.#restore();
      await this.run(prepared);
      const difference = compare(before, expected, await this.#read(regions));
      if (difference !== undefined) tried[tried.length - 1] = difference;
    }
    this.#restore();
    const times = await this.#times(tried.filter((each) => typeof each !== "string"));
    this.#restore();
    return tried.map((each, number): Candidate => {
      const variant = variantsOf(dispatch)[number];
      const tried = { variant, ...(variant.spans && { spans: execution.sizes[SPANS] }) };
      return typeof each === "string" ? { ...tried, dropped: each } : { ...tried, ms: times.get(each) ?? Number.NaN };
    });
  }

  /** @throws Error where the device objects. */
  async run(kernel: Prepared): Promise<void> {
    await this.core.guard.creating(`tuning ${this.execution.compiled.title}`, () => {
      const encoder = this.core.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.execution.dispatch(pass, [kernel]);
      pass.end();
      this.core.device.queue.submit([encoder.finish()]);
    });
  }

  destroy(): void {
    this.before.arena.destroy();
    this.before.halves?.destroy();
    this.#readback.destroy();
    this.#halvesReadback?.destroy();
    this.#clock.destroy();
  }

  /** The kernels besides the default, or why one cannot run here. */
  #prepare(at: number): Promise<readonly (Prepared | string)[]> {
    const { execution, core } = this;
    const dispatch = execution.compiled.program.dispatches[at];
    return Promise.all(
      variantsOf(dispatch)
        .slice(1)
        .map((variant) => {
          if (!fitsDevice(variant, core.device)) return "beyond the device's limits";
          if (isHopeless(variant, dispatch, execution.sizes, core.device)) return "far slower by the model of the cost";
          if (hasTooManySteps(variant, execution.sizes)) return "more steps than there are plans for";
          if (variant.spans !== undefined && execution.sizes[SPANS] === 1) return "one span is enough at these sizes";
          return prepareKernel(execution.compiled, at, variant, execution.sizes).catch(
            async (error: unknown) => `refused by the device: ${(await core.guard.explain(error)).message}`,
          );
        }),
    );
  }

  /** Milliseconds of one run of each kernel: the least that was seen. */
  async #times(kernels: readonly Prepared[]): Promise<ReadonlyMap<Prepared, number>> {
    const repeats = new Map<Prepared, number>();
    const least = new Map<Prepared, number>();
    for (const kernel of kernels) {
      const start = performance.now();
      let count = 1;
      let ms = await this.#measure(kernel, count);
      // The host's clock bounds it where the device's stands still: drivers end what runs for seconds.
      while (!(ms >= this.#clock.least && Number.isFinite(ms)) && performance.now() - start < BUDGET) {
        const wanted = Number.isFinite(ms) ? (1.2 * this.#clock.least) / ms : 0;
        count = Math.ceil(count * Math.min(16, Math.max(2, wanted)));
        ms = await this.#measure(kernel, count);
      }
      repeats.set(kernel, count);
      least.set(kernel, ms / count);
    }
    const start = performance.now();
    for (let round = 1; round < ROUNDS && performance.now() - start < BUDGET; round++) {
      for (const [kernel, count] of repeats) {
        const ms = (await this.#measure(kernel, count)) / count;
        least.set(kernel, Math.min(ms, least.get(kernel) ?? ms));
      }
    }
    return least;
  }

  #measure(kernel: Prepared, repeats: number): Promise<number> {
    return this.#clock.measure((pass) => this.execution.dispatch(pass, new Array<Prepared>(repeats).fill(kernel)));
  }

  #restore(): void {
    this.#copy(this.before, this.execution);
  }

  #copy(from: Arenas, to: Arenas): void {
    const encoder = this.core.device.createCommandEncoder();
    encoder.copyBufferToBuffer(from.arena, 0, to.arena, 0, from.arena.size);
    if (from.halves && to.halves) encoder.copyBufferToBuffer(from.halves, 0, to.halves, 0, from.halves.size);
    this.core.device.queue.submit([encoder.finish()]);
  }

  async #read({ arena, halves }: Live): Promise<Values> {
    const encoder = this.core.device.createCommandEncoder();
    const reads = [this.#readback.copy(encoder, this.execution.arena, arena)];
    if (this.#halvesReadback && this.execution.halves) {
      reads.push(this.#halvesReadback.copy(encoder, this.execution.halves, halves));
    }
    this.core.device.queue.submit([encoder.finish()]);
    const values = await Promise.all(reads.map((read) => read()));
    return new Map(values.flatMap((each) => [...each]));
  }
}

/** What differs, or undefined. What neither run wrote counts on neither side: slots may be longer than their values. */
function compare(before: Values, expected: Values, actual: Values): string | undefined {
  for (const [name, b] of expected) {
    const [a, untouched] = [actual.get(name) ?? b, before.get(name) ?? b];
    let [difference, norm] = [0, 0];
    for (let i = 0; i < b.length; i++) {
      if (Object.is(a[i], untouched[i]) && Object.is(b[i], untouched[i])) continue;
      difference += (a[i] - b[i]) ** 2;
      norm += b[i] ** 2;
    }
    const distance = difference === 0 ? 0 : Math.sqrt(difference / norm);
    if (!(distance <= TOLERANCE)) return `differs from the default in ${name}: by ${distance.toPrecision(2)}`;
  }
  return undefined;
}
