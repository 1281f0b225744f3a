/** @file Batches: every example once an epoch, another order in each, and a position that is gone on from exactly. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  contiguousWindows,
  type DataLoader,
  type Dataset,
  type LoaderState,
  matchArrays,
  Random,
  randomWindows,
} from "../../runtime/data/index.js";

/** Examples that are their own number, 3 steps each. */
const counting = (examples: number): Dataset =>
  matchArrays(
    { name: "M", inputs: [{ name: "x", elem: "f32", shape: ["T"] }], targets: [] },
    new Map([["x", { shape: [examples, 3], values: Float32Array.from({ length: examples * 3 }, (_, i) => i / 3) }]]),
  );
const firsts = ({ x }: Readonly<Record<string, ArrayLike<number>>>) =>
  Array.from({ length: x.length / 3 }, (_, at) => x[at * 3]);
const ids = Int32Array.from({ length: 101 }, (_, i) => (i * i) % 17);

describe("an epoch of arrays", () => {
  test("has every example once, in another order each time", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(99),
        (examples, batch, seed) => {
          const loader = counting(examples).batches({ batch, seed, dropLast: false });
          expect(loader.epochLength).toBe(Math.ceil(examples / batch));
          for (const epoch of [0, 1, 2]) {
            expect(loader.epoch).toBe(epoch);
            const seen = [...loader].flatMap(firsts);
            expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: examples }, (_, i) => i));
          }
        },
      ),
    );
    const loader = counting(40).batches({ batch: 8, seed: 3 });
    const epochs = [0, 1, 2].map(() => [...loader].flatMap(firsts).join());
    expect(new Set(epochs).size).toBe(3);
    expect([...counting(40).batches({ batch: 8, seed: 4 })].flatMap(firsts).join()).not.toBe(epochs[0]);
  });

  test("in order and without the last, if that is wanted", () => {
    const loader = counting(8).batches({ batch: 3, shuffle: false });
    expect(loader.epochLength).toBe(2);
    for (const _ of [0, 1]) {
      expect([...loader].map(firsts)).toEqual([
        [0, 1, 2],
        [3, 4, 5],
      ]);
    }
    expect(() => counting(8).batches({ batch: 9 })).toThrow(/`batch` is 9 and there are only 8 examples/);
    expect(() => counting(8).batches({ batch: 0 })).toThrow(/`batch` must be a whole number of at least 1/);
    expect(() => counting(8).batches({ batch: 2, seed: -1 })).toThrow(/`seed` must be/);
  });

  test("every order of three is as likely", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const order = new Random(seed, "order").permutation(3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Chi-squared with 5 degrees of freedom is above 25.7 once in 10,000.
    const chi = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(25.7);
  });
});

describe("a validation part", () => {
  test("is disjoint, of the fraction asked for, the same for a seed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.nat(),
        (n, fraction, seed) => {
          const apart = Math.max(1, Math.round(n * fraction));
          fc.pre(apart < n);
          const { training, validation } = counting(n).split(fraction, seed);
          const members = (part: Dataset) => firsts(part.gather(Array.from({ length: part.examples }, (_, i) => i)));
          expect(validation.examples).toBe(apart);
          expect([...members(training), ...members(validation)].sort((a, b) => a - b)).toEqual(
            Array.from({ length: n }, (_, i) => i),
          );
          expect(members(counting(n).split(fraction, seed).validation)).toEqual(members(validation));
        },
      ),
    );
    const of = (seed: number) => firsts(counting(50).split(0.2, seed).validation.gather([0, 1, 2, 3, 4]));
    expect(of(1)).not.toEqual(of(2));
    expect(() => counting(1).split(0.5)).toThrow(RangeError);
    expect(() => counting(9).split(1)).toThrow(RangeError);
  });
});

test("a position in other data of the same size is told apart", () => {
  const state = counting(50).split(0.2, 1).training.batches({ batch: 4 }).state();
  expect(() => counting(50).split(0.2, 2).training.batches({ batch: 4 }).restore(state)).toThrow(
    /: checksum was \d+ and is \d+$/,
  );
  const windows = randomWindows(ids, { batch: 3, length: 5 }).state();
  expect(() => randomWindows(ids.toReversed(), { batch: 3, length: 5 }).restore(windows)).toThrow(/: checksum was/);
});

const LOADERS: Readonly<Record<string, () => DataLoader<object>>> = {
  arrays: () => counting(23).batches({ batch: 4, seed: 6 }),
  "random windows": () => randomWindows(ids, { batch: 3, length: 5, seed: 6 }),
  "contiguous windows": () => contiguousWindows(ids, { batch: 3, length: 5 }),
  renamed: () => randomWindows(ids, { batch: 2, length: 4 }).map(({ tokens, next }) => ({ a: tokens, b: next })),
};

describe.each(Object.entries(LOADERS))("%s", (_, make) => {
  test("resumed anywhere go on as if they had never stopped", () => {
    const whole = make();
    const all = Array.from({ length: 20 }, () => whole.next());
    expect(new Set(all.map((batch) => JSON.stringify(batch))).size).toBeGreaterThan(5);
    for (let stop = 0; stop < 20; stop++) {
      const first = make();
      for (let taken = 0; taken < stop; taken++) expect(first.next()).toEqual(all[taken]);
      const state = JSON.parse(JSON.stringify(first.state())) as LoaderState;
      const second = make();
      second.restore(state);
      for (let taken = stop; taken < 20; taken++) expect(second.next()).toEqual(all[taken]);
    }
  });

  test("gone through, give the rest of each epoch", () => {
    const loader = make();
    const { epochLength } = loader;
    if (epochLength === undefined) return;
    for (const _ of loader) break;
    expect([...loader].length).toBe(epochLength - 1);
    expect(loader.epoch).toBe(1);
    expect([...loader].length).toBe(epochLength);
    expect(loader.state(1).taken).toBe(2 * epochLength - 1);
  });

  test("do not go on from a position of others", () => {
    const loader = make();
    const { taken, identity } = loader.state();
    const other = { taken, identity: { ...identity, batch: 99 } };
    expect(() => loader.restore(other)).toThrow(`batch was 99 and is ${identity.batch}`);
    expect(() => loader.restore({ taken: -1, identity })).toThrow(/no number of batches/);
    expect(() => loader.restore({ taken, identity: { kind: "other" } })).toThrow(/kind was other and is/);
  });
});
