/** @file Images as sequences of pixels: sequential MNIST, and in a fixed random order [Le, Jaitly and Hinton 2015]. */

import { checkSeed } from "../random.js";
import type { DataArray, DataArrays } from "./arrays.js";
import { Random } from "./random.js";

/**
 * Images [N, height, width] of bytes and their labels [N] as arrays `x` [N, height · width, 1], values from 0 to 1, and `label` [N]: for a
 * classifier of `I = 1` and `K = 10`.
 * @param permutation the seed of one order of the pixels for all images; without it they come row by row.
 * @throws RangeError for arrays that are none such.
 */
export function pixelSequences(images: DataArray, labels: DataArray, permutation?: number): DataArrays {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || !(images.values instanceof Uint8Array)) {
    throw new RangeError(`images are bytes [N, height, width], and not of the shape [${images.shape.join(", ")}]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new RangeError(`there are ${count} images, and labels of the shape [${labels.shape.join(", ")}]`);
  }
  const pixels = height * width;
  const order =
    permutation === undefined
      ? Int32Array.from({ length: pixels }, (_, at) => at)
      : new Random(checkSeed(permutation), "pixels").permutation(pixels);
  const values = new Float32Array(count * pixels);
  for (let start = 0; start < values.length; start += pixels) {
    for (let at = 0; at < pixels; at++) values[start + at] = images.values[start + order[at]] / 255;
  }
  return new Map([
    ["x", { shape: [count, pixels, 1], values }],
    ["label", labels],
  ]);
}
