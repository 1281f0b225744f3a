/**
 * @file The streaming form: a step or a chunk at a time, the kept states staying on the device. A layout holds for one
 * number of steps at hand and one size of the caches; where another is needed, the states move over.
 */

import type { Lengths } from "./arena.js";
import type { Destroyable, ModelCore } from "./core.js";
import { checkedSlots, countElements, outputRegions } from "./core.js";
import type { Port } from "./manifest.js";
import { PAST, ROOM } from "./manifest.js";
import type { CompiledProgram, Swap } from "./program.js";
import { Execution } from "./program.js";
import { Readback, type Values } from "./readback.js";
import { checkInputs, extentsOf } from "./validate.js";

/** Steps that caches have room for at first; they double as they fill. */
const FIRST_ROOM = 64;

/** By name. */
type GivenValues = readonly (readonly [name: string, values: Float32Array])[];

interface Layout {
  readonly execution: Execution;
  readonly readback: Readback;
}

/** Steps run in the order of the calls. */
export class Stream<Steps extends object, Outputs extends object, Given extends object = object>
  implements Destroyable
{
  readonly #steps: readonly Port[];
  #given: GivenValues;
  /** Holds what was computed before the first step. */
  #start: Execution | undefined;
  #layout: Layout | undefined;
  /** Even or odd: which of its two places each state is read from. */
  #parity = 0;
  /** Steps since the start. */
  #past = 0;
  /** Calls take turns up to their submit. */
  #turn: Promise<unknown> = Promise.resolve();
  #destroyed = false;

  /**
   * Made by `Model.stream`.
   * @param sizes the batch and the lengths besides the stream's own.
   * @throws Error with the reason where the model looks ahead; TypeError or RangeError about what is given.
   */
  static async create<Steps extends object, Outputs extends object, Given extends object>(
    core: ModelCore,
    sizes: Lengths,
    given: object,
  ): Promise<Stream<Steps, Outputs, Given>> {
    core.check();
    const checked = checkGiven(core, given, sizes);
    const compiled = core.compile("step");
    const stream = new Stream<Steps, Outputs, Given>(core, compiled, swapsOf(compiled), sizes, checked);
    await stream.#begin();
    return core.own(stream);
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly compiled: CompiledProgram,
    private readonly swaps: readonly Swap[],
    private readonly sizes: Lengths,
    given: GivenValues,
  ) {
    this.#given = given;
    const { length } = core.streaming;
    this.#steps = core.manifest.inputs.filter(({ shape }) => shape.includes(length));
  }

  /**
   * Feeds the next step, or a chunk of as many as the inputs hold, and gives its outputs; those without a step axis are
   * as of its last step.
   * @throws TypeError or RangeError about the inputs before anything is submitted; the states are then unchanged.
   */
  async step(inputs: Steps): Promise<Outputs> {
    this.#check();
    const { read } = await this.#inTurn(() => this.#submit(inputs));
    return Object.fromEntries(await read) as Outputs;
  }

  /** Back to before the first step, after the steps already asked for; from other inputs where `given` is there. */
  async reset(given?: Given): Promise<void> {
    this.#check();
    const checked = given && checkGiven(this.core, given, this.sizes);
    await this.#inTurn(async () => {
      this.#given = checked ?? this.#given;
      await this.#begin();
      this.#past = 0;
    });
  }

  /** Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.core.disown(this);
    this.#start?.destroy();
    this.#leave();
  }

  /** `using` ends in `destroy`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #check(): void {
    this.core.check();
    if (this.#destroyed) throw new Error("the stream was destroyed: make a new one with `model.stream`");
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Computes what follows from the inputs without steps. */
  async #begin(): Promise<void> {
    const { core } = this;
    const { length, start } = core.streaming;
    if (start === undefined) return;
    const compiled = core.compile("start");
    const sizes = { ...this.sizes, [length]: 1 };
    const execution = this.#start ?? (await Execution.create(compiled, sizes, core.params));
    this.#start = execution;
    const { inputs } = compiled.program;
    const { confirmed } = core.guard.scoped(compiled.title, () => {
      for (const [name, values] of this.#given) {
        if (Object.hasOwn(inputs, name)) execution.upload(inputs[name], values);
      }
      const encoder = core.device.createCommandEncoder();
      execution.encode(encoder);
      core.device.queue.submit([encoder.finish()]);
    });
    await confirmed;
  }

  async #submit(inputs: Steps): Promise<{ readonly read: Promise<Values> }> {
    const { core, compiled } = this;
    const { length } = core.streaming;
    const count = this.#countSteps(inputs);
    const sizes = { ...this.sizes, [length]: count, [PAST]: 0, [ROOM]: this.#roomFor(this.#past + count) };
    const slots = checkedSlots(compiled.program, this.#steps, inputs, sizes);
    const known = this.#layout?.execution;
    const isLaidOut = known !== undefined && known.sizes[length] === count && known.sizes[ROOM] === sizes[ROOM];
    const execution = isLaidOut ? known : await Execution.create(compiled, sizes, core.params, this.swaps);
    if (this.#destroyed) execution.destroy();
    this.#check();
    const regions = (parity: number) => outputRegions(execution, core.manifest.outputs, parity);
    const readback = (isLaidOut && this.#layout?.readback) || new Readback(core.device, countElements(regions(0)));
    const parity = isLaidOut ? this.#parity : 0;
    const { value: read, confirmed } = core.guard.scoped(compiled.title, () => {
      const encoder = core.device.createCommandEncoder();
      if (this.#past === 0) this.#enter(encoder, execution, parity);
      else if (known !== undefined && !isLaidOut) this.#move(encoder, known, execution);
      for (const [slot, values] of slots) execution.upload(slot, values, parity);
      execution.setLength(PAST, this.#past);
      execution.encode(encoder, parity);
      const copied = readback.copy(encoder, execution.arena, regions(parity));
      core.device.queue.submit([encoder.finish()]);
      return copied;
    });
    if (!isLaidOut) {
      this.#leave();
      this.#layout = { execution, readback };
    }
    this.#parity = this.swaps.length > 0 ? 1 - parity : 0;
    this.#past += count;
    const finished = Promise.all([read(), confirmed]).then(([values]) => values);
    finished.catch(() => {});
    return { read: finished };
  }

  /** The states before the first step: what the start gave, else zeros. */
  #enter(encoder: GPUCommandEncoder, execution: Execution, parity: number): void {
    const { program } = this.compiled;
    const start = this.#start;
    for (const { name } of this.core.streaming.states) {
      const slot = program.inputs[name];
      const [place, size] = [execution.offsetOf(slot, parity) * 4, execution.lengthOf(slot) * 4];
      const from = start?.compiled.program.nextStates[name];
      if (start === undefined || from === undefined) encoder.clearBuffer(execution.arena, place, size);
      else encoder.copyBufferToBuffer(start.arena, start.offsetOf(from) * 4, execution.arena, place, size);
    }
  }

  /** The states into a new layout. What has the room for steps as its first axis grows at its end. */
  #move(encoder: GPUCommandEncoder, from: Execution, to: Execution): void {
    for (const { name } of this.core.streaming.states) {
      const slot = this.compiled.program.inputs[name];
      const [source, target] = [from.offsetOf(slot, this.#parity) * 4, to.offsetOf(slot) * 4];
      encoder.copyBufferToBuffer(from.arena, source, to.arena, target, from.lengthOf(slot) * 4);
    }
  }

  #leave(): void {
    this.#layout?.execution.destroy();
    this.#layout?.readback.destroy();
    this.#layout = undefined;
  }

  /** How many steps the inputs hold, as far as that can be told before they are checked. */
  #countSteps(inputs: Steps): number {
    const { length } = this.core.streaming;
    const given = new Map<string, unknown>(Object.entries(inputs));
    const [port] = this.#steps;
    const values = given.get(port?.name);
    const width =
      port && extentsOf(port, { ...this.sizes, [length]: 1 }).reduce((product, extent) => product * extent, 1);
    if (width === undefined || !ArrayBuffer.isView(values) || !("length" in values)) return 1;
    return Math.max(1, Math.floor(Number(values.length) / width));
  }

  #roomFor(steps: number): number {
    const caches = this.core.streaming.states.some(({ shape }) => shape.includes(ROOM));
    if (!caches) return 1;
    let room = this.#layout?.execution.sizes[ROOM] ?? FIRST_ROOM;
    while (room < steps) room *= 2;
    return room;
  }
}

/** Copies of the inputs without steps. */
function checkGiven({ manifest, streaming }: ModelCore, given: object, sizes: Lengths): GivenValues {
  const ports = manifest.inputs.filter(({ shape }) => !shape.includes(streaming.length));
  const ends = manifest.ragged?.filter((length) => length !== streaming.length);
  return checkInputs(ports, given, sizes, ends).map(([name, values]) => [name, values.slice()]);
}

/** @throws Error where a state and its next value cannot change places because something else lies there. */
function swapsOf({ program, title }: CompiledProgram): Swap[] {
  const swaps = Object.entries(program.nextStates).map(([name, next]): Swap => [program.inputs[name], next]);
  const states = new Set(Object.keys(program.nextStates));
  const inputs = Object.entries(program.inputs).flatMap(([name, slot]) => (states.has(name) ? [] : [slot]));
  const apart = [...swaps.flat(), ...inputs];
  if (new Set(apart).size !== apart.length || [...states].some((name) => !Object.hasOwn(program.inputs, name))) {
    throw new Error(`${title}: every kept state and every next state must have a slot of its own`);
  }
  return swaps;
}
