import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomWindows, spreadBatches, unigramEntropy, Vocabulary, windows } from "../../runtime/data/index.js";

const counting = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe("Vocabulary", () => {
  it("gives ids in the order of the code points", () => {
    expect(Vocabulary.of("banana—\n😀").characters).toEqual(["\n", "a", "b", "n", "—", "😀"]);
  });

  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
        const vocabulary = Vocabulary.of(text);
        const ids = vocabulary.encode(text);
        expect(ids.every((id) => id >= 0 && id < vocabulary.size)).toBe(true);
        expect(vocabulary.decode(ids)).toBe(text);
      }),
    );
  });
});

describe("unigramEntropy", () => {
  it("is the logarithm of the number of equally frequent characters", () => {
    expect(unigramEntropy(Int32Array.of(0, 1, 2, 3, 3, 2, 1, 0))).toBeCloseTo(Math.log(4), 12);
  });

  it("weighs by frequency", () => {
    const expected = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
    expect(unigramEntropy(Int32Array.of(5, 5, 5, 9))).toBeCloseTo(expected, 12);
  });
});

describe("windows", () => {
  it("targets are the characters one later", () => {
    const { tokens, next } = windows(counting(20), [3, 11], 4);
    expect([...tokens]).toEqual([3, 4, 5, 6, 11, 12, 13, 14]);
    expect([...next]).toEqual([4, 5, 6, 7, 12, 13, 14, 15]);
  });

  it("random ones lie inside and repeat with their seed", () => {
    const draw = (seed: number) => randomWindows(counting(40), { batch: 200, length: 7, seed }).next();
    const { tokens, next } = draw(5);
    expect(Math.min(...tokens)).toBe(0);
    expect(Math.max(...next)).toBe(39);
    expect(tokens.every((token, i) => next[i] === token + 1)).toBe(true);
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });

  it("spread ones stay inside, at most as many as asked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 900 }),
        (batch, length, count, extra) => {
          const batches = spreadBatches(counting(length + extra), batch, length, count);
          expect(batches.length).toBeGreaterThanOrEqual(1);
          expect(batches.length).toBeLessThanOrEqual(count);
          for (const { tokens, next } of batches) {
            expect(tokens.length).toBe(batch * length);
            expect(Math.max(...next)).toBeLessThan(length + extra);
            expect(tokens.every((token, i) => next[i] === token + 1)).toBe(true);
          }
        },
      ),
    );
  });
});
