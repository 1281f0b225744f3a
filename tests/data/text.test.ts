/** @file Text as ids and contiguous windows of it. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BYTES, contiguousWindows, holdOut, randomWindows, Vocabulary } from "../../runtime/data/index.js";

const counting = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe("codecs", () => {
  test("bytes decode what they encode, and every text has some", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const bytes = BYTES.encode(text);
        expect([...bytes]).toEqual([...Buffer.from(text, "utf8")]);
        expect(BYTES.decode(bytes)).toBe(text);
      }),
    );
    expect(BYTES.decode([0x61, 0xff])).toBe("a\ufffd");
    expect(BYTES.decode(BYTES.encode("\ufeffa"))).toBe("\ufeffa");
  });

  test("a vocabulary is kept as its characters", () => {
    const vocabulary = Vocabulary.of("hello 😀");
    const again = new Vocabulary(JSON.parse(JSON.stringify(vocabulary.characters)) as string[]);
    expect(again.encode("oh 😀")).toEqual(vocabulary.encode("oh 😀"));
    expect(() => vocabulary.encode("help")).toThrow('the character "p" is not in the vocabulary');
    expect(() => new Vocabulary(["a", "b", "a"])).toThrow('"a" is twice');
    expect(() => new Vocabulary(["ab"])).toThrow("no character");
  });

  test("the last part is held out", () => {
    const { training, heldOut } = holdOut(counting(20), 0.25);
    expect([...training, ...heldOut]).toEqual([...counting(20)]);
    expect(heldOut.length).toBe(5);
  });
});

test("contiguous windows: a row goes on where it stopped, and begins anew with each epoch", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 100 }),
      (batch, length, extra) => {
        const ids = counting(batch * length + extra);
        const loader = contiguousWindows(ids, { batch, length });
        const rowOf = (array: Int32Array, row: number) => [...array.subarray(row * length, (row + 1) * length)];
        const starts: number[] = [];
        for (const _ of [0, 1]) {
          let before: number[] | undefined;
          for (const { tokens, next, reset } of loader) {
            expect([...next]).toEqual([...tokens].map((token) => token + 1));
            expect(Math.max(...next)).toBeLessThan(ids.length);
            expect([...reset]).toEqual(Array.from({ length: batch }, () => (before === undefined ? 1 : 0)));
            const rows = Array.from({ length: batch }, (_, row) => rowOf(tokens, row));
            if (before === undefined) starts.push(...rows.map(([first]) => first));
            else expect(rows.map(([first]) => first)).toEqual(before.map((last) => last + 1));
            before = rows.map((row) => row[length - 1]);
          }
          // Rows do not overlap, and leave out less than a window each.
          for (let row = 0; row < batch; row++) {
            const end = row + 1 < batch ? starts[row + 1] : ids.length - 1;
            expect(before?.[row]).toBeLessThan(end);
            expect(end - 1 - (before?.[row] ?? 0)).toBeLessThan(length + (row + 1 < batch ? 0 : batch));
          }
        }
        expect(starts.slice(batch)).toEqual(starts.slice(0, batch));
      },
    ),
  );
});

test("random windows lie inside, differ by seed and reach every place", () => {
  const draw = (seed: number) => randomWindows(counting(40), { batch: 200, length: 7, seed }).next();
  const { tokens, next } = draw(5);
  expect(Math.min(...tokens)).toBe(0);
  expect(Math.max(...next)).toBe(39);
  expect(tokens.every((token, i) => next[i] === token + 1)).toBe(true);
  expect(draw(5)).toEqual(draw(5));
  expect(draw(5)).not.toEqual(draw(6));
});

test("texts that are too short are refused", () => {
  expect(() => randomWindows(counting(5), { batch: 9, length: 5 })).toThrow(/it has 5 ids, and windows of 5 need 6/);
  expect(() => contiguousWindows(counting(10), { batch: 2, length: 5 })).toThrow(/need 11/);
  expect(contiguousWindows(counting(11), { batch: 2, length: 5 }).epochLength).toBe(1);
});
