/**
 * @file What a step does with its gradients: adds them to those of the steps before, measures and checks them, clips, and updates the
 * parameters. All of it stays on the device.
 */

import { type ElementArrays, readRegions } from "./checkpoint.js";
import type { Destroyable, ModelCore } from "./core.js";
import { storageSize } from "./core.js";
import { describeAdapterInfo } from "./device.js";
import { createBuffer } from "./live-objects.js";
import type { Manifest, ParameterSpec } from "./manifest.js";
import { checkBufferSize } from "./memory.js";
import { MuonPart } from "./muon.js";
import { type Optimizer, peakOf } from "./optimizer.js";
import { type Rule, ruleOf } from "./optimizers.js";
import { matches, type ParametersOptions, type Run, runsOf, runTable, type Usual } from "./parameter-settings.js";
import type { Execution } from "./program.js";
import type { Region } from "./readback.js";
import { OwnKernel, type Recorded } from "./shader.js";
import type { Part } from "./snapshots.js";
import * as texts from "./update-kernels.js";

export interface UpdateOptions {
  readonly optimizer: Optimizer;
  /** 0: none. */
  readonly clipNorm: number;
  /** 0: none. */
  readonly clipValue: number;
  /** Steps an update. */
  readonly accumulate: number;
  readonly parameters: ParametersOptions;
}

/** What an updater goes on from. */
export interface Remembered {
  readonly arrays: ElementArrays;
  /** Updates. */
  readonly done: number;
  /** What is wrong with steps whose gradients wait for an update. */
  readonly faults: { readonly loss: boolean; readonly overflow: boolean };
}

/** What holds for one step. */
export interface StepNumbers {
  readonly learningRate: number;
  /** By which its gradients are scaled up. */
  readonly lossScale: number;
  /** How many steps' gradients are waiting: from 0 to accumulate − 1. */
  readonly waiting: number;
}

/** Names of what is read back. */
export const NORM = "@norm";
export const VERDICT = "@verdict";
const DONE = "@done";
const SUM = "sum";

/**
 * Workgroups of kernels that go through elements or runs, however many there are. In software each has a price of its own, and a few
 * keep all cores busy.
 */
const mostGroups = ({ adapterInfo }: GPUDevice): number => (describeAdapterInfo(adapterInfo).software ? 64 : 16384);

/** The runs, first those that the update's one kernel takes: all but Muon's matrices. */
function dividedRuns(
  manifest: Manifest,
  { optimizer, parameters }: UpdateOptions,
): { readonly runs: readonly Run[]; readonly plain: number } {
  if (optimizer.type !== "muon") {
    const runs = runsOf(manifest, parameters, () => ({ rate: 1, decay: optimizer.weightDecay }));
    return { runs, plain: runs.length };
  }
  const { adamw, learningRate, weightDecay } = optimizer;
  const peak = peakOf(learningRate);
  const rest: Usual = { rate: peak === 0 ? 0 : adamw.learningRate / peak, decay: adamw.weightDecay };
  const isMatrix = ({ name, shape }: ParameterSpec) =>
    shape.length >= 2 && !adamw.parameters.some((pattern) => matches(pattern, name));
  const all = runsOf(manifest, parameters, (spec) => (isMatrix(spec) ? { rate: 1, decay: weightDecay } : rest));
  const [matrices, others] = [true, false].map((kind) =>
    all.filter(({ parameter }) => isMatrix(manifest.parameters[parameter]) === kind),
  );
  return { runs: [...others, ...matrices], plain: others.length };
}

export class Updater implements Destroyable {
  readonly #words: DataView<ArrayBuffer>;
  readonly #names: readonly string[];
  #muon: MuonPart | undefined;
  readonly #groups: { readonly measure: number; readonly update: number; readonly accumulate: number };

  static async create(core: ModelCore, execution: Execution, options: UpdateOptions): Promise<Updater> {
    const { device, manifest } = core;
    const { trainable } = manifest.layout;
    const rule = ruleOf(options.optimizer);
    const shape = { rule, clipsValue: options.clipValue > 0 };
    const { runs, plain } = dividedRuns(manifest, options);
    const parts = Math.max(1, Math.min(texts.MOST_PARTS, runs.length));
    const places = texts.sumPlaces(trainable);
    const [measure, update, accumulate] = await Promise.all([
      OwnKernel.create(device, texts.measureText(shape)),
      OwnKernel.create(device, texts.updateText(shape, parts)),
      options.accumulate === 1 ? undefined : OwnKernel.create(device, texts.accumulateText(shape, places)),
    ]);
    const stateSize = storageSize(rule.slots.length * trainable);
    checkBufferSize(device, stateSize, `the optimizer of ${manifest.name}`, () => "take one that remembers less");
    const { optimizer } = options;
    const updater = await core.guard.creating(`the optimizer of ${manifest.name}`, () => {
      const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
      const table = runTable(runs);
      const words = 4 * (texts.WHOLE_WORDS.length + texts.REAL_WORDS.length + Object.keys(rule.words).length);
      const storage = (label: string, size: number) =>
        createBuffer(device, { label, size, usage: STORAGE | COPY_SRC | COPY_DST });
      const buffers = {
        step: createBuffer(device, { label: "step", size: words, usage: UNIFORM | COPY_DST }),
        runs: storage("runs", table.byteLength),
        parts: storage("parts", 4 * parts),
        progress: storage("progress", 4 * texts.progressWords(rule)),
        state: storage("state", stateSize),
        ...(accumulate && { sums: storage("sums", 4 * places.length) }),
      };
      device.queue.writeBuffer(buffers.runs, 0, table);
      const { gradients = 0, scalars } = execution.compiled.program;
      const inArena = (slot: number, elements: number): GPUBufferBinding => ({
        buffer: execution.arena,
        offset: 4 * execution.offsetOf(slot),
        size: 4 * Math.max(1, elements),
      });
      const inSums = (buffer: GPUBuffer, place: number, elements: number): GPUBufferBinding => ({
        buffer,
        offset: 4 * place,
        size: 4 * elements,
      });
      const ofStep = {
        gradients: inArena(gradients, trainable),
        loss: inArena(scalars.loss, 1),
        overflow: inArena(scalars.overflow ?? scalars.loss, 1),
      };
      const { sums } = buffers;
      const measured = sums
        ? {
            gradients: inSums(sums, 0, Math.max(1, trainable)),
            loss: inSums(sums, places.loss, 1),
            overflow: inSums(sums, places.overflow, 1),
          }
        : ofStep;
      const { step, progress, state, parts: partial } = buffers;
      const common = { step, progress, runs: buffers.runs, parts: partial };
      return new Updater(
        core,
        options,
        rule,
        buffers,
        {
          measure: measure.over({ ...common, ...measured }),
          update: update.over({ ...common, gradients: measured.gradients, params: core.params, state }),
          ...(accumulate && sums && { accumulate: accumulate.over({ step, ...ofStep, sums }) }),
        },
        { runs: runs.length, plain, parts, elements: trainable },
        measured.gradients,
      );
    });
    if (optimizer.type !== "muon" || plain === runs.length) return updater;
    try {
      const { step, progress, state } = updater.buffers;
      const given = { step, progress, state, gradients: updater.gradients };
      updater.#muon = await MuonPart.create(core, optimizer, shape, runs.slice(plain), given);
      return updater;
    } catch (error) {
      updater.destroy();
      throw error;
    }
  }

  private constructor(
    private readonly core: ModelCore,
    private readonly options: UpdateOptions,
    readonly rule: Rule,
    private readonly buffers: Readonly<Record<"step" | "runs" | "parts" | "progress" | "state", GPUBuffer>> & {
      readonly sums?: GPUBuffer;
    },
    private readonly kernels: { readonly measure: Recorded; readonly update: Recorded; readonly accumulate?: Recorded },
    sizes: Readonly<Record<"runs" | "plain" | "parts" | "elements", number>>,
    private readonly gradients: GPUBufferBinding,
  ) {
    const { manifest } = core;
    this.#names = [...texts.WHOLE_WORDS, ...texts.REAL_WORDS, ...Object.keys(rule.words)];
    this.#words = new DataView(new ArrayBuffer(4 * this.#names.length));
    const groupsOf = (count: number) => Math.max(1, Math.min(mostGroups(core.device), count));
    this.#groups = {
      measure: sizes.parts,
      update: groupsOf(sizes.plain),
      accumulate: groupsOf(Math.ceil(sizes.elements / texts.WORKGROUP)),
    };
    const { clipNorm, clipValue } = options;
    this.#set({
      trainable: manifest.layout.trainable,
      runs: sizes.runs,
      plain: sizes.plain,
      clipNorm,
      clipValue,
      ...rule.words,
    });
  }

  /** Of a step that makes an update. */
  get dispatches(): number {
    return (this.kernels.accumulate ? 3 : 2) + (this.#muon?.dispatches ?? 0);
  }

  /** How the last update went, for a read-back. */
  get outcome(): readonly Region[] {
    const buffer = this.buffers.progress;
    return [
      { name: NORM, buffer, offset: texts.NORM_WORD, length: 1 },
      { name: VERDICT, buffer, offset: texts.VERDICT_WORD, length: 1 },
    ];
  }

  /** All that an update changes. */
  get everything(): readonly Part[] {
    const { state, progress } = this.buffers;
    const parameters = 4 * this.core.manifest.layout.trainable;
    return [
      [this.core.params, parameters],
      [state, state.size],
      [progress, progress.size],
    ];
  }

  /** What it remembers, and how many updates were done. @param waiting whether the sum of gradients is part of it. */
  async read(waiting: boolean): Promise<Remembered> {
    const { progress, state, sums = state } = this.buffers;
    const { loss, overflow } = texts.sumPlaces(this.core.manifest.layout.trainable);
    const regions = this.#arrays(waiting);
    const words = [
      { name: DONE, buffer: progress, offset: texts.NEXT_WORD, length: 1 },
      ...(waiting
        ? [
            { name: "@loss", buffer: sums, offset: loss, length: 1 },
            { name: "@overflow", buffer: sums, offset: overflow, length: 1 },
          ]
        : []),
    ];
    const values = await readRegions(this.core, state, [...words, ...regions]);
    return {
      arrays: Object.fromEntries(regions.map(({ name }) => [name, Float32Array.from(values[name])])),
      done: new Uint32Array(values[DONE].buffer)[0],
      faults: {
        loss: waiting && !Number.isFinite(values["@loss"][0]),
        overflow: waiting && values["@overflow"][0] !== 0,
      },
    };
  }

  /** Goes on from what was read. @throws Error where other options had other arrays. */
  write({ arrays, done, faults }: Remembered, waiting: boolean): void {
    const { progress, sums } = this.buffers;
    const { loss, overflow } = texts.sumPlaces(this.core.manifest.layout.trainable);
    const { queue } = this.core.device;
    const regions = this.#arrays(waiting);
    const list = (names: readonly string[]) => names.toSorted().join(", ") || "nothing";
    const [kept, needed] = [list(Object.keys(arrays)), list(regions.map(({ name }) => name))];
    if (kept !== needed) {
      throw new Error(`the file's optimizer remembers ${kept}, this trainer's ${needed}: give it the same options`);
    }
    for (const { name, offset, buffer } of regions) queue.writeBuffer(buffer, 4 * offset, arrays[name]);
    queue.writeBuffer(progress, 0, Uint32Array.of(done, done));
    if (sums === undefined) return;
    queue.writeBuffer(sums, 4 * loss, Float32Array.of(faults.loss ? Number.NaN : 0));
    queue.writeBuffer(sums, 4 * overflow, Float32Array.of(faults.overflow ? 1 : 0));
  }

  /** Before the submit of a step. */
  upload({ learningRate, lossScale, waiting }: StepNumbers): void {
    const { accumulate } = this.options;
    const adds = accumulate > 1;
    this.#set({
      learningRate,
      scaled: lossScale > 1 ? 1 : 0,
      fresh: waiting === 0 ? 1 : 0,
      share: 1 / lossScale,
      unscale: 1 / (adds ? accumulate : lossScale),
    });
    this.core.device.queue.writeBuffer(this.buffers.step, 0, this.#words.buffer);
  }

  /** Behind the gradients of a step. */
  encode(encoder: GPUCommandEncoder, { waiting }: StepNumbers): void {
    const pass = encoder.beginComputePass();
    const { accumulate, measure, update } = this.kernels;
    accumulate?.(pass, this.#groups.accumulate);
    if (waiting + 1 === this.options.accumulate) {
      measure(pass, this.#groups.measure);
      update(pass, this.#groups.update);
      this.#muon?.encode(pass);
    }
    pass.end();
  }

  destroy(): void {
    for (const buffer of Object.values(this.buffers)) buffer.destroy();
    this.#muon?.destroy();
  }

  #arrays(waiting: boolean): (Region & { readonly buffer: GPUBuffer })[] {
    const { trainable: length } = this.core.manifest.layout;
    const { state, sums } = this.buffers;
    return [
      ...this.rule.slots.map((name, slot) => ({ name, buffer: state, offset: slot * length, length })),
      ...(waiting && sums ? [{ name: SUM, buffer: sums, offset: 0, length }] : []),
    ];
  }

  #set(values: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      const at = this.#names.indexOf(name);
      if (at < texts.WHOLE_WORDS.length) this.#words.setUint32(4 * at, value, true);
      else this.#words.setFloat32(4 * at, value, true);
    }
  }
}
