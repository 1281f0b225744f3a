/** @file Images as sequences of pixels, in their own and in a fixed random order. */

import { expect, test } from "vitest";
import { type DataArray, matchArrays, pixelSequences } from "../../runtime/data/index.js";

const images: DataArray = { shape: [5, 4, 3], values: Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256) };
const labels: DataArray = { shape: [5], values: Uint8Array.of(3, 1, 4, 1, 5) };
const sequences = (permutation?: number) => {
  const { shape, values } = pixelSequences(images, labels, permutation).get("x") ?? { shape: [], values: [] };
  expect(shape).toEqual([5, 12, 1]);
  return Array.from({ length: 5 }, (_, row) => [...values].slice(row * 12, row * 12 + 12));
};

test("pixels come row by row, from 0 to 1, beside their labels", () => {
  expect(sequences().flat()).toEqual([...images.values].map((byte) => Math.fround(byte / 255)));
  expect(pixelSequences(images, labels).get("label")).toEqual(labels);
});

test("a permutation is one for all images, and another for another seed", () => {
  const plain = sequences();
  const order = sequences(7)[0].map((value) => plain[0].indexOf(value));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, at) => at));
  expect(order).not.toEqual([...order].sort((a, b) => a - b));
  expect(sequences(7)).toEqual(plain.map((row) => order.map((at) => row[at])));
  expect(sequences(8)).not.toEqual(sequences(7));
});

test("they fit a classifier", () => {
  const manifest = {
    name: "Classifier",
    inputs: [{ name: "x", elem: "f32", shape: ["T", 1] }],
    targets: [{ name: "label", elem: "i32", shape: [], classes: 10 }],
    ragged: ["T"],
  } as const;
  const dataset = matchArrays(manifest, pixelSequences(images, labels));
  expect(dataset.lengths).toEqual({ T: 12 });
  expect(dataset.gather([2]).label).toEqual(Int32Array.of(4));
});

test("other arrays are refused", () => {
  expect(() => pixelSequences(labels, labels)).toThrow(/not of the shape \[5\]/);
  expect(() => pixelSequences({ ...images, values: Float32Array.from(images.values) }, labels)).toThrow(/bytes/);
  expect(() => pixelSequences(images, { shape: [4], values: new Uint8Array(4) })).toThrow(/5 images, .*\[4\]/);
});
