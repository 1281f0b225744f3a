/** @file The adding problem. */

import { checkWhole } from "../../options.js";
import { Task } from "./task.js";

export const ADDING = { length: 100 };

/**
 * The adding problem [Hochreiter and Schmidhuber 1997, section 5.4] in the form of Arjovsky, Shah and Bengio 2016: `x` [T, 2] has a number from [0, 1) and a mark at each step; one step in each half is marked, and `total` [1] is the sum of
 * the two numbers there. An answer counts as right as in 1997: half of it is less than 0.04 off.
 * @param options.length T, default 100; published are 100 to 750.
 */
export function adding(options: Partial<typeof ADDING> = {}): Task<{ x: Float32Array; total: Float32Array }> {
  const length = checkWhole("length", { ...ADDING, ...options }.length, 2);
  const half = Math.floor(length / 2);
  return new Task({
    type: "adding",
    options: { length },
    length,
    spec: { file: "adding.seq", set: {} },
    // The variance of a sum of two uniform numbers.
    baseline: 1 / 6,
    metric: "correct",
    empty: (examples) => ({ x: new Float32Array(examples * length * 2), total: new Float32Array(examples) }),
    draw(random, { x, total }, row) {
      const start = row * length * 2;
      const marks = [random.below(half), half + random.below(length - half)];
      for (let t = 0; t < length; t++) x[start + 2 * t] = random.next();
      for (const t of marks) x[start + 2 * t + 1] = 1;
      total[row] = x[start + 2 * marks[0]] + x[start + 2 * marks[1]];
    },
  });
}
