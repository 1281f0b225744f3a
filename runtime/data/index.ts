/** @file What `seqc/data` offers: from files, texts and tasks to batches. No Node and no device in here. */

export type { DataArray, DataArrays, DataValues } from "./arrays.js";
export { mergeArrays } from "./arrays.js";
export { readCsv } from "./csv.js";
export { readIdx } from "./idx.js";
export { readNpy } from "./npy.js";
export { readNpz } from "./npz.js";
export { readArrays, readFiles } from "./read.js";
export { readSafetensors } from "./safetensors-arrays.js";
