/** @file The arrays of a `.npz` file: a zip archive with a `.npy` file for each, as `numpy.savez` writes it. */

import type { DataArray, DataArrays } from "./arrays.js";
import { readNpy } from "./npy.js";
import { readZip } from "./zip.js";

/** @throws Error saying what is wrong with the file, or with which array in it. */
export async function readNpz(bytes: Uint8Array): Promise<DataArrays> {
  const arrays = new Map<string, DataArray>();
  for (const [file, contents] of await readZip(bytes)) {
    if (!file.endsWith(".npy")) throw new Error(`this is no .npz file: ${file} in it is no .npy file`);
    try {
      arrays.set(file.slice(0, -".npy".length), readNpy(contents));
    } catch (error) {
      throw new Error(`${file} in the .npz file: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return arrays;
}
