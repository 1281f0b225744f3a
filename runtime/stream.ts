/** @file The streaming form: a step or a chunk at a time, the kept states staying on the device. */

/// <reference lib="esnext.disposable" preserve="true" />

import type { Lengths } from "./arena.js";
import { readRegions } from "./checkpoint.js";
import type { Destroyable, ModelCore } from "./core.js";
import { checkedSlots, countElements, outputRegions } from "./core.js";
import type { GenerateOptions } from "./generate.js";
import { checkGenerate, generate } from "./generate.js";
import type { Port } from "./manifest.js";
import { BATCH } from "./manifest.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { decodeStream, encodeStream } from "./stream-file.js";
import { type GivenValues, product, StreamStates } from "./stream-states.js";
import { Turns } from "./turns.js";
import { checkInputs, countAlong } from "./validate.js";

/** One number, whichever: that it is there says that the steps are done. */
const SOMETHING: readonly Region[] = [{ name: "", offset: 0, length: 1 }];

/** Steps run in the order of the calls. An error about what is given leaves the states as they were. */
export class Stream<Steps extends object, Outputs extends object, Given extends object = object>
  implements Destroyable
{
  readonly #steps: readonly Port[];
  #given: GivenValues;
  #readback: { readonly elements: number; readonly pool: Readback } | undefined;
  /** What `generate` drew last and no step has read yet. */
  #next: readonly number[] | undefined;
  /** Calls take turns up to their submit. */
  readonly #turns = new Turns();

  /**
   * @internal Made by `Model.stream`.
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
    const states = new StreamStates(core, sizes);
    const stream = core.own(new Stream<Steps, Outputs, Given>(core, states, sizes, checked));
    try {
      await states.begin(checked);
    } catch (error) {
      stream.destroy();
      throw error;
    }
    return stream;
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly states: StreamStates,
    private readonly sizes: Lengths,
    given: GivenValues,
  ) {
    this.#given = given;
    const { length } = core.streaming;
    this.#steps = core.manifest.inputs.filter(({ shape }) => shape.includes(length));
  }

  /** Steps since the start. */
  get past(): number {
    return this.states.past;
  }

  /**
   * Feeds the next step, or a chunk of as many as the inputs hold, and gives its outputs; those without a step axis are
   * as of its last step.
   * @throws TypeError or RangeError about the inputs before anything is submitted; the states are then unchanged.
   */
  async step(inputs: Steps): Promise<Outputs> {
    const read = await this.#turns.take(() => this.#submit(inputs, true));
    return Object.fromEntries(await read.finished) as Outputs;
  }

  /** `step` where only the states are of interest, such as after the beginning of a long text: reads nothing back. */
  async feed(inputs: Steps): Promise<void> {
    const fed = await this.#turns.take(() => this.#submit(inputs, false));
    await fed.finished;
  }

  /**
   * Lets a model go on by itself: draws an id for each row from its last logits and feeds it, `steps` times. Everything
   * stays on the device; ids are read back some steps at a time, while later ones are on their way. The last ones are
   * drawn and not yet fed: without a prompt the next call begins with them.
   *
   * The model has one input of ids a step, [batch, T], and an output of logits for the next, [batch, T, ids] or [batch, ids].
   * @returns [batch, steps], row-major.
   * @throws TypeError or RangeError about the options, Error where the model is another kind, before anything is submitted;
   * Error where logits are infinite or no number.
   */
  generate(options: GenerateOptions): Promise<Int32Array> {
    return this.#turns.take(async () => {
      this.states.check();
      const plan = checkGenerate(this.core, this.sizes, options, this.#next);
      this.#next = undefined;
      const { ids, next } = await generate(this.core, this.states, plan);
      this.#next = next;
      return ids;
    });
  }

  /** Back to before the first step, after the steps already asked for; from other inputs where they are given. */
  reset(inputs?: Given): Promise<void>;
  /**
   * Some rows of the batch go back to before the first step; the others are left as they are. Of `inputs`, only those of
   * these rows are taken. After it `generate` needs a prompt.
   * @throws Error with the reason where what the model keeps is not apart for each row.
   */
  reset(rows: readonly number[], inputs?: Given): Promise<void>;
  reset(first?: Given | readonly number[], second?: Given): Promise<void> {
    return this.#turns.take(async () => {
      const { core, sizes, states } = this;
      states.checkAlive();
      const rows = isRows(first) ? checkRows(core, sizes[BATCH], states.rowsObstacle, first) : undefined;
      const inputs = isRows(first) ? second : first;
      const checked = inputs && checkGiven(core, inputs, sizes);
      const given = checked && rows ? withRows(this.#given, checked, sizes[BATCH], rows) : (checked ?? this.#given);
      await states.begin(given, rows);
      this.#given = given;
      this.#next = undefined;
    });
  }

  /**
   * Where the stream stands, after the steps already asked for, as a safetensors file: all that it keeps, and the number
   * of its steps. What it was given before its first step is in there as far as steps read it.
   */
  save(): Promise<Uint8Array> {
    return this.#turns.take(async () => {
      const { core, states } = this;
      const { execution, parity } = await states.place();
      const shapes = states.shapes(states.past);
      const { inputs } = execution.compiled.program;
      const regions = shapes.map(({ name, shape }) => ({
        name,
        offset: execution.offsetOf(inputs[name], parity),
        length: product(shape),
      }));
      const values = await readRegions(core, execution.arena, regions);
      const { past, born } = states;
      return encodeStream(core.manifest, shapes, values, { past, born, next: this.#next });
    });
  }

  /**
   * Goes on where another stream of the same model and batch was saved, to the same bits, or stays as it was. `reset` still goes
   * back to this stream's own inputs.
   * @throws Error naming all that differs.
   */
  restore(bytes: Uint8Array): Promise<void> {
    return this.#turns.take(async () => {
      const { core, states, sizes } = this;
      const saved = decodeStream(core.manifest, sizes[BATCH], (past) => states.shapes(past), bytes);
      await states.take(saved.states, saved.past, saved.born);
      this.#next = saved.next;
    });
  }

  /** Idempotent. */
  destroy(): void {
    this.core.disown(this);
    this.states.destroy();
    this.#readback?.pool.destroy();
  }

  /** `using` ends in `destroy`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Resolves once the steps are submitted. */
  async #submit(inputs: Steps, isRead: boolean): Promise<{ readonly finished: Promise<Values> }> {
    const { core, states } = this;
    states.check();
    const { length } = core.streaming;
    const count = countAlong(length, this.#steps, inputs, this.sizes) ?? 1;
    const sizes = { ...this.sizes, [length]: count };
    const slots = checkedSlots(core.compile("step").program, this.#steps, inputs, sizes);
    const execution = await states.prepare(count);
    const regions = isRead ? outputRegions(execution, core.manifest.outputs) : SOMETHING;
    const readback = this.#readbackFor(countElements(regions));
    const { value: read, confirmed } = states.advance({
      before: (_, execution, parity) => {
        for (const [slot, values] of slots) execution.upload(slot, values, parity);
      },
      behind: (encoder, execution) => readback.copy(encoder, execution.arena, regions),
    });
    this.#next = undefined;
    const finished = Promise.all([read(), confirmed]).then(([values]) => values);
    finished.catch(() => {});
    return { finished };
  }

  #readbackFor(elements: number): Readback {
    if (this.#readback?.elements !== elements) {
      this.#readback?.pool.destroy();
      this.#readback = { elements, pool: new Readback(this.core.device, elements) };
    }
    return this.#readback.pool;
  }
}

/** Copies of the inputs without steps. */
function checkGiven({ manifest, streaming }: ModelCore, given: object, sizes: Lengths): GivenValues {
  const ports = manifest.inputs.filter(({ shape }) => !shape.includes(streaming.length));
  const ends = manifest.ragged?.filter((length) => length !== streaming.length);
  return checkInputs(ports, given, sizes, ends).map(([name, values]) => [name, values.slice()]);
}

function isRows(first: object | undefined): first is readonly number[] {
  return Array.isArray(first);
}

/** @throws RangeError naming the row; Error where rows cannot begin anew. */
function checkRows(
  { manifest }: ModelCore,
  batch: number,
  obstacle: string | undefined,
  rows: readonly number[],
): readonly number[] {
  const wrong = rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < batch));
  if (wrong !== undefined) throw new RangeError(`there is no row ${wrong}: the stream has rows 0 to ${batch - 1}`);
  if (obstacle !== undefined) {
    throw new Error(`a stream of ${manifest.name} cannot reset single rows: ${obstacle}; use a stream for each text`);
  }
  return rows;
}

/** The inputs with those of some rows taken from others. */
function withRows(all: GivenValues, others: GivenValues, batch: number, rows: readonly number[]): GivenValues {
  return all.map(([name, values], at) => {
    const mixed = values.slice();
    const width = values.length / batch;
    for (const row of rows) {
      mixed.set(others[at][1].subarray(row * width, (row + 1) * width), row * width);
    }
    return [name, mixed];
  });
}
