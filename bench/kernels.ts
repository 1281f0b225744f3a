/**
 * @file What each kernel of a training step costs, but for the update: `npm run bench:kernels -- SPEC [--set H=64]… [--batch 16] [--length 32]`.
 * Every dispatch is run alone, several times a submit, on whatever adapter there is; the whole step beside it.
 * Inputs are zeros or ids of 0: the work does not depend on them.
 */

import { Command } from "commander";
import { Kernels } from "../runtime/kernels.js";
import { BATCH } from "../runtime/manifest.js";
import { requestNodeDevice } from "../runtime/node.js";
import { type CompiledProgram, Execution } from "../runtime/program.js";
import { collectSetting } from "../src/cli/arguments.js";
import { nodeHost } from "../src/cli/host.js";
import { compile } from "../src/compile.js";
import { renderText } from "../src/diagnostics/render.js";
import { present } from "../src/support/assert.js";

const REPEATS = 5;

const command = new Command()
  .argument("<spec>")
  .option("--set <name=value>", "a parameter of the model; repeatable", collectSetting)
  .option("--batch <n>", "examples", Number, 16)
  .option("--length <n>", "every run-time length", Number, 32)
  .parse();
const [spec] = command.args;
const options = command.opts<{ set?: Record<string, number>; batch: number; length: number }>();

const { models, diagnostics } = compile({ files: [spec], host: nodeHost(), set: options.set ?? {} });
for (const diagnostic of diagnostics) console.error(renderText(diagnostic));
const [model] = models;
if (model === undefined) process.exit(1);

const { manifest } = model;
const train = present(manifest.programs.train, "bench", "a loss to train");
const sizes: Record<string, number> = { [BATCH]: options.batch };
for (const length of manifest.lengths) sizes[length] = options.length;

const { device, adapter } = await requestNodeDevice();
const params = device.createBuffer({ size: manifest.layout.total * 4, usage: GPUBufferUsage.STORAGE });

/** Milliseconds a run: the least of several. */
async function time(program: CompiledProgram): Promise<number> {
  const execution = await Execution.create(program, sizes, params);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const encoder = device.createCommandEncoder();
    execution.encode(encoder);
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, performance.now() - started);
  }
  execution.destroy();
  return best;
}

const compiled = { title: "the training step", program: train, kernels: new Kernels(device, manifest) };
console.log(
  `${adapter.name}; ${manifest.name}, ${Object.entries(sizes)
    .map((s) => s.join(" "))
    .join(", ")}`,
);
console.log(`all of them  ${(await time(compiled)).toFixed(2)} ms in ${train.dispatches.length} dispatches`);
for (const dispatch of train.dispatches) {
  const alone = { ...compiled, program: { ...train, dispatches: [dispatch] } };
  console.log(`${(await time(alone)).toFixed(2).padStart(9)} ms  ${dispatch.kernel.padEnd(12)} ${dispatch.label}`);
}
device.destroy();
