/**
 * @file The runtime's own kernels on a device: two updates by AdamW and a draw of ids, on random numbers, against the same in f64.
 */

import { parameterRegions, readRegions } from "./checkpoint.js";
import { ModelCore } from "./core.js";
import { DeviceGuard } from "./guard.js";
import { createBuffer } from "./live-objects.js";
import { BATCH, FORMAT, type InitExpr, type Manifest, type Program } from "./manifest.js";
import { checkOptimizer } from "./optimizer.js";
import { Execution } from "./program.js";
import { threefry, toNormal } from "./random.js";
import { Sampler } from "./sampler.js";
import type { SelfTestFault, SelfTestReport } from "./self-test.js";
import { Updater } from "./updater.js";

type Outcome = Pick<SelfTestReport, "checked" | "faults">;

const SEED = 7;
const normals = (key: number, length: number, scale: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, at) => scale * toNormal(threefry([SEED, key], [at, 0])));

export async function testRuntime(device: GPUDevice): Promise<Outcome> {
  const faults = [await testUpdate(device), await testSampler(device)];
  return { checked: faults.length, faults: faults.flatMap((fault) => fault ?? []) };
}

function faultOf(kernels: readonly string[], message: string): SelfTestFault {
  const label = kernels.join(" + ");
  return { program: "runtime", dispatch: 0, label, variant: 0, kernels, message: `${label}: ${message}` };
}

/** One that decays, longer than a workgroup's run, and one that does not. */
const DECAYED = 700;
const PLAIN = 37;
const ALL = DECAYED + PLAIN;
const STEPS = 2;
const TOLERANCE = 1e-4;

function updatedManifest(): { readonly manifest: Manifest; readonly program: Program } {
  const number = (value: number): InitExpr => ({ op: "number", value });
  const init = { kind: "expression", expr: { op: "normal", args: [number(0), number(1)] } } as const;
  const slot = (name: string, factor: number) => {
    return { name, size: { factor, lengths: [], divisor: 1 }, first: -1, last: 0 };
  };
  const program: Program = {
    slots: [slot("gradients", ALL), slot("loss", 1)],
    dispatches: [],
    inputs: { gradients: 0, loss: 1 },
    outputs: {},
    scalars: { loss: 1 },
    nextStates: {},
    gradients: 0,
  };
  const manifest: Manifest = {
    format: FORMAT,
    name: "the self-test",
    generator: "the runtime",
    spec: "",
    lengths: [],
    inputs: [],
    targets: [],
    outputs: [],
    metrics: [],
    parameters: [
      { name: "decayed", shape: [DECAYED], offset: 0, init },
      { name: "plain", shape: [PLAIN], offset: DECAYED, init },
    ],
    layout: { decayed: DECAYED, trainable: ALL, total: ALL },
    wgsl: "",
    kernels: {},
    programs: { train: program, predict: program, stream: { refused: "it has no steps" } },
  };
  return { manifest, program };
}

const ADAMW = checkOptimizer({ type: "adamw", learningRate: 0.1, weightDecay: 0.1 });
const CLIP_NORM = 5;

async function testUpdate(device: GPUDevice): Promise<SelfTestFault | undefined> {
  const { manifest } = updatedManifest();
  const core = await ModelCore.create(device, manifest, SEED);
  try {
    const execution = await Execution.create(core.compile("train"), { [BATCH]: 1 }, core.params);
    core.own(execution);
    const options = { optimizer: ADAMW, clipNorm: CLIP_NORM, clipValue: 0, accumulate: 1, parameters: {} };
    const updater = core.own(await Updater.create(core, execution, options));
    const parameters = async () => {
      const { decayed, plain } = await readRegions(core, core.params, parameterRegions(manifest));
      return [...decayed, ...plain];
    };
    const start = await parameters();
    const gradients = Array.from({ length: STEPS }, (_, step) => normals(step, ALL, 1));
    for (const each of gradients) {
      execution.upload(0, each);
      execution.upload(1, Float32Array.of(1));
      const numbers = { learningRate: ADAMW.learningRate as number, lossScale: 1, waiting: 0 };
      await core.guard.creating("testing the update", () => {
        updater.upload(numbers);
        const encoder = device.createCommandEncoder();
        updater.encode(encoder, numbers);
        device.queue.submit([encoder.finish()]);
      });
    }
    const expected = adamW(start, gradients);
    const got = await parameters();
    // Of what the updates change: the parameters themselves are most of their norm.
    const distance = relative(
      got.map((p, i) => p - start[i]),
      expected.map((p, i) => p - start[i]),
    );
    if (distance <= TOLERANCE) return undefined;
    const message = `two updates differ from AdamW by ${distance.toPrecision(2)} of what they change`;
    return faultOf(["the norm of the gradients", "the update"], message);
  } finally {
    core.destroy();
  }
}

function adamW(start: readonly number[], gradients: readonly Float32Array[]): readonly number[] {
  if (ADAMW.type !== "adamw") throw new Error("the self-test's optimizer is AdamW");
  const { beta1, beta2, eps, weightDecay } = ADAMW;
  const rate = ADAMW.learningRate as number;
  const scales = gradients.map((each) => Math.min(1, CLIP_NORM / Math.hypot(...each)));
  return start.map((first, i) => {
    let [p, m, v] = [first, 0, 0];
    gradients.forEach((each, step) => {
      const g = scales[step] * each[i];
      if (i < DECAYED) p -= rate * weightDecay * p;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      p -= (rate * (m / (1 - beta1 ** (step + 1)))) / (Math.sqrt(v / (1 - beta2 ** (step + 1))) + eps);
    });
    return p;
  });
}

function relative(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((x, i) => x - b[i])) / Math.hypot(...b);
}

const ROWS = 5;
const VOCABULARY = 301;
const SAMPLING = { temperature: 0.8, topK: 40, topP: 0.9, seed: SEED };
const STEPS_BEFORE = 11;

async function testSampler(device: GPUDevice): Promise<SelfTestFault | undefined> {
  const logits = normals(STEPS, ROWS * VOCABULARY, 2);
  const { STORAGE, COPY_DST } = GPUBufferUsage;
  const buffer = createBuffer(device, { label: "logits", size: logits.byteLength, usage: STORAGE | COPY_DST });
  const rows = Array.from({ length: ROWS }, () => ({ born: 0 }));
  try {
    const sampler = await Sampler.create(device, {
      vocabulary: VOCABULARY,
      sampling: SAMPLING,
      columns: 1,
      stops: [],
      rows,
    });
    try {
      await DeviceGuard.of(device).creating("testing the sampler", () => {
        device.queue.writeBuffer(buffer, 0, logits);
        const encoder = device.createCommandEncoder();
        sampler.encode(encoder, { buffer, first: 0, stride: VOCABULARY }, STEPS_BEFORE, 0);
        device.queue.submit([encoder.finish()]);
      });
      const got = await sampler.read(1);
      const expected = rows.map((_, row) => drawnId(logits.subarray(row * VOCABULARY, (row + 1) * VOCABULARY), row));
      if (expected.every((id, row) => id === got[row])) return undefined;
      return faultOf(["the sampler"], `it draws ${[...got].join(", ")}, expected ${expected.join(", ")}`);
    } finally {
      sampler.destroy();
    }
  } finally {
    buffer.destroy();
  }
}

/** As `SamplingOptions` has it, with sorting. */
function drawnId(logits: Float32Array, row: number): number {
  const { temperature, topK, topP, seed } = SAMPLING;
  const sorted = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b).slice(0, topK);
  const weight = (id: number) => Math.exp((logits[id] - logits[sorted[0]]) / temperature);
  const nucleus = sorted.slice(0, 1 + reached(sorted.map(weight), topP));
  const kept = nucleus.sort((a, b) => a - b);
  return kept[reached(kept.map(weight), threefry([seed, row], [STEPS_BEFORE, 0])[0] / 2 ** 32)];
}

/** Where the sum of the weights so far reaches a share of all. */
function reached(weights: readonly number[], share: number): number {
  const mark = share * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.findIndex((weight) => {
    sum += weight;
    return sum >= mark;
  });
}
