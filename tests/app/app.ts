/**
 * @file A small app as a user would write it: it imports a generated module and the runtime's types, and nothing of the
 * compiler. A test generates the module, checks this file under the strictest settings, and runs it.
 */

import { CharLM } from "./generated/char-lm.js";

const BATCH = 4;
const LENGTH = 8;

export interface Report {
  readonly first: number;
  readonly last: number;
  readonly evaluated: number;
  readonly reloaded: number;
  readonly accuracy: number | undefined;
  readonly streamed: Float32Array;
  readonly predicted: Float32Array;
}

/** Learns that each token is followed by the next one, saves, loads into a second model, and streams. */
export async function run(device: GPUDevice, tokens: number, steps: number): Promise<Report> {
  const model = await CharLM.create(device, { seed: 7 });
  const trainer = await model.trainer({
    batch: BATCH,
    length: LENGTH,
    optimizer: { learningRate: 0.03 },
    clipNorm: 1,
  });
  const ids = (shift: number) => Int32Array.from({ length: BATCH * LENGTH }, (_, i) => (i + shift) % tokens);
  const batch = { tokens: ids(0), next: ids(1) };
  const losses: Promise<number>[] = [];
  for (let i = 0; i < steps; i++) losses.push((await trainer.trainStep(batch)).loss);
  const seen = await Promise.all(losses);
  const { loss, metrics } = await model.evaluate(batch, { batch: BATCH, length: LENGTH });
  const { accuracy } = metrics;

  const second = await CharLM.create(device, { seed: 8 });
  second.load(await model.save());
  const again = await second.evaluate(batch, { batch: BATCH, length: LENGTH });

  const one = Int32Array.from({ length: LENGTH }, (_, i) => i % tokens);
  const { logits: predicted } = await second.predict({ tokens: one }, { batch: 1, length: LENGTH });
  const stream = await second.stream({ batch: 1 });
  const parts: Float32Array[] = [];
  for (const token of one) parts.push((await stream.step({ tokens: Int32Array.of(token) })).logits);
  const streamed = Float32Array.from(parts.flatMap((part) => [...part]));
  model.destroy();
  second.destroy();
  return {
    first: seen[0] ?? Number.NaN,
    last: seen.at(-1) ?? Number.NaN,
    evaluated: loss,
    reloaded: again.loss,
    accuracy,
    streamed,
    predicted,
  };
}
