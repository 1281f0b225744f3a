/** @file Temporal order. */

import { checkWhole } from "../../options.js";
import type { Random } from "../random.js";
import { Task } from "./task.js";

export const TEMPORAL_ORDER = { shortest: 100, relevant: 2 };

/** One-hot, in this order: four distractors a b c d, the two that matter X Y, the start E, the end B. */
const SYMBOLS = 8;
const DISTRACTORS = 4;
const [X, START, END] = [4, 6, 7];

/** Where the symbols that matter may stand, in hundredths of the shortest length, both ends included. */
const PLACES: ReadonlyMap<number, readonly (readonly [from: number, to: number])[]> = new Map([
  [
    2,
    [
      [10, 20],
      [50, 60],
    ],
  ],
  [
    3,
    [
      [10, 20],
      [33, 43],
      [66, 76],
    ],
  ],
]);

/**
 * Temporal order [Hochreiter and Schmidhuber 1997, section 5.6, tasks 6a and 6b]: `x` [T, 8] begins with E, ends with B, and consists of
 * random distractors but for two (or three) places, each with an X or a Y. Which and in what order is the class `label`: XX, XY, YX, YY.
 * Lengths are 100 to 110, so T is ragged and has an array of its own.
 * @param options.relevant 2 (task 6a, default) or 3 (6b, eight classes). `shortest`, 100, scales lengths and places.
 */
export function temporalOrder(
  options: Partial<typeof TEMPORAL_ORDER> = {},
): Task<{ x: Float32Array; T: Int32Array; label: Int32Array }> {
  const given = { ...TEMPORAL_ORDER, ...options };
  const shortest = checkWhole("shortest", given.shortest, 20);
  const places = PLACES.get(given.relevant);
  if (places === undefined) throw new RangeError(`\`relevant\` must be 2 or 3, not ${given.relevant}`);
  const { relevant } = given;
  const scale = (hundredths: number) => Math.floor((hundredths * shortest) / 100);
  const length = scale(110);
  const between = (random: Random, from: number, to: number) => from + random.below(to - from + 1);
  return new Task({
    type: "temporal-order",
    options: { shortest, relevant },
    length,
    spec: { file: "classifier.seq", set: { I: SYMBOLS, K: 2 ** relevant } },
    baseline: relevant * Math.LN2,
    metric: "accuracy",
    empty: (examples) => ({
      x: new Float32Array(examples * length * SYMBOLS),
      T: new Int32Array(examples),
      label: new Int32Array(examples),
    }),
    draw(random, { x, T, label }, row) {
      const end = between(random, shortest, length);
      const symbols = Array.from({ length: end }, () => random.below(DISTRACTORS));
      symbols[0] = START;
      symbols[end - 1] = END;
      for (const [from, to] of places) {
        const bit = random.below(2);
        symbols[between(random, scale(from), scale(to))] = X + bit;
        label[row] = 2 * label[row] + bit;
      }
      for (const [t, symbol] of symbols.entries()) x[(row * length + t) * SYMBOLS + symbol] = 1;
      T[row] = end;
    },
  });
}
