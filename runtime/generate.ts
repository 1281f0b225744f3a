/**
 * @file A stream that feeds itself: what is drawn from the logits of a step is copied into the input of the next, on the
 * device. Nothing waits for the host, which reads ids some steps behind.
 */

import type { Lengths } from "./arena.js";
import type { ModelCore } from "./core.js";
import type { Port } from "./manifest.js";
import { BATCH } from "./manifest.js";
import type { Execution } from "./program.js";
import { checkSampling, type LogitRows, Sampler, type Sampling, type SamplingOptions } from "./sampler.js";
import type { StreamStates } from "./stream-states.js";
import { checkInputs, type InputArray } from "./validate.js";

/** How a stream goes on by itself. */
export interface GenerateOptions extends SamplingOptions {
  /** How many ids to draw for each row. */
  readonly steps: number;
  /**
   * The ids to feed first: one text for all rows, or one for each row, all of the same length. Texts of several lengths
   * need a stream each. Left out, the stream goes on with the ids that the last call drew.
   */
  readonly prompt?: InputArray | readonly InputArray[];
  /** The output that holds the logits, where the model has several that might. */
  readonly output?: string;
  /** Ids at which a row ends: what follows in it is the id that ended it. No further steps are made once all rows have ended. */
  readonly stop?: number | readonly number[];
  /** Is given ids as they arrive, [batch, some], and the number of those before them. What it throws ends the call. */
  readonly onTokens?: (ids: Int32Array, from: number) => void;
}

/** Checked options. */
export interface Generation {
  readonly batch: number;
  readonly steps: number;
  readonly input: Port;
  readonly output: Port;
  readonly vocabulary: number;
  readonly sampling: Sampling;
  readonly stops: readonly number[];
  /** In the arena's values, [batch, length]. */
  readonly fed: Float32Array;
  /** The ids of those rows that have ended already. */
  readonly ended: readonly (number | undefined)[];
  readonly onTokens: ((ids: Int32Array, from: number) => void) | undefined;
}

/** Ids that are read back at once; as many more are on their way. */
const COLUMNS = 16;

/** The most steps of a prompt at once, and the most logits that they may have. */
const PROMPT_STEPS = 64;
const PROMPT_LOGITS = 2 ** 24;

/**
 * @param next what the last call drew.
 * @throws TypeError or RangeError naming the option; Error where the model has no such input or output.
 */
export function checkGenerate(
  core: ModelCore,
  sizes: Lengths,
  options: GenerateOptions,
  next: readonly number[] | undefined,
): Generation {
  const { steps, prompt, onTokens } = options;
  if (!(Number.isInteger(steps) && steps > 0)) {
    throw new RangeError(`\`steps\` must be a whole number above zero, not ${steps}`);
  }
  const batch = sizes[BATCH];
  const { input, vocabulary } = inputOf(core);
  const output = outputOf(core, vocabulary, options.output);
  const stops = typeof options.stop === "number" ? [options.stop] : [...(options.stop ?? [])];
  const wrong = stops.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary));
  if (wrong !== undefined) throw new RangeError(`\`stop\` has ${wrong}: ids go from 0 to ${vocabulary - 1}`);
  if (prompt === undefined && next === undefined) {
    throw new TypeError("`prompt` is missing: there are no ids of an earlier `generate` to go on with");
  }
  const rows = prompt === undefined ? Int32Array.from(next ?? []) : promptRows(prompt, batch);
  const length = rows.length / batch;
  const [[, fed]] = checkInputs([input], { [input.name]: rows }, { ...sizes, [core.streaming.length]: length });
  const ended = Array.from({ length: batch }, (_, row) =>
    prompt === undefined && stops.includes(rows[row]) ? rows[row] : undefined,
  );
  const sampling = checkSampling(options);
  return { batch, steps, input, output, vocabulary, sampling, stops, fed, ended, onTokens };
}

/** The ids of all rows; those of steps that nobody fed are the next to feed. */
export async function generate(
  core: ModelCore,
  states: StreamStates,
  generation: Generation,
): Promise<{ readonly ids: Int32Array; readonly next: readonly number[] }> {
  const { batch, steps, vocabulary, sampling, stops, ended } = generation;
  const sampler = await Sampler.create(core.device, {
    vocabulary,
    sampling,
    columns: COLUMNS,
    stops,
    rows: states.born.map((born, row) => ({ born, ended: ended[row] })),
  });
  const text = new Text(generation);
  try {
    if (!text.hasEnded) await feedPrompt(core, states, generation, sampler);
    let before: Promise<Int32Array> | undefined;
    for (let from = 0; from < steps && !text.hasEnded; from += COLUMNS) {
      const count = Math.min(COLUMNS, steps - from);
      // The prompt drew the first.
      await drawColumns(core, states, generation, sampler, [from === 0 ? 1 : 0, count]);
      const read = sampler.read(count);
      read.catch(() => {});
      // Two are on their way, however early one arrives: so a run is the same every time.
      if (before !== undefined) text.take(await before);
      before = read;
    }
    if (before !== undefined) text.take(await before);
  } finally {
    sampler.destroy();
  }
  return { ids: text.ids, next: Array.from({ length: batch }, (_, row) => text.ids[(row + 1) * steps - 1]) };
}

/** Draws the first id, into the first column. */
async function feedPrompt(
  core: ModelCore,
  states: StreamStates,
  generation: Generation,
  sampler: Sampler,
): Promise<void> {
  const { batch, fed, vocabulary } = generation;
  const length = fed.length / batch;
  const most = Math.max(1, Math.min(PROMPT_STEPS, Math.floor(PROMPT_LOGITS / (batch * vocabulary))));
  for (let from = 0; from < length; from += most) {
    const count = Math.min(most, length - from);
    await states.prepare(count);
    const ids = new Float32Array(batch * count);
    for (let row = 0; row < batch; row++) {
      ids.set(fed.subarray(row * length + from, row * length + from + count), row * count);
    }
    const { confirmed } = states.advance({
      before: (_, execution, parity) => execution.upload(inputSlot(execution, generation), ids, parity),
      behind: (encoder, execution, past) => {
        if (from + count === length) sampler.encode(encoder, lastLogits(core, execution, generation), past, 0);
      },
    });
    await confirmed;
  }
}

/** Feeds what was drawn last and draws anew, for each of the columns. */
async function drawColumns(
  core: ModelCore,
  states: StreamStates,
  generation: Generation,
  sampler: Sampler,
  [first, end]: readonly [number, number],
): Promise<void> {
  for (let column = first; column < end; column++) {
    await states.prepare(1);
    states.advance({
      before: (encoder, execution, parity) => {
        const place = execution.offsetOf(inputSlot(execution, generation), parity);
        sampler.copyTo(encoder, (column + COLUMNS - 1) % COLUMNS, execution.arena, place);
      },
      behind: (encoder, execution, past) =>
        sampler.encode(encoder, lastLogits(core, execution, generation), past, column),
    });
  }
}

const inputSlot = (execution: Execution, { input }: Generation): number =>
  execution.compiled.program.inputs[input.name];

/** Those of the last step at hand. */
function lastLogits({ streaming }: ModelCore, execution: Execution, { output, vocabulary }: Generation): LogitRows {
  const first = execution.offsetOf(execution.compiled.program.outputs[output.name]);
  const count = output.shape.length > 1 ? execution.sizes[streaming.length] : 1;
  return { buffer: execution.arena, first: first + (count - 1) * vocabulary, stride: count * vocabulary };
}

/** What was drawn, as it arrives. */
class Text {
  /** [batch, steps]; of rows that have ended, the id that ended them. */
  readonly ids: Int32Array;
  #arrived = 0;

  constructor(private readonly generation: Generation) {
    const { batch, steps, ended } = generation;
    this.ids = Int32Array.from({ length: batch * steps }, (_, at) => ended[Math.floor(at / steps)] ?? 0);
  }

  get hasEnded(): boolean {
    const { batch, steps, stops, ended } = this.generation;
    const last = (row: number) => (this.#arrived === 0 ? ended[row] : this.ids[row * steps + this.#arrived - 1]);
    return Array.from({ length: batch }, (_, row) => last(row)).every((id) => id !== undefined && stops.includes(id));
  }

  /** @param columns ids of some steps, of a step those of all rows. */
  take(columns: Int32Array): void {
    const { batch, steps, onTokens } = this.generation;
    const count = columns.length / batch;
    const from = this.#arrived;
    const rows = columns.map((_, at) => columns[(at % count) * batch + Math.floor(at / count)]);
    for (let row = 0; row < batch; row++) {
      const own = rows.subarray(row * count, (row + 1) * count);
      this.ids.set(own, row * steps + from);
      this.ids.fill(own[count - 1], row * steps + from + count, (row + 1) * steps);
    }
    this.#arrived += count;
    onTokens?.(rows, from);
  }
}

/** The input of ids, the only one that a step has. */
function inputOf({ manifest, streaming }: ModelCore): { readonly input: Port; readonly vocabulary: number } {
  const ports = manifest.inputs.filter(({ shape }) => shape.includes(streaming.length));
  const [input] = ports;
  const vocabulary = input?.classes;
  const isRead = Object.hasOwn(streaming.step.inputs, input?.name ?? "");
  if (ports.length !== 1 || vocabulary === undefined || input.shape.length > 1 || !isRead) {
    const names = ports.map(({ name }) => `\`${name}\``).join(", ");
    throw new Error(
      `${manifest.name} cannot feed itself: a step needs an id and nothing else, and this model is given ${names}`,
    );
  }
  return { input, vocabulary };
}

/** @throws TypeError where no output may be meant, or several. */
function outputOf({ manifest, streaming }: ModelCore, vocabulary: number, name: string | undefined): Port {
  const candidates = manifest.outputs.filter(({ elem, shape }) => {
    const axes = shape[0] === streaming.length ? shape.slice(1) : shape;
    return elem === "f32" && axes.length === 1 && axes[0] === vocabulary;
  });
  const meant = name === undefined ? candidates : candidates.filter((port) => port.name === name);
  if (meant.length === 1) return meant[0];
  const names = candidates.map((port) => `\`${port.name}\``).join(", ");
  const what = `outputs of ${vocabulary} logits a step`;
  if (candidates.length === 0) throw new TypeError(`${manifest.name} cannot feed itself: it has no ${what}`);
  throw new TypeError(`${manifest.name} has the ${what} ${names}: name one of them as \`output\``);
}

/** [batch, length]. */
function promptRows(prompt: InputArray | readonly InputArray[], batch: number): Int32Array {
  const rows = isOneText(prompt) ? Array.from({ length: batch }, () => prompt) : prompt;
  if (rows.length !== batch) {
    throw new RangeError(
      `\`prompt\` has ${rows.length} texts and the batch is ${batch}: give one for all, or one a row`,
    );
  }
  const length = rows[0].length;
  const other = rows.findIndex((row) => row.length !== length);
  if (other >= 0) {
    throw new RangeError(
      `\`prompt\` has ${length} ids in row 0 and ${rows[other].length} in row ${other}: ` +
        "all are to be of one length; texts of several lengths need a stream each",
    );
  }
  if (length === 0) throw new RangeError("`prompt` is empty: give one id at least");
  return Int32Array.from(rows.flatMap((row) => [...row]));
}

function isOneText(prompt: InputArray | readonly InputArray[]): prompt is InputArray {
  return ArrayBuffer.isView(prompt);
}
