/**
 * @file What a stream keeps on the device from step to step, and its steps. A layout holds for one number of steps at hand
 * and one size of the caches; where another is needed, the states move over.
 */

import type { Lengths } from "./arena.js";
import type { ModelCore } from "./core.js";
import type { Scoped } from "./guard.js";
import { BATCH, type KeptState, PAST, ROOM } from "./manifest.js";
import type { CompiledProgram, Swap } from "./program.js";
import { Execution, swapsOf } from "./program.js";
import { awaited } from "./waiting.js";

/** Steps that caches have room for at first; they double as they fill. */
const FIRST_ROOM = 64;

/** Values by name. */
export type GivenValues = readonly (readonly [name: string, values: Float32Array])[];

/** What is recorded around the steps at hand, in the same submit. */
export interface Recording<T> {
  /** Gives the steps their inputs. */
  before(encoder: GPUCommandEncoder, execution: Execution, parity: number): void;
  /** Takes what they computed. @param past the steps since the start, those at hand included. */
  behind(encoder: GPUCommandEncoder, execution: Execution, past: number): T;
}

export class StreamStates {
  readonly #compiled: CompiledProgram;
  readonly #swaps: readonly Swap[];
  /** Holds what was computed before the first step. */
  #start: Execution | undefined;
  /** Holds the states; without one they are those of the start. */
  #layout: Execution | undefined;
  /** Even or odd: which of its two places each state is read from. */
  #parity = 0;
  #past = 0;
  /** Of each row. */
  #born: readonly number[];
  #failure: unknown;
  #destroyed = false;

  /** @param sizes the batch and the lengths besides the stream's own. @throws Error where the model does not stream. */
  constructor(
    private readonly core: ModelCore,
    private readonly sizes: Lengths,
  ) {
    this.#compiled = core.compile("step");
    this.#swaps = swapsOf(this.#compiled);
    this.#born = this.#newborn;
  }

  /** Steps since the start. */
  get past(): number {
    return this.#past;
  }

  /** The step before which each row began. */
  get born(): readonly number[] {
    return this.#born;
  }

  /** @throws Error after `destroy`. */
  checkAlive(): void {
    this.core.check();
    if (this.#destroyed) throw new Error("the stream was destroyed: make a new one with `model.stream`");
  }

  /** @throws Error where the states are lost, too. */
  check(): void {
    this.checkAlive();
    if (this.#failure === undefined) return;
    const reason = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    throw new Error(`the stream's states were lost in an earlier step (${reason}): call \`reset\` or \`restore\``);
  }

  /** Back to before the first step, of all rows or some. @param given the inputs without steps, of all rows. */
  async begin(given: GivenValues, rows?: readonly number[]): Promise<void> {
    if (rows === undefined) this.checkAlive();
    else this.check();
    await this.#runStart(given);
    const layout = this.#layout;
    if (layout !== undefined) {
      await this.#submit((encoder) => this.#enter(encoder, layout, this.#parity, rows));
    }
    if (rows === undefined) {
      this.#past = 0;
      this.#born = this.#newborn;
      this.#failure = undefined;
    } else {
      const begun = new Set(rows);
      this.#born = this.#born.map((born, row) => (begun.has(row) ? this.#past : born));
    }
  }

  /** Why rows cannot begin anew one by one, if so. */
  get rowsObstacle(): string | undefined {
    if (this.core.streaming.states.some(({ shape }) => shape.includes(ROOM))) {
      return "it keeps a cache of all steps so far, which is equally long for all rows";
    }
    if (this.#compiled.program.dispatches.some(({ words }) => words.includes(PAST))) {
      return "it reads the number of steps since the start, which is one for all rows";
    }
    return undefined;
  }

  /** Lays the program out for so many steps at hand. The states are as before where that fails. */
  async prepare(count: number): Promise<Execution> {
    this.check();
    const known = this.#layout;
    const room = this.#roomFor(this.#past + count);
    const { length } = this.core.streaming;
    if (known !== undefined && known.sizes[length] === count && known.sizes[ROOM] === room) return known;
    return this.#replace(await this.#layOut(count, room), (encoder, next) => {
      if (known === undefined) this.#enter(encoder, next, 0);
      else this.#move(encoder, known, next);
    });
  }

  /** Submits the steps that the program is laid out for. */
  advance<T>({ before, behind }: Recording<T>): Scoped<T> {
    this.check();
    const { core, past } = this;
    const execution = this.#layout;
    if (execution === undefined) throw new Error("no steps are prepared");
    const parity = this.#parity;
    const then = past + execution.sizes[core.streaming.length];
    const scoped = core.guard.scoped(this.#compiled.title, () => {
      const encoder = core.device.createCommandEncoder();
      before(encoder, execution, parity);
      execution.setLength(PAST, past);
      execution.encode(encoder, parity);
      const value = behind(encoder, execution, then);
      core.device.queue.submit([encoder.finish()]);
      return value;
    });
    // What the device refuses as a whole was not done, and steps behind it are on their way.
    scoped.confirmed.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#parity = this.#swaps.length > 0 ? 1 - parity : 0;
    this.#past = then;
    return scoped;
  }

  /** Where the states lie now, of caches the steps so far. */
  async place(): Promise<{ readonly execution: Execution; readonly parity: number }> {
    this.check();
    const execution = this.#layout ?? (await this.prepare(1));
    return { execution, parity: this.#parity };
  }

  /** The kept states with their shapes after so many steps. */
  shapes(past: number): readonly { readonly name: string; readonly shape: readonly number[] }[] {
    return this.core.streaming.states.map(({ name, shape }) => ({ name, shape: this.#extents(shape, past) }));
  }

  /** Takes the states of another stream, checked before. */
  async take(values: ReadonlyMap<string, Float32Array>, past: number, born: readonly number[]): Promise<void> {
    this.checkAlive();
    const { program } = this.#compiled;
    await this.#replace(await this.#layOut(1, this.#roomFor(past + 1)), (_, next) => {
      for (const { name } of this.core.streaming.states) {
        const slot = program.inputs[name];
        const whole = new Float32Array(next.lengthOf(slot));
        whole.set(values.get(name) ?? []);
        next.upload(slot, whole);
      }
    });
    this.#past = past;
    this.#born = born;
    this.#failure = undefined;
  }

  /** Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.#start?.destroy();
    this.#layout?.destroy();
    this.#start = undefined;
    this.#layout = undefined;
  }

  get #newborn(): readonly number[] {
    return Array.from({ length: this.sizes[BATCH] }, () => 0);
  }

  /** Computes what follows from the inputs without steps. */
  async #runStart(given: GivenValues): Promise<void> {
    const { core } = this;
    const { length, start } = core.streaming;
    if (start === undefined) return;
    const compiled = core.compile("start");
    const sizes = { ...this.sizes, [length]: 1 };
    this.#start ??= this.#living(await Execution.create(compiled, sizes, core.params));
    const execution = this.#start;
    const { inputs } = compiled.program;
    await this.#submit((encoder) => {
      for (const [name, values] of given) {
        if (Object.hasOwn(inputs, name)) execution.upload(inputs[name], values);
      }
      execution.encode(encoder);
    });
  }

  async #layOut(count: number, room: number): Promise<Execution> {
    const { core } = this;
    const sizes = { ...this.sizes, [core.streaming.length]: count, [PAST]: 0, [ROOM]: room };
    return this.#living(await Execution.create(this.#compiled, sizes, core.params, this.#swaps));
  }

  /** What was made while the stream was destroyed goes as well. */
  #living(execution: Execution): Execution {
    if (this.#destroyed) execution.destroy();
    this.checkAlive();
    return execution;
  }

  /** A new layout in the place of the old one, once it holds the states. */
  async #replace(next: Execution, fill: (encoder: GPUCommandEncoder, next: Execution) => void): Promise<Execution> {
    try {
      await this.#submit((encoder) => fill(encoder, next));
    } catch (error) {
      next.destroy();
      throw error;
    }
    this.#living(next);
    this.#layout?.destroy();
    this.#layout = next;
    this.#parity = 0;
    return next;
  }

  async #submit(record: (encoder: GPUCommandEncoder) => void): Promise<void> {
    const { core } = this;
    const { confirmed } = core.guard.scoped(`the states of a stream of ${core.manifest.name}`, () => {
      const encoder = core.device.createCommandEncoder();
      record(encoder);
      core.device.queue.submit([encoder.finish()]);
    });
    await awaited(core.device, confirmed);
  }

  /** The states before the first step: what the start gave, else zeros. */
  #enter(encoder: GPUCommandEncoder, to: Execution, parity: number, rows?: readonly number[]): void {
    const { program } = this.#compiled;
    const start = this.#start;
    for (const state of this.core.streaming.states) {
      const slot = program.inputs[state.name];
      const place = to.offsetOf(slot, parity);
      const from = start?.compiled.program.nextStates[state.name];
      const parts = rows === undefined ? [{ at: 0, length: to.lengthOf(slot) }] : this.#partsOf(state, rows);
      for (const { at, length } of parts) {
        const [target, size] = [(place + at) * 4, length * 4];
        if (start === undefined || from === undefined) encoder.clearBuffer(to.arena, target, size);
        else encoder.copyBufferToBuffer(start.arena, (start.offsetOf(from) + at) * 4, to.arena, target, size);
      }
    }
  }

  /** Where rows of the batch lie in a state. */
  #partsOf({ shape }: KeptState, rows: readonly number[]): { readonly at: number; readonly length: number }[] {
    const axis = shape.indexOf(BATCH);
    const extents = this.#extents(shape, 0);
    const length = product(extents.slice(axis + 1));
    return Array.from({ length: product(extents.slice(0, axis)) }, (_, outer) =>
      rows.map((row) => ({ at: (outer * extents[axis] + row) * length, length })),
    ).flat();
  }

  /** The states into a new layout. What has the room for steps as its first axis grows at its end. */
  #move(encoder: GPUCommandEncoder, from: Execution, to: Execution): void {
    for (const { name } of this.core.streaming.states) {
      const slot = this.#compiled.program.inputs[name];
      const [source, target] = [from.offsetOf(slot, this.#parity) * 4, to.offsetOf(slot) * 4];
      encoder.copyBufferToBuffer(from.arena, source, to.arena, target, from.lengthOf(slot) * 4);
    }
  }

  #extents(shape: KeptState["shape"], past: number): number[] {
    return shape.map((axis) => (typeof axis === "number" ? axis : axis === ROOM ? past : this.sizes[axis]));
  }

  #roomFor(steps: number): number {
    const caches = this.core.streaming.states.some(({ shape }) => shape.includes(ROOM));
    if (!caches) return 1;
    let room = this.#layout?.sizes[ROOM] ?? FIRST_ROOM;
    while (room < steps) room *= 2;
    return room;
  }
}

export function product(extents: readonly number[]): number {
  return extents.reduce((total, extent) => total * extent, 1);
}
