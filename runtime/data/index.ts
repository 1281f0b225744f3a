/** @file What `seqc/data` offers: from files, texts and tasks to batches. No Node and no device in here. */

export type { DataArray, DataArrays, DataValues } from "./arrays.js";
export { mergeArrays } from "./arrays.js";
export { readCsv } from "./csv.js";
export { Dataset } from "./dataset.js";
export { readIdx } from "./idx.js";
export type { DataBatch, Identity, LoaderDefinition, LoaderState } from "./loader.js";
export { DataLoader } from "./loader.js";
export { matchArrays } from "./match.js";
export { readNpy } from "./npy.js";
export { readNpz } from "./npz.js";
export { pixelSequences } from "./pixels.js";
export { Random } from "./random.js";
export { readArrays, readFiles } from "./read.js";
export { readSafetensors } from "./safetensors-arrays.js";
export type { TaskDefinition, TaskOptions } from "./tasks/index.js";
export {
  adding,
  copying,
  createTask,
  inductionHeads,
  selectiveCopying,
  TASK_NAMES,
  Task,
  temporalOrder,
} from "./tasks/index.js";
export type { TextCodec } from "./text.js";
export { BYTES, holdOut, unigramEntropy, Vocabulary } from "./text.js";
export type { ContiguousBatch, TextBatch } from "./windows.js";
export { contiguousWindows, randomWindows, spreadBatches, windows } from "./windows.js";
