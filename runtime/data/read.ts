/** @file From the name and the bytes of a file to its arrays: which format it has. */

import type { DataArrays } from "./arrays.js";
import { mergeArrays } from "./arrays.js";
import { readCsv } from "./csv.js";
import { readIdx } from "./idx.js";
import { gunzip } from "./inflate.js";
import { readNpy } from "./npy.js";
import { readNpz } from "./npz.js";
import { readSafetensors } from "./safetensors-arrays.js";

type Read = (bytes: Uint8Array, stem: string) => DataArrays | Promise<DataArrays>;

/** By how a file's name ends. Those of one array name it after the file. */
const FORMATS: readonly (readonly [ending: RegExp, read: Read])[] = [
  [/\.npy$/i, (bytes, stem) => new Map([[stem, readNpy(bytes)]])],
  [/\.npz$/i, readNpz],
  [/\.csv$/i, readCsv],
  [/\.safetensors$/i, readSafetensors],
  [/\.idx$|[-.]idx\d+-ubyte$/i, async (bytes, stem) => new Map([[stem, await readIdx(bytes)]])],
];

/**
 * The arrays of a `.npy`, `.npz`, `.csv`, `.safetensors` or IDX file (`.idx`, `…-idx3-ubyte`), each also with `.gz` behind.
 * A `.npy` or IDX file holds one array, named as the file: `labels-idx1-ubyte.gz` gives `labels`.
 * @param file its name, or a path.
 * @throws Error with the file's name and what is wrong with it.
 */
export async function readArrays(file: string, bytes: Uint8Array): Promise<DataArrays> {
  const name = file.replace(/^.*[\\/]/, "");
  const plain = name.replace(/\.gz$/i, "");
  const format = FORMATS.find(([ending]) => ending.test(plain));
  if (format === undefined) {
    throw new Error(`${name}: the format is unknown; known are .npy, .npz, .csv, .safetensors and IDX (.idx, -ubyte)`);
  }
  const [ending, read] = format;
  try {
    return await read(plain === name ? bytes : await gunzip(bytes), plain.replace(ending, ""));
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The arrays of several files together, by their names. @throws Error as `readArrays`, or for a name that comes twice. */
export async function readFiles(files: Iterable<readonly [file: string, bytes: Uint8Array]>): Promise<DataArrays> {
  return mergeArrays(await Promise.all(Array.from(files, ([file, bytes]) => readArrays(file, bytes))));
}
