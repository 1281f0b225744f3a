/** @file Draws ids from logits that lie on the device, and keeps them there until the host asks for some. */

import { describeAdapterInfo } from "./device.js";
import { DeviceGuard } from "./guard.js";
import { createBuffer } from "./live-objects.js";
import { foldGroups } from "./program.js";
import { checkSeed } from "./random.js";
import type { Region, Values } from "./readback.js";
import { Readback } from "./readback.js";
import { type SamplerBuffer, SETTINGS, samplerKernel } from "./sampler-kernel.js";
import { OwnKernel, type Recorded } from "./shader.js";

/**
 * How an id is drawn from logits: they are divided by the temperature, of the ids the `topK` most probable are kept, of
 * these the nucleus `topP`, and from the rest one is drawn by its probability. Of equal logits the lowest ids come first.
 */
export interface SamplingOptions {
  /** From 10⁻⁶ to 10⁶; 0 takes the greatest logit. Default 1. */
  readonly temperature?: number;
  /** How many ids may be drawn, a whole number above zero; by default all. */
  readonly topK?: number;
  /**
   * Only the fewest ids whose probabilities, among the topK, come to this may be drawn: above 0 and at most 1, the default
   * [nucleus sampling, Holtzman et al. 2020].
   */
  readonly topP?: number;
  /** A whole number from 0 to 2³²−1; default 0. A draw depends on it, the row and the position in the row's text alone. */
  readonly seed?: number;
}

export type Sampling = Required<Omit<SamplingOptions, "topK">> & { readonly topK: number | undefined };

/** @throws RangeError naming the option. */
export function checkSampling({ temperature = 1, topK, topP = 1, seed = 0 }: SamplingOptions): Sampling {
  if (temperature !== 0 && !(temperature >= 1e-6 && temperature <= 1e6)) {
    throw new RangeError(`\`temperature\` must be 0 or from 1e-6 to 1e6, not ${temperature}`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK > 0)) {
    throw new RangeError(`\`topK\` must be a whole number above zero, not ${topK}`);
  }
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`\`topP\` must be above 0 and at most 1, not ${topP}`);
  return { temperature, topK, topP, seed: checkSeed(seed) };
}

/** Rows of logits in a buffer, in elements: where the first begins, and how far it is from one to the next. */
export interface LogitRows {
  readonly buffer: GPUBuffer;
  readonly first: number;
  readonly stride: number;
}

export interface SamplerOptions {
  readonly vocabulary: number;
  readonly sampling: Sampling;
  /** How many draws are kept. */
  readonly columns: number;
  /** At these ids a row ends: from then on it is given the id that ended it. */
  readonly stops: readonly number[];
  /** Of each row, the stream's step at which it began, and the id at which it has ended already. */
  readonly rows: readonly { readonly born: number; readonly ended?: number | undefined }[];
}

const ROW_WORDS = 3;

/** For one batch; its draws lie in columns of `drawn`, an id a row, as f32. */
export class Sampler {
  readonly drawn: GPUBuffer;
  readonly #rows: GPUBuffer;
  readonly #stops: GPUBuffer;
  readonly #settings: GPUBuffer;
  readonly #readback: Readback;
  readonly #recorded = new WeakMap<GPUBuffer, Recorded>();

  /**
   * @param threads of a workgroup, which does a row. In software they run one after another, and a workgroup of many
   * takes milliseconds to begin.
   */
  static async create(
    device: GPUDevice,
    options: SamplerOptions,
    threads = describeAdapterInfo(device.adapterInfo).software ? 4 : 256,
  ): Promise<Sampler> {
    const kernel = await OwnKernel.create(device, samplerKernel(threads));
    return DeviceGuard.of(device).creating("a sampler", () => new Sampler(device, kernel, options));
  }

  private constructor(
    private readonly device: GPUDevice,
    private readonly kernel: OwnKernel<SamplerBuffer>,
    private readonly options: SamplerOptions,
  ) {
    const { rows, stops } = options;
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const buffer = (label: string, words: number, usage: GPUBufferUsageFlags) =>
      createBuffer(device, { label, size: Math.max(4, words) * 4, usage: usage | COPY_DST });
    this.drawn = buffer("drawn", this.#elements, STORAGE | COPY_SRC);
    this.#rows = buffer("rows", ROW_WORDS * rows.length, STORAGE);
    this.#stops = buffer("stops", stops.length, STORAGE);
    this.#settings = buffer("settings", SETTINGS.length, UNIFORM);
    this.#readback = new Readback(device, this.#elements);
    const states = rows.flatMap(({ born, ended }) => [born, ended === undefined ? 0 : ended + 1, 0]);
    device.queue.writeBuffer(this.#rows, 0, Uint32Array.from(states));
    device.queue.writeBuffer(this.#stops, 0, Uint32Array.from(stops));
  }

  /** The last column tells of faults. */
  get #elements(): number {
    return (this.options.columns + 1) * this.options.rows.length;
  }

  /**
   * Draws an id for each row into a column.
   * @param past the stream's steps before the id that is drawn. Once a submit: the settings are written before it.
   */
  encode(encoder: GPUCommandEncoder, logits: LogitRows, past: number, column: number): void {
    const { device } = this;
    const { rows } = this.options;
    device.queue.writeBuffer(this.#settings, 0, this.#settingsOf(logits, past, column));
    const pass = encoder.beginComputePass();
    this.#over(logits.buffer)(pass, ...foldGroups(rows.length, device.limits.maxComputeWorkgroupsPerDimension));
    pass.end();
  }

  /** Copies a column of ids to where a step reads them. */
  copyTo(encoder: GPUCommandEncoder, column: number, target: GPUBuffer, element: number): void {
    const bytes = this.options.rows.length * 4;
    encoder.copyBufferToBuffer(this.drawn, column * bytes, target, element * 4, bytes);
  }

  /**
   * The ids of the first columns, after all that was submitted: one column after another.
   * @throws Error where logits were infinite or no number, which says of which row and step.
   */
  async read(columns: number): Promise<Int32Array> {
    const { device } = this;
    const batch = this.options.rows.length;
    const regions: Region[] = [
      { name: "ids", offset: 0, length: columns * batch },
      { name: "faulty", offset: this.options.columns * batch, length: batch },
    ];
    const { value: read, confirmed } = DeviceGuard.of(device).scoped("the drawn ids", () => {
      const encoder = device.createCommandEncoder();
      const copied = this.#readback.copy(encoder, this.drawn, regions);
      device.queue.submit([encoder.finish()]);
      return copied;
    });
    const [values] = await Promise.all([read(), confirmed]);
    return checkedIds(values);
  }

  destroy(): void {
    for (const buffer of [this.drawn, this.#rows, this.#stops, this.#settings]) buffer.destroy();
    this.#readback.destroy();
  }

  #settingsOf({ first, stride }: LogitRows, past: number, column: number): ArrayBuffer {
    const { vocabulary, sampling, rows, stops, columns } = this.options;
    const { temperature, topK = vocabulary, topP, seed } = sampling;
    const words: Readonly<Record<(typeof SETTINGS)[number], number>> = {
      vocabulary,
      first,
      stride,
      batch: rows.length,
      seed,
      topK: topK < vocabulary ? topK : 0,
      topP: topP < 1 ? Math.min(Math.max(1, Math.round(topP * 2 ** 32)), 2 ** 32 - 1) : 0,
      octaves: temperature > 0 ? (2 * Math.LOG2E) / temperature : 0,
      past,
      column,
      columns,
      stops: stops.length,
    };
    const bytes = new ArrayBuffer(SETTINGS.length * 4);
    const view = new DataView(bytes);
    SETTINGS.forEach((name, at) => {
      if (name === "octaves") view.setFloat32(at * 4, words[name], true);
      else view.setUint32(at * 4, words[name], true);
    });
    return bytes;
  }

  #over(logits: GPUBuffer): Recorded {
    const { drawn } = this;
    const buffers = { settings: this.#settings, logits, rows: this.#rows, drawn, stops: this.#stops };
    const recorded = this.#recorded.get(logits) ?? this.kernel.over(buffers);
    this.#recorded.set(logits, recorded);
    return recorded;
  }
}

function checkedIds(values: Values): Int32Array {
  const faulty = values.get("faulty") ?? new Float32Array();
  const row = faulty.findIndex((step) => step > 0);
  if (row >= 0) {
    throw new Error(`the logits of row ${row} are infinite or no number after ${faulty[row] - 1} steps of the stream`);
  }
  return Int32Array.from(values.get("ids") ?? []);
}
