/** @file Where batches come from: arrays, generators, streams of data, one pass after another. */

/** One pass over batches. */
export type BatchSource<Batch> = Iterable<Batch> | AsyncIterable<Batch>;

/**
 * What can be gone through again for each pass, such as an array, or a function that gives something new for each. It is told
 * the number of the pass, from 1, of which a shuffled order may depend. A generator is good for one pass.
 */
export type Batches<Batch> = BatchSource<Batch> | ((pass: number) => BatchSource<Batch> | Promise<BatchSource<Batch>>);

/** Whether something gives batches, and is not one. */
export function areBatches<Batch extends object>(given: Batches<Batch> | Batch): given is Batches<Batch> {
  return typeof given === "function" || Symbol.iterator in given || Symbol.asyncIterator in given;
}

/** One pass after another. */
export class BatchReader<Batch> {
  #pass = 0;
  #iterator: Iterator<Batch> | AsyncIterator<Batch> | undefined;
  /** Of this pass. */
  #given = 0;
  /** Asked for ahead of time. */
  #upcoming: Promise<IteratorResult<Batch>> | undefined;
  #isAsync = false;
  /** Whether the iterator has not answered yet. */
  #asked = false;
  #closed = false;

  /** @param what messages call the batches. */
  constructor(
    private readonly batches: Batches<Batch>,
    private readonly what: string,
  ) {}

  /** The next batch, or nothing at the end of a pass; the call behind that begins the next. */
  async next(): Promise<Batch | undefined> {
    const asked = this.#upcoming ?? this.#ask();
    this.#upcoming = undefined;
    const result = await asked;
    if (result.done !== true) {
      this.#given++;
      return result.value;
    }
    if (this.#given === 0) throw new Error(this.#emptiness());
    this.#iterator = undefined;
    return undefined;
  }

  /**
   * Asks for the next batch, so that it is fetched while the device works. What it throws, `next` will. Only where fetching is to
   * wait: what is made in place is made while earlier steps are on their way, and its maker's position is that of the training.
   */
  prefetch(): void {
    if (!this.#isAsync) return;
    this.#upcoming ??= this.#ask();
    this.#upcoming.catch(() => {});
  }

  /** Ends the pass under way, whose iterator may have files open. Nothing is read behind it. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    this.#closed = true;
    const closing = iterator?.return?.();
    // A generator ends behind what it is doing, which may take forever.
    if (!this.#asked) await closing;
    else Promise.resolve(closing).catch(() => {});
  }

  async #ask(): Promise<IteratorResult<Batch>> {
    this.#asked = true;
    try {
      this.#iterator ??= await this.#open();
      return this.#closed ? { done: true, value: undefined } : await this.#iterator.next();
    } catch (error) {
      // It is over for the iterator, by the rules for them.
      this.#iterator = undefined;
      throw error;
    } finally {
      this.#asked = false;
    }
  }

  async #open(): Promise<Iterator<Batch> | AsyncIterator<Batch>> {
    this.#pass++;
    this.#given = 0;
    const { batches } = this;
    const source = typeof batches === "function" ? await batches(this.#pass) : batches;
    this.#isAsync = Symbol.asyncIterator in source;
    return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  #emptiness(): string {
    return this.#pass === 1
      ? `${this.what}: there is none; a generator that was gone through gives no more`
      : `${this.what}: there is none in pass ${this.#pass}; a generator is good for one pass, so give an array, or a function that makes a new one`;
  }
}
