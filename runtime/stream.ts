/** @file The streaming form: one step or chunk at a time, the kept states staying on the device. */

import type { Lengths } from "./arena.js";
import type { Destroyable, ModelCore } from "./core.js";
import { checkedSlots, countElements, outputRegions } from "./core.js";
import type { Program } from "./manifest.js";
import type { Swap } from "./program.js";
import { Execution } from "./program.js";
import { Readback } from "./readback.js";

/** Starts from zero states. Steps are submitted in the order of the calls. */
export class Stream<Inputs extends object, Outputs extends object> implements Destroyable {
  readonly #readback: Readback;
  /** Even or odd: which of its two places each state is read from. */
  #parity = 0;
  #destroyed = false;

  /** Made by `Model.stream`. @throws Error with the reason where the model looks ahead. */
  static async create<Inputs extends object, Outputs extends object>(
    core: ModelCore,
    sizes: Lengths,
  ): Promise<Stream<Inputs, Outputs>> {
    core.check();
    const compiled = await core.compile("stream");
    const swaps = swapsOf(compiled.program, compiled.title);
    const execution = await Execution.create(compiled, sizes, { params: core.params }, swaps);
    for (const [state, next] of swaps) {
      if (execution.lengthOf(state) !== execution.lengthOf(next)) {
        throw new Error(`${compiled.title}: the next value of ${compiled.program.slots[state].name} differs in size`);
      }
    }
    return core.own(new Stream<Inputs, Outputs>(core, execution, swaps));
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly execution: Execution,
    private readonly swaps: readonly Swap[],
  ) {
    const regions = outputRegions(execution, core.manifest.outputs);
    this.#readback = new Readback(core.device, countElements(regions));
  }

  /**
   * Feeds the next step (or chunk) in and gives its outputs.
   * @throws TypeError or RangeError about the inputs before anything is submitted; the states are then unchanged.
   */
  async step(inputs: Inputs): Promise<Outputs> {
    this.#check();
    const { core, execution } = this;
    const { program, title } = execution.compiled;
    const slots = checkedSlots(program, core.manifest.inputs, inputs, execution.sizes);
    const parity = this.#parity;
    const { value: read, confirmed } = core.guard.scoped(title, () => {
      for (const [slot, values] of slots) execution.upload(slot, values, parity);
      const encoder = core.device.createCommandEncoder();
      execution.encode(encoder, parity);
      const regions = outputRegions(execution, core.manifest.outputs, parity);
      const copied = this.#readback.copy(encoder, execution.arena, regions);
      core.device.queue.submit([encoder.finish()]);
      return copied;
    });
    if (this.swaps.length > 0) this.#parity = 1 - parity;
    const [values] = await Promise.all([read(), confirmed]);
    return Object.fromEntries(values) as Outputs;
  }

  /** Back to zero states, after the steps already asked for. */
  reset(): void {
    this.#check();
    const encoder = this.core.device.createCommandEncoder();
    for (const [state] of this.swaps) {
      const { arena } = this.execution;
      const start = this.execution.offsetOf(state, this.#parity) * 4;
      encoder.clearBuffer(arena, start, this.execution.lengthOf(state) * 4);
    }
    this.core.device.queue.submit([encoder.finish()]);
  }

  /** Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.core.disown(this);
    this.execution.destroy();
    this.#readback.destroy();
  }

  #check(): void {
    this.core.check();
    if (this.#destroyed) throw new Error("the stream was destroyed: make a new one with `model.stream`");
  }
}

/** @throws Error where a state and its next value cannot change places because something else lies there. */
function swapsOf(program: Program, title: string): Swap[] {
  const swaps = Object.entries(program.nextStates).map(([name, next]): Swap => [program.inputs[name], next]);
  const states = new Set(Object.keys(program.nextStates));
  const inputs = Object.entries(program.inputs).flatMap(([name, slot]) => (states.has(name) ? [] : [slot]));
  const apart = [...swaps.flat(), ...inputs];
  if (new Set(apart).size !== apart.length || [...states].some((name) => !Object.hasOwn(program.inputs, name))) {
    throw new Error(`${title}: every kept state and every next state must have a slot of its own`);
  }
  return swaps;
}
