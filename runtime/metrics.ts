/**
 * @file Loss and metrics over many batches. Each batch's numbers are read back while later ones are computed: that costs no more than
 * the notice that it is done, without which batches would queue up without end.
 */

import { type Batches, BatchReader } from "./batches.js";
import { Breather, unlessAborted } from "./event-loop.js";
import type { Values } from "./readback.js";

/** Loss and metrics, the metrics by the names that the spec gives them. */
export interface Evaluation {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The value of a slot of one element. */
export function scalar(values: Values, name: string): number {
  const value = values.get(name)?.[0];
  if (value === undefined) throw new Error(`the manifest has no scalar ${name}`);
  return value;
}

export function metricsOf(values: Values, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, scalar(values, name)]));
}

/** A weighted mean, summed in f64. */
export class MeanEvaluation {
  #weight = 0;
  #loss = 0;
  readonly #metrics = new Map<string, number>();

  /** @param weight how many examples it is a mean over, or how many of whatever all have alike. */
  add({ loss, metrics }: Evaluation, weight = 1): void {
    this.#weight += weight;
    this.#loss += weight * loss;
    for (const [name, value] of Object.entries(metrics)) {
      this.#metrics.set(name, (this.#metrics.get(name) ?? 0) + weight * value);
    }
  }

  /** NaN where nothing was added; the metrics are then none. */
  get value(): Evaluation {
    const metrics = [...this.#metrics].map(([name, sum]) => [name, sum / this.#weight] as const);
    return { loss: this.#loss / this.#weight, metrics: Object.fromEntries(metrics) };
  }
}

/** Batches on their way to the device or on it. */
const IN_FLIGHT = 4;

/** A batch that was submitted. */
interface Submitted {
  readonly examples: number;
  readonly finished: Promise<Evaluation>;
}

/**
 * The mean over all examples of one pass.
 * @throws what the batches, `submit` or an abort throw, once nothing is on its way any more.
 */
export async function evaluateAll<Batch>(
  batches: Batches<Batch>,
  submit: (batch: Batch) => Promise<Submitted>,
  signal?: AbortSignal,
): Promise<Evaluation> {
  const reader = new BatchReader(batches, "the batches to evaluate on");
  const breather = new Breather();
  const mean = new MeanEvaluation();
  const pending: Submitted[] = [];
  const take = async (most: number): Promise<void> => {
    while (pending.length > most) {
      const [{ examples, finished }] = pending.splice(0, 1);
      mean.add(await finished, examples);
    }
  };
  try {
    for (;;) {
      const batch = await unlessAborted(reader.next(), signal);
      if (batch === undefined) break;
      pending.push(await submit(batch));
      reader.prefetch();
      await take(IN_FLIGHT - 1);
      await breather.breathe();
    }
    await take(0);
    return mean.value;
  } catch (error) {
    await Promise.allSettled(pending.map(({ finished }) => finished));
    await reader.close().catch(() => {});
    throw error;
  }
}
