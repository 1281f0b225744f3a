/** @file A stream that is given a source before its first step, as a user would write it; never run, only type-checked. */

import { Seq2Seq } from "./generated/seq2seq.js";

export async function translate(device: GPUDevice, source: Int32Array, first: number): Promise<readonly number[]> {
  const model = await Seq2Seq.create(device);
  const stream = await model.stream({ batch: 1, length: { S: source.length }, inputs: { source } });
  const { logits } = await stream.step({ shifted: Int32Array.of(first) });
  // @ts-expect-error The source comes before the first step.
  await stream.step({ source, shifted: Int32Array.of(first) });
  // @ts-expect-error It has to.
  await model.stream({ batch: 1, length: { S: source.length } });
  // @ts-expect-error The stream runs along T, as many steps at a time as `shifted` holds.
  await model.stream({ batch: 1, length: { S: source.length, U: 1 }, inputs: { source } });
  await stream.reset({ source });
  model.destroy();
  return [...logits];
}
