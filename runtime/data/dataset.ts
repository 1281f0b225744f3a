/** @file Examples in memory, ready for a model's ports: rows of them as a batch, parts of them, batches in random order. */

import type { Elem } from "../manifest.js";
import { checkWhole } from "../options.js";
import { checkSeed } from "../random.js";
import type { DataValues } from "./arrays.js";
import type { DataBatch } from "./loader.js";
import { checksum, DataLoader } from "./loader.js";
import { Random } from "./random.js";

/** All examples of one port, one behind the other. */
export interface Column {
  readonly name: string;
  readonly elem: Elem;
  /** Elements an example. */
  readonly stride: number;
  readonly values: DataValues;
}

const KINDS = { f32: Float32Array, i32: Int32Array, bool: Uint8Array };

/** Made by `matchArrays`. `Batch` is the inputs and targets of the model. */
export class Dataset<Batch extends object = DataBatch> {
  /** @internal @param rows the examples that belong to it, in its order. */
  constructor(
    private readonly columns: readonly Column[],
    /** The extent of each length. */
    readonly lengths: Readonly<Record<string, number>>,
    private readonly rows: Int32Array,
  ) {}

  /** How many. */
  get examples(): number {
    return this.rows.length;
  }

  /** The arrays of these examples, batch first. */
  gather(examples: ArrayLike<number>): Batch {
    const arrays = this.columns.map(({ name, elem, stride, values }) => {
      const array = new KINDS[elem](examples.length * stride);
      for (let at = 0; at < examples.length; at++) {
        const start = this.rows[examples[at]] * stride;
        array.set(values.subarray(start, start + stride), at * stride);
      }
      return [name, array] as const;
    });
    return Object.fromEntries(arrays) as Batch;
  }

  /**
   * Sets apart a random `fraction` of the examples, at least one; the same for a seed.
   * @throws RangeError unless something is left for both.
   */
  split(fraction: number, seed = 0): { readonly training: Dataset<Batch>; readonly validation: Dataset<Batch> } {
    const apart = Math.max(1, Math.round(this.examples * fraction));
    if (!(fraction > 0 && fraction < 1) || apart >= this.examples) {
      throw new RangeError(
        `a fraction of ${fraction} of ${this.examples} examples leaves nothing for one of the parts`,
      );
    }
    const order = new Random(checkSeed(seed), "split").permutation(this.examples);
    const part = (chosen: Int32Array) =>
      new Dataset<Batch>(
        this.columns,
        this.lengths,
        chosen.sort().map((example) => this.rows[example]),
      );
    return { training: part(order.slice(apart)), validation: part(order.slice(0, apart)) };
  }

  /**
   * Every example once an epoch.
   * @param options.seed of the order, which is another in each epoch.
   * @param options.shuffle default true; else in the order that there is.
   * @param options.dropLast whether examples that do not fill a batch are left out of an epoch: default true, as a trainer
   * wants batches of one size.
   */
  batches(options: {
    readonly batch: number;
    readonly seed?: number;
    readonly shuffle?: boolean;
    readonly dropLast?: boolean;
  }): DataLoader<Batch> {
    const { seed = 0, shuffle = true, dropLast = true } = options;
    const batch = checkWhole("batch", options.batch, 1);
    checkSeed(seed);
    const { examples } = this;
    const epochLength = dropLast ? Math.floor(examples / batch) : Math.ceil(examples / batch);
    if (epochLength === 0) throw new RangeError(`\`batch\` is ${batch} and there are only ${examples} examples`);
    let order = { epoch: -1, examples: Int32Array.from({ length: examples }, (_, at) => at) };
    return new DataLoader({
      identity: {
        kind: "arrays",
        checksum: checksum([this.rows, ...this.columns.map(({ values }) => values)]),
        ...{ examples, batch, seed, shuffle, dropLast },
      },
      epochLength,
      batch: (number) => {
        const epoch = Math.floor(number / epochLength);
        if (shuffle && order.epoch !== epoch) {
          order = { epoch, examples: new Random(seed, "order", epoch).permutation(examples) };
        }
        const start = (number % epochLength) * batch;
        return this.gather(order.examples.subarray(start, start + batch));
      },
    });
  }
}
