/** @file A short training run, the same wherever it is done: in Node.js, in a page, in a worker of a page. */

import { Model } from "../../runtime/model.js";
import { threefry } from "../../runtime/random.js";
import { compileText } from "../support/compiled.js";

const SPEC = `import { Embedding } from "std/embedding"
import { LSTM } from "std/lstm"
import { Linear } from "std/linear"
model Characters(V = 11, H = 8) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use embed = Embedding(V, H), rnn = LSTM(H, H), head = Linear(H, V)
  logits = head(dropout(scan rnn(embed(tokens)), 0.1))
  output logits
  loss cross_entropy(logits, next)
}`;

const [BATCH, LENGTH, CLASSES, STEPS] = [3, 7, 11, 12];

const ids = (seed: number): Int32Array =>
  Int32Array.from({ length: BATCH * LENGTH }, (_, at) => threefry([seed, 0], [at, 0])[0] % CLASSES);

/** The losses of all steps. */
export async function lossesOn(device: GPUDevice): Promise<number[]> {
  const model = await Model.create(device, compileText(SPEC).manifest, { seed: 3 });
  const trainer = await model.trainer({
    batch: BATCH,
    length: LENGTH,
    optimizer: { learningRate: 0.05 },
    clipNorm: 1,
    seed: 5,
  });
  const steps = [];
  for (let step = 0; step < STEPS; step++) {
    steps.push(await trainer.trainStep({ tokens: ids(step % 3), next: ids(3 + (step % 3)) }));
  }
  const losses = await Promise.all(steps.map(({ loss }) => loss));
  model.destroy();
  return losses;
}
