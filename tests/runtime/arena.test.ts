/** @file The arena's plan: slots alive at the same time lie apart, and none needs more than all end to end. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { ALIGNMENT, evaluateCount, planArena } from "../../runtime/arena.js";
import type { Count, Slot } from "../../runtime/manifest.js";
import { foldGroups } from "../../runtime/program.js";

const count: fc.Arbitrary<Count> = fc.record({
  factor: fc.integer({ min: 1, max: 300 }),
  lengths: fc.subarray(["_B", "T", "S"]),
  divisor: fc.integer({ min: 1, max: 64 }),
});
const slots: fc.Arbitrary<Slot[]> = fc.array(
  fc
    .tuple(count, fc.integer({ min: -1, max: 12 }), fc.integer({ min: 0, max: 6 }))
    .map(([size, first, life]) => ({ name: "s", size, first, last: first + life })),
  { maxLength: 30 },
);
const length = fc.integer({ min: 1, max: 40 });
const lengths = fc.record({ _B: length, T: length, S: length });

const rounded = (size: number): number => Math.ceil(Math.max(1, size) / ALIGNMENT) * ALIGNMENT;

test("slots alive at the same time never overlap, start aligned and end within the arena", () => {
  fc.assert(
    fc.property(slots, lengths, (all, sizes) => {
      const { offsets, size } = planArena(all, sizes);
      const ends = all.map((slot, index) => offsets[index] + evaluateCount(slot.size, sizes));
      all.forEach((a, i) => {
        expect(offsets[i] % ALIGNMENT).toBe(0);
        expect(ends[i]).toBeLessThanOrEqual(size);
        all.slice(0, i).forEach((b, j) => {
          const together = a.first <= b.last && b.first <= a.last;
          expect(together && offsets[i] < ends[j] && offsets[j] < ends[i]).toBe(false);
        });
      });
    }),
  );
});

test("the arena is between the largest slot and all slots end to end", () => {
  fc.assert(
    fc.property(slots, lengths, (all, sizes) => {
      const each = all.map((slot) => rounded(evaluateCount(slot.size, sizes)));
      const { size } = planArena(all, sizes);
      expect(size).toBeLessThanOrEqual(each.reduce((sum, one) => sum + one, 0));
      expect(size).toBeGreaterThanOrEqual(Math.max(0, ...each));
    }),
  );
});

test("slots whose lives do not meet share their memory, the tightest gap first", () => {
  const sized = (factor: number, first: number, last: number): Slot => {
    return { name: "s", size: { factor: factor * ALIGNMENT, lengths: [], divisor: 1 }, first, last };
  };
  expect(planArena([sized(4, 0, 1), sized(4, 2, 3), sized(4, 4, 5)], {}).size).toBe(4 * ALIGNMENT);
  // At time 1 slots 0 and 2 leave gaps of 8 and 6: slot 4 takes the second.
  const crowded = [sized(8, 0, 0), sized(7, 0, 1), sized(6, 0, 0), sized(5, 0, 1), sized(4, 1, 1)];
  const { offsets, size } = planArena(crowded, {});
  expect(size).toBe(26 * ALIGNMENT);
  expect(offsets[4]).toBe(15 * ALIGNMENT);
});

test("counts round up", () => {
  expect(evaluateCount({ factor: 3, lengths: ["T", "T"], divisor: 4 }, { T: 3 })).toBe(7);
  expect(() => evaluateCount({ factor: 1, lengths: ["S"], divisor: 1 }, { T: 3 })).toThrow("length S");
});

test("folded workgroups cover all, waste less than a row, and respect the limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 100, max: 200 }), (total, most) => {
      const [x, y] = foldGroups(total, most);
      expect(Math.max(x, y)).toBeLessThanOrEqual(most);
      expect(x * y - total).toBeGreaterThanOrEqual(0);
      expect(x * y - total).toBeLessThan(y);
    }),
  );
  expect(() => foldGroups(10_001, 100)).toThrow("lower the batch");
});
