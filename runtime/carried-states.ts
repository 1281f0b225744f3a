/**
 * @file What a program carries from batch to batch (truncated backpropagation through time). The states never leave the device:
 * each has two places in the arena, which change roles after every batch. With a batch come the flags of the examples
 * that begin anew; those of the first batch all do.
 */

import type { Lengths } from "./arena.js";
import { readRegions } from "./checkpoint.js";
import type { ModelCore } from "./core.js";
import { checkedSlots } from "./core.js";
import { BATCH, type KeptState, type Port, type Program, RESET } from "./manifest.js";
import { type CompiledProgram, type Execution, type Swap, swapsOf } from "./program.js";
import type { Region } from "./readback.js";
import { misfits, type Tensor } from "./safetensors.js";

const FLAGS: Port = { name: RESET, elem: "bool", shape: [] };

/** Carried states by name. */
export type StateValues = ReadonlyMap<string, Tensor>;

/** What an execution needs to carry states, or not to. */
export const swapsToCarry = (compiled: CompiledProgram, carries: boolean): readonly Swap[] =>
  carries ? swapsOf(compiled) : [];

/**
 * The values of a batch's ports, by slot, and the flags of the examples that begin anew; without them none does.
 * @param carries whether the flags are heeded.
 * @throws TypeError or RangeError about the batch, also for flags where all examples begin anew.
 */
export function checkBatch(
  { manifest: { carried, ragged } }: ModelCore,
  program: Program,
  ports: readonly Port[],
  batch: object,
  sizes: Lengths,
  carries: boolean,
): ReadonlyMap<number, Float32Array> {
  if (carried === undefined || !Object.hasOwn(program.inputs, RESET)) {
    return checkedSlots(program, ports, batch, sizes, ragged);
  }
  const given = new Map<string, unknown>(Object.entries(batch)).get(RESET);
  if (given !== undefined && !carries) {
    throw new TypeError(`\`${RESET}\` says which examples begin anew, and without \`stateful: true\` all of them do`);
  }
  const whole = { ...batch, [RESET]: given ?? new Uint8Array(sizes[BATCH]) };
  return checkedSlots(program, [...ports, FLAGS], whole, sizes, ragged);
}

export class CarriedStates {
  /** Even or odd: which of its two places each state is read from. */
  #parity = 0;
  /** Whether every example of the next batch begins anew. */
  #anew = true;

  /**
   * @param execution of a program of training or evaluation, or of any that has no such states.
   * @param carries otherwise every example of every batch begins anew.
   */
  constructor(
    private readonly core: ModelCore,
    private readonly execution: Execution,
    private readonly carries: boolean,
  ) {}

  get parity(): number {
    return this.#parity;
  }

  /** What to upload of a batch that was checked, before it is submitted. */
  begin(slots: ReadonlyMap<number, Float32Array>): ReadonlyMap<number, Float32Array> {
    const { execution } = this;
    const { inputs } = execution.compiled.program;
    if (!this.#anew || this.core.manifest.carried === undefined || !Object.hasOwn(inputs, RESET)) return slots;
    return new Map(slots).set(inputs[RESET], new Float32Array(execution.sizes[BATCH]).fill(1));
  }

  /** After a batch was submitted: its last states are the next one's first. */
  advance(): void {
    if (!this.carries) return;
    this.#parity = 1 - this.#parity;
    this.#anew = false;
  }

  /** Every example of the next batch begins anew. */
  reset(): void {
    this.#anew = true;
  }

  /** The states after the last batch, by name; undefined where all examples of the next one begin anew. */
  async read(): Promise<StateValues | undefined> {
    if (this.#anew) return undefined;
    const { core, execution } = this;
    const ports = core.manifest.carried?.states ?? [];
    const regions = ports.map(({ name }): Region => {
      const slot = execution.compiled.program.inputs[name];
      return { name, offset: execution.offsetOf(slot, this.#parity), length: execution.lengthOf(slot) };
    });
    const values = await readRegions(core, execution.arena, regions);
    return new Map(ports.map((port) => [port.name, { shape: this.#shapeOf(port), values: values[port.name] }]));
  }

  /**
   * Sets the states before the next batch, as `read` gave them.
   * @throws Error naming what is missing, unknown or of another shape, before anything is written.
   */
  write(states: StateValues | undefined): void {
    if (states !== undefined) {
      this.check(states);
      const { inputs } = this.execution.compiled.program;
      for (const [name, { values }] of states) this.execution.upload(inputs[name], values, this.#parity);
    }
    this.#anew = states === undefined;
  }

  /** As `write`, but writes nothing. */
  check(states: StateValues): void {
    const { name: model, carried } = this.core.manifest;
    const needed = (carried?.states ?? []).map((port) => ({ name: port.name, shape: this.#shapeOf(port) }));
    const problems = misfits(states, needed);
    if (problems.length > 0) throw new Error(`the carried states do not fit ${model}: ${problems.join("; ")}`);
  }

  #shapeOf({ shape }: KeptState): readonly number[] {
    return shape.map((axis) => (typeof axis === "number" ? axis : this.execution.sizes[axis]));
  }
}
