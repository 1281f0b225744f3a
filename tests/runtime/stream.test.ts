/** @file Streaming keeps its states on the device from step to step. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { testDevice } from "../support/device.js";
import { affine, decaying } from "./manifests.js";
import { distance, randomArray } from "./support.js";

const BATCH = 6;
const STEPS = 12;

let model: Model;
beforeAll(async () => {
  model = await Model.create(await testDevice(), decaying);
});
afterAll(() => model.destroy());

/** y[b, t] = y[b, t−1] / 2 + x[b, t]. */
function wholeSequence(x: Float32Array): Float32Array {
  const y = Float32Array.from(x);
  for (let at = 0; at < y.length; at++) if (at % STEPS > 0) y[at] += y[at - 1] / 2;
  return y;
}

/** Steps from … from+length−1 of every example. */
function chunk(values: Float32Array, from: number, length: number): Float32Array {
  return Float32Array.from({ length: BATCH * length }, (_, at) => {
    return values[Math.floor(at / length) * STEPS + from + (at % length)];
  });
}

test.each([1, 3, 4])("in chunks of %i gives what the whole sequence gives", async (length) => {
  const x = randomArray(BATCH * STEPS, 51);
  const expected = wholeSequence(x);
  const stream = await model.stream({ batch: BATCH });
  for (let from = 0; from < STEPS; from += length) {
    const { y } = await stream.step({ x: chunk(x, from, length) });
    expect(distance(y, chunk(expected, from, length))).toBeLessThan(1e-6);
  }
  stream.destroy();
});

test("in uneven chunks, asked for without waiting, too", async () => {
  const x = randomArray(BATCH * STEPS, 54);
  const expected = wholeSequence(x);
  const stream = await model.stream({ batch: BATCH });
  const bounds = [0, 1, 4, 6, 7, 8, STEPS];
  const outputs = bounds.slice(1).map((end, i) => stream.step({ x: chunk(x, bounds[i], end - bounds[i]) }));
  for (const [i, { y }] of (await Promise.all(outputs)).entries()) {
    expect(distance(y, chunk(expected, bounds[i], bounds[i + 1] - bounds[i]))).toBeLessThan(1e-6);
  }
  stream.destroy();
});

test("steps asked for without waiting run in their order", async () => {
  const x = randomArray(BATCH * STEPS, 52);
  const expected = wholeSequence(x);
  const stream = await model.stream({ batch: BATCH });
  const outputs = await Promise.all(Array.from({ length: STEPS }, (_, from) => stream.step({ x: chunk(x, from, 1) })));
  outputs.forEach(({ y }, from) => {
    expect(distance(y, chunk(expected, from, 1))).toBeLessThan(1e-6);
  });
});

test("reset forgets, after an even and an odd number of steps; a refused step does not count", async () => {
  const x = randomArray(BATCH, 53);
  const stream = await model.stream({ batch: BATCH });
  for (const steps of [1, 2, 3]) {
    for (let step = 0; step < steps; step++) await stream.step({ x: randomArray(BATCH, step) });
    await stream.reset();
    const first = await stream.step({ x });
    expect(distance(first.y, x)).toBeLessThan(1e-6);
    await expect(stream.step({ x: x.subarray(1) })).rejects.toThrow("has 5 elements and needs 6: batch 6 × T 1");
    const second = await stream.step({ x });
    expect(
      distance(
        second.y,
        x.map((value) => value * 1.5),
      ),
    ).toBeLessThan(1e-6);
  }
});

test("a model that cannot stream says why", async () => {
  const other = await Model.create(await testDevice(), affine);
  await expect(other.stream({ batch: 1 })).rejects.toThrow("Affine cannot run as a stream: nothing in it runs along");
  other.destroy();
});

test("a state whose next value shares a slot is refused", async () => {
  const { stream } = decaying.programs;
  if ("refused" in stream) throw new Error("the fixture streams");
  const shared = { ...stream, step: { ...stream.step, nextStates: { sum: stream.step.inputs.x } } };
  const other = await Model.create(await testDevice(), {
    ...decaying,
    programs: { ...decaying.programs, stream: shared },
  });
  await expect(other.stream({ batch: 1 })).rejects.toThrow("a slot of its own");
  other.destroy();
});
