/** @file What a run trains and is validated on: from the sources of its configuration to batches for a model's ports. */

import { readFileSync } from "node:fs";
import type { Batches } from "../../../runtime/batches.js";
import type { DataArray } from "../../../runtime/data/arrays.js";
import type { DataBatch, DataLoader } from "../../../runtime/data/loader.js";
import { matchArrays } from "../../../runtime/data/match.js";
import { readFiles } from "../../../runtime/data/read.js";
import { createTask, type Task } from "../../../runtime/data/tasks/index.js";
import type { Manifest, Port } from "../../../runtime/manifest.js";
import type { AnyLength } from "../../../runtime/model.js";
import { CommandError } from "../exit.js";
import { reason } from "../files.js";
import { blame, type RunConfig } from "./config.js";
import { type Codec, readTextData } from "./text-data.js";

/** Batches for the ports of one model. */
export interface BoundData {
  readonly training: DataLoader<DataBatch>;
  /** Gone through once for each validation; none where nothing is held out. */
  readonly validation?: Batches<DataBatch>;
  /** All that there is, as `seqc eval` wants it. */
  readonly whole: Batches<DataBatch>;
  /** Of a trainer. */
  readonly length: AnyLength;
  /** Steps of all sequences of a batch. */
  readonly tokens: number;
}

/** Read, and not yet matched to a model. */
export interface RunData {
  /** Sizes of the model that follow from the data; a command line may not give the fixed ones. */
  readonly set: Readonly<Record<string, number>>;
  readonly fixed: readonly string[];
  /** What to tell of it. */
  readonly lines: readonly (readonly [label: string, value: string])[];
  readonly codec?: Codec;
  /** The loss of the best answer that ignores the input. */
  readonly baseline?: { readonly name: string; readonly loss: number };
  /** @throws CommandError where the model cannot be fed from it. */
  bind(manifest: Manifest): BoundData;
}

/** Batches of a task's validation. */
const TASK_VALIDATION = 8;

/**
 * @param codec of a model that is trained already.
 * @throws CommandError about a file, or an option that the data refuses.
 */
export async function readData(config: RunConfig, codec?: Codec): Promise<RunData> {
  if (config.task !== undefined) return taskData(config, createTaskOf(config.task));
  if (config.data !== undefined) return arrayData(config, config.data);
  return readTextData(config, codec);
}

function createTaskOf(options: NonNullable<RunConfig["task"]>): Task {
  return blame("task", () => createTask(options));
}

function taskData(config: RunConfig, task: Task): RunData {
  const { batch, seed, validation } = config;
  if (typeof validation !== "number")
    throw new CommandError("a task makes its own examples: --validation takes no files");
  return {
    set: task.spec.set,
    fixed: [],
    lines: [["task", `${task.type}, ${task.length} steps an example`]],
    baseline: { name: "baseline", loss: task.baseline },
    bind(manifest) {
      const length = soleLength(manifest, task.length);
      refuseMisfit(manifest, task);
      const validationBatches = () => task.validation({ batch, batches: TASK_VALIDATION, seed });
      return {
        training: task.batches({ batch, seed }),
        ...(validation > 0 && { validation: validationBatches }),
        whole: validationBatches,
        length,
        tokens: batch * task.length,
      };
    },
  };
}

/** A task's arrays against a model's ports, by one example. */
function refuseMisfit(manifest: Manifest, task: Task): void {
  const example = task.batches({ batch: 1 }).next();
  const ports = new Map<string, Port>([...manifest.inputs, ...manifest.targets].map((port) => [port.name, port]));
  const arrays = Object.entries(example).map(([name, values]): [string, DataArray] => {
    const shape = (ports.get(name)?.shape ?? []).map((axis) => (typeof axis === "number" ? axis : task.length));
    const fits = shape.reduce((product, extent) => product * extent, 1) === values.length;
    const array = Array.isArray(values) ? Float32Array.from(values) : (values as DataArray["values"]);
    return [name, { shape: [1, ...(fits ? shape : [values.length])], values: array }];
  });
  try {
    matchArrays(manifest, new Map(arrays));
  } catch (error) {
    throw new CommandError(`the task ${task.type}: ${reason(error)}`);
  }
}

async function arrayData(config: RunConfig, files: readonly string[]): Promise<RunData> {
  const { batch, seed, validation } = config;
  const arrays = await readArrayFiles(files);
  const held = typeof validation === "number" ? undefined : await readArrayFiles(validation);
  const first = [...arrays.values()][0]?.shape[0] ?? 0;
  return {
    set: {},
    fixed: [],
    lines: [["data", `${first.toLocaleString("en")} examples of ${[...arrays.keys()].join(", ")}`]],
    bind(manifest) {
      const all = blamed(() => matchArrays(manifest, arrays));
      const heldOut = held && blamed(() => matchArrays(manifest, held));
      const parts =
        typeof validation === "number" && validation > 0
          ? blamed(() => all.split(validation, seed))
          : { training: all, validation: heldOut };
      const { lengths } = all;
      const inOrder = (dataset: typeof all) => () => dataset.batches({ batch, shuffle: false, dropLast: false });
      return {
        training: blamed(() => parts.training.batches({ batch, seed })),
        ...(parts.validation && { validation: inOrder(parts.validation) }),
        whole: inOrder(all),
        length: lengthsOf(manifest, lengths),
        tokens: batch * Math.max(1, ...Object.values(lengths)),
      };
    },
  };
}

async function readArrayFiles(paths: readonly string[]) {
  try {
    return await readFiles(paths.map((path) => [path, readFileSync(path)] as const));
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException;
    throw new CommandError(`cannot read ${path === undefined ? "" : `${path}: `}${reason(error)}`);
  }
}

function lengthsOf({ lengths }: Manifest, extents: Readonly<Record<string, number>>): AnyLength {
  return lengths.length === 1 ? extents[lengths[0]] : lengths.length === 0 ? undefined : extents;
}

function soleLength({ name, lengths }: Manifest, length: number): AnyLength {
  if (lengths.length <= 1) return lengths.length === 0 ? undefined : length;
  throw new CommandError(`${name} cannot be trained on a task: its inputs fix ${lengths.length} lengths`);
}

/** Whatever data says is about the user's files. */
function blamed<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new CommandError(reason(error));
  }
}
