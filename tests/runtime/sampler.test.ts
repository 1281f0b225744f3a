/** @file What is drawn on the device is what an independent loop in f64 draws with the same uniform numbers. */

import { describe, expect, test } from "vitest";
import { checkSampling, Sampler, type SamplingOptions } from "../../runtime/sampler.js";
import { testDevice } from "../support/device.js";
import { drawnId, keptIds, uniformOf } from "./sampling.js";
import { randomArray } from "./support.js";

interface Draws {
  readonly logits: Float32Array;
  readonly rows: number;
  readonly past?: number;
  readonly born?: number;
  readonly threads?: number;
}

/** One draw for each row of logits, which lie at a place of their own in a buffer, with others between them. */
async function draw({ logits, rows, past = 0, born = 0, threads }: Draws, options: SamplingOptions): Promise<number[]> {
  const device = await testDevice();
  const vocabulary = logits.length / rows;
  const [first, stride] = [5, vocabulary + 3];
  const { STORAGE, COPY_DST } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: (first + rows * stride) * 4, usage: STORAGE | COPY_DST });
  const placed = new Float32Array(first + rows * stride).fill(1e9);
  for (let row = 0; row < rows; row++) {
    placed.set(logits.subarray(row * vocabulary, (row + 1) * vocabulary), first + row * stride);
  }
  device.queue.writeBuffer(buffer, 0, placed);
  const sampling = checkSampling(options);
  const states = Array.from({ length: rows }, () => ({ born }));
  const sampler = await Sampler.create(device, { vocabulary, sampling, columns: 1, stops: [], rows: states }, threads);
  try {
    const encoder = device.createCommandEncoder();
    sampler.encode(encoder, { buffer, first, stride }, past, 0);
    device.queue.submit([encoder.finish()]);
    return [...(await sampler.read(1))];
  } finally {
    sampler.destroy();
    buffer.destroy();
  }
}

const rowOf = (logits: Float32Array, rows: number, row: number) => {
  const width = logits.length / rows;
  return logits.subarray(row * width, (row + 1) * width);
};

const scaled = (length: number, seed: number, scale: number) => randomArray(length, seed).map((x) => x * scale);

const SETTINGS: readonly SamplingOptions[] = [
  { temperature: 0 },
  {},
  { temperature: 0.6 },
  { temperature: 2.5, topK: 40 },
  { topK: 1 },
  { topP: 0.9 },
  { temperature: 0.8, topP: 0.5 },
  { temperature: 1.3, topK: 7, topP: 0.8 },
  { topP: 1e-9 },
  { temperature: 1e-6 },
  { temperature: 1e6, topP: 0.999 },
];

describe.each([
  { vocabulary: 1, rows: 3 },
  { vocabulary: 2, rows: 64 },
  { vocabulary: 65, rows: 100 },
  { vocabulary: 257, rows: 100 },
  { vocabulary: 50_000, rows: 4 },
])("$rows rows of $vocabulary ids", ({ vocabulary, rows }) => {
  test.each(SETTINGS)("%o", async (options) => {
    const logits = scaled(rows * vocabulary, 71, 3);
    const [seed, past] = [0xdecade, 12];
    const ids = await draw({ logits, rows, past }, { ...options, seed });
    const wanted = ids.map((_, row) =>
      drawnId(rowOf(logits, rows, row), { temperature: 1, ...options }, uniformOf(seed, row, past)),
    );
    expect(ids).toEqual(wanted);
  });
});

describe("of equal logits the lowest ids come first", () => {
  const rows = 100;
  /** Few different values, both zeros among them. */
  const logits = scaled(rows * 40, 72, 1).map((x) => Math.round(x));

  test.each(SETTINGS)("%o", async (options) => {
    expect([...logits].some((x) => Object.is(x, -0))).toBe(true);
    const ids = await draw({ logits, rows }, options);
    const wanted = ids.map((_, row) =>
      drawnId(rowOf(logits, rows, row), { temperature: 1, ...options }, uniformOf(0, row, 0)),
    );
    expect(ids).toEqual(wanted);
  });

  test("also where all are equal", async () => {
    const all = new Float32Array(8 * 5000).fill(-7.25);
    const ids = await draw({ logits: all, rows: 8 }, { topK: 3001, topP: 0.5 });
    expect(ids).toEqual(ids.map((_, row) => Math.floor(uniformOf(0, row, 0) * 1501)));
  });
});

test("as many threads as GPUs have draw the same as the few in software", async () => {
  const logits = scaled(6 * 3000, 75, 2).map((x) => Math.round(8 * x) / 8);
  const options = { temperature: 0.9, topK: 900, topP: 0.97, seed: 3 };
  const ids = await draw({ logits, rows: 6, threads: 256 }, options);
  expect(ids).toEqual(await draw({ logits, rows: 6, threads: 4 }, options));
  expect(ids).toEqual(ids.map((_, row) => drawnId(rowOf(logits, 6, row), options, uniformOf(3, row, 0))));
});

test("every id of a nucleus is drawn, and none outside of it", async () => {
  const [rows, vocabulary] = [4000, 12];
  const one = scaled(vocabulary, 73, 1.2);
  const logits = Float32Array.from({ length: rows * vocabulary }, (_, at) => one[at % vocabulary]);
  const drawing = { temperature: 0.9, topK: 8, topP: 0.85 };
  const ids = await draw({ logits, rows }, drawing);
  const kept = keptIds(one, drawing);
  expect(new Set(ids)).toEqual(new Set(kept.map(({ id }) => id)));
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  for (const { id, weight } of kept) {
    const share = weight / total;
    const deviation = Math.sqrt((share * (1 - share)) / rows);
    expect(Math.abs(ids.filter((each) => each === id).length / rows - share)).toBeLessThan(4 * deviation);
  }
});

test("masked ids are never drawn, whatever masks them, and the greatest numbers there are make no harm", async () => {
  const [rows, huge] = [50, 3.4028234663852886e38];
  const row = [-huge, 1, Number.NEGATIVE_INFINITY, 2, -huge];
  const logits = Float32Array.from({ length: rows * 5 }, (_, at) => row[at % 5]);
  const ids = await draw({ logits, rows }, { temperature: 1e6 });
  expect(new Set(ids)).toEqual(new Set([1, 3]));
  const split = Float32Array.from([huge, -huge, 0, huge]);
  expect(new Set(await draw({ logits: split, rows: 1 }, { temperature: 1e6, topP: 0.4 }))).toEqual(new Set([0]));
});

test("a draw depends on seed, row and position, which counts from where the row began", async () => {
  const [rows, vocabulary] = [40, 1000];
  const logits = new Float32Array(rows * vocabulary);
  const at = (past: number, born: number, seed: number) => draw({ logits, rows, past, born }, { seed });
  const ids = await at(7, 0, 5);
  expect(await at(10, 3, 5)).toEqual(ids);
  expect(await at(8, 0, 5)).not.toEqual(ids);
  expect(await at(7, 0, 6)).not.toEqual(ids);
  expect(new Set(ids).size).toBeGreaterThan(30);
});

test.each([Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY])(
  "a logit of %f is an error that names the row",
  async (bad) => {
    const logits = scaled(3 * 300, 74, 1);
    logits[300 + 299] = bad;
    await expect(draw({ logits, rows: 3, past: 9 }, {})).rejects.toThrow(
      "the logits of row 1 are infinite or no number after 9 steps of the stream",
    );
  },
);

test.each([
  [{ temperature: -1 }, "`temperature` must be 0 or from 1e-6 to 1e6, not -1"],
  [{ temperature: Number.NaN }, "`temperature` must be"],
  [{ topK: 0 }, "`topK` must be a whole number above zero, not 0"],
  [{ topP: 0 }, "`topP` must be above 0 and at most 1, not 0"],
  [{ topP: 1.5 }, "`topP` must be"],
  [{ seed: -1 }, "`seed` must be"],
])("%o is refused", (options, message) => {
  expect(() => checkSampling(options)).toThrow(message);
});
