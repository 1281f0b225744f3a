/**
 * @file `npm run precision`: models trained in f32 and in f16 from the same start on the same text, side by side: how far the
 * gradients of the first step are apart, the losses, and the bytes of the arena. In Node.js, or in Deno, whose adapters
 * may have `shader-f16` where Node's has not: `deno run --unstable-webgpu --unstable-sloppy-imports -A scripts/precision.ts`.
 * `--steps 200 --batch 8 --length 32`.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { holdOut, Vocabulary } from "../runtime/data/text.js";
import { randomWindows, spreadBatches } from "../runtime/data/windows.js";
import { requestDevice } from "../runtime/device.js";
import { Model } from "../runtime/model.js";
import { nodeHost } from "../src/cli/host.js";
import { mean } from "../src/cli/train/statistics.js";
import { compile } from "../src/compile.js";
import { PRECISIONS, type Precision } from "../src/ir/types.js";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "200" },
    batch: { type: "string", default: "8" },
    length: { type: "string", default: "32" },
  },
});
const [steps, batch, length] = [values.steps, values.batch, values.length].map(Number);

const RATE = 5e-3;
const WINDOW = 20;
const text = readFileSync(new URL("../docs/language.md", import.meta.url), "utf8");
const vocabulary = Vocabulary.of(text);
const corpus = holdOut(vocabulary.encode(text));
const set = { V: vocabulary.size };

const language = (imports: string, layer: string) => `import { Embedding } from "std/embedding"
import { Linear } from "std/linear"
${imports}
model Language(V = 128, H = 64) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use embed = Embedding(V, H), layer = ${layer}, head = Linear(H, V)
  loss cross_entropy(head(scan layer(embed(tokens))), next)
}
`;
const MODELS: Readonly<Record<string, string>> = {
  "the character model": readFileSync(new URL("../specs/models/char-lm.seq", import.meta.url), "utf8"),
  LSTM: language('import { LSTM } from "std/lstm"', "LSTM(H, H)"),
  GRU: language('import { GRU } from "std/gru"', "GRU(H, H)"),
  "selective SSM": language('import { SelectiveSSM } from "std/selective-ssm"', "SelectiveSSM(H, N = 16)"),
};

/** A browser's, Deno's, or Node's. */
async function anyDevice(): Promise<GPUDevice> {
  if (globalThis.navigator && "gpu" in globalThis.navigator) return (await requestDevice()).device;
  const { requestNodeDevice } = await import("../runtime/node.js");
  return (await requestNodeDevice()).device;
}

const device = await anyDevice();
const name = `${device.adapterInfo.description} ${device.adapterInfo.device}`.trim();
console.log(`${name}, ${device.features.has("shader-f16") ? "with" : "without"} shader-f16`);
console.log(`${steps} steps of batch ${batch}, length ${length}`);

function specOf(spec: string, precision: Precision) {
  const host = nodeHost();
  const own = { ...host, read: (file: string) => (file === "spec.seq" ? spec : host.read(file)) };
  const { models, diagnostics } = compile({ files: ["spec.seq"], host: own, set, precision });
  if (models.length !== 1) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return models[0].manifest;
}

async function train(spec: string, precision: Precision) {
  const model = await Model.create(device, specOf(spec, precision), { seed: 1 });
  const trainer = await model.trainer({ batch, length, optimizer: { learningRate: RATE }, clipNorm: 1 });
  const batches = randomWindows(corpus.training, { batch, length, seed: 1 });
  const losses: number[] = [];
  let skipped = 0;
  let gradient: readonly number[] = [];
  for (let step = 0; step < steps; step++) {
    const { tokens, next } = batches.next();
    const done = await trainer.trainStep({ tokens, next });
    losses.push(await done.loss);
    if (await done.skipped) skipped++;
    if (step === 0) gradient = Object.values(await trainer.gradients()).flatMap((each) => [...each]);
  }
  const held = spreadBatches(corpus.heldOut, batch, length, 8);
  const parts: number[] = [];
  for (const { tokens, next } of held) parts.push((await model.evaluate({ tokens, next }, { batch, length })).loss);
  const result = { losses, skipped, gradient, heldOut: mean(parts), bytes: trainer.arenaBytes };
  model.destroy();
  return result;
}

for (const [model, spec] of Object.entries(MODELS)) {
  const [wide, half] = await Promise.all(PRECISIONS.map((precision) => train(spec, precision)));
  const norm = (values: readonly number[]) => Math.hypot(...values);
  const apart = norm(half.gradient.map((g, i) => g - wide.gradient[i])) / norm(wide.gradient);
  console.log(`\n${model}: gradients of the first step ${apart.toExponential(1)} apart`);
  for (const [precision, { losses, skipped, heldOut, bytes }] of [["f32", wide] as const, ["f16", half] as const]) {
    const shown = [losses[0], mean(losses.slice(-WINDOW)), heldOut].map((loss) => loss.toFixed(4));
    const [first, last, held] = shown;
    console.log(
      `  ${precision}: loss ${first} at first, ${last} at last, ${held} held out; arena ${bytes} bytes; ${skipped} steps skipped`,
    );
  }
}
device.destroy();
