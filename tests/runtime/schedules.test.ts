/** @file Learning rates against torch's schedulers and against formulas written down again; refused options. */

import { describe, expect, test } from "vitest";
import { checkLearningRate, type LearningRate, learningRateAt, type Schedule } from "../../runtime/schedules.js";
import torch from "../fixtures/schedules/torch.json" with { type: "json" };
import { distance } from "./support.js";

interface TorchCase {
  readonly schedule: Schedule;
  readonly rates: readonly number[];
}

const cases = torch.cases as readonly TorchCase[];

const ratesOf = (rate: LearningRate, count: number): number[] =>
  Array.from({ length: count }, (_, done) => learningRateAt(checkLearningRate("learningRate", rate), done));

describe("schedules", () => {
  test.each(cases.map(({ schedule, rates }) => ({ name: JSON.stringify(schedule), schedule, rates })))(
    "$name is torch's",
    ({ schedule, rates }) => {
      const ours = ratesOf(schedule, rates.length);
      expect(distance(ours, rates)).toBeLessThan(1e-12);
      // The last rates are small beside the others.
      for (const at of [0, rates.length - 1]) expect(Math.abs(ours[at] - rates[at])).toBeLessThan(1e-12 * rates[0]);
    },
  );

  test("a number stays", () => {
    expect(ratesOf(0.3, 3)).toEqual([0.3, 0.3, 0.3]);
  });

  test("warm-up rises by equal parts and reaches the peak once it is over", () => {
    expect(ratesOf({ type: "constant", peak: 0.5, warmup: 4 }, 7)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5]);
  });

  test("an exponential over several steps falls by gamma in so many", () => {
    const rates = ratesOf({ type: "exponential", peak: 3, gamma: 0.5, every: 10, warmup: 2 }, 23);
    expect(
      distance(
        rates.slice(2),
        Array.from({ length: 21 }, (_, s) => 3 * Math.exp((s * Math.log(0.5)) / 10)),
      ),
    ).toBeLessThan(1e-14);
  });

  test("what has an end stays there", () => {
    const late = (schedule: Schedule) => [20, 21, 1000].map((done) => learningRateAt(schedule, done));
    expect(late({ type: "linear", peak: 4, steps: 20, end: 0.5 })).toEqual([2, 2, 2]);
    expect(late({ type: "cosine", peak: 4, steps: 20, end: 0.5, warmup: 3 })).toEqual([2, 2, 2]);
    expect(late({ type: "oneCycle", peak: 4, steps: 20, divFactor: 2, finalDivFactor: 4 })).toEqual([0.5, 0.5, 0.5]);
  });

  test("one cycle whose peak is the first step or before", () => {
    const falling = ratesOf(
      { type: "oneCycle", peak: 1, steps: 10, pctStart: 0.1, divFactor: 2, finalDivFactor: 5 },
      10,
    );
    const expected = Array.from({ length: 10 }, (_, s) => 0.1 + 0.45 * (1 + Math.cos((Math.PI * s) / 9)));
    expect(distance(falling, expected)).toBeLessThan(1e-14);
    expect(learningRateAt({ type: "oneCycle", peak: 1, steps: 10, pctStart: 0 }, 0)).toBeLessThan(1);
  });
});

describe("refused options", () => {
  const refused = (rate: unknown) => expect(() => checkLearningRate("optimizer.learningRate", rate as LearningRate));

  test.each<[rate: unknown, message: string]>([
    [-1, "`optimizer.learningRate` must be a finite number of at least 0, not -1"],
    ["0.1", "`optimizer.learningRate` must be a finite number"],
    [null, "`optimizer.learningRate` must be a finite number"],
    [{ type: "cosin", peak: 1 }, '`optimizer.learningRate.type` must be "constant", "linear", "cosine", "step"'],
    [{ type: "cosine", steps: 5 }, "`optimizer.learningRate.peak`"],
    [{ type: "cosine", peak: 1 }, "`optimizer.learningRate.steps`"],
    [
      { type: "cosine", peak: 1, steps: 5, warmup: 5 },
      "`optimizer.learningRate.steps` must be a whole number of at least 6",
    ],
    [
      { type: "linear", peak: 1, steps: 5, end: 1.5 },
      "`optimizer.learningRate.end` must be a finite number from 0 to 1",
    ],
    [{ type: "constant", peak: 1, warmup: 0.5 }, "`optimizer.learningRate.warmup`"],
    [
      { type: "constant", peak: 1, steps: 9 },
      "unknown option `optimizer.learningRate.steps`: there is `type`, `peak` or `warmup`",
    ],
    [{ type: "step", peak: 1, every: 0 }, "`optimizer.learningRate.every`"],
    [{ type: "exponential", peak: 1 }, "`optimizer.learningRate.gamma`"],
    [{ type: "oneCycle", peak: 1, steps: 9, pctStart: 1 }, "`optimizer.learningRate.pctStart` must be below 1"],
    [{ type: "oneCycle", peak: 1, steps: 9, warmup: 3 }, "unknown option `optimizer.learningRate.warmup`"],
    [{ type: "oneCycle", peak: 1, steps: 9, divFactor: 0 }, "`optimizer.learningRate.divFactor`"],
  ])("%j", (rate, message) => {
    refused(rate).toThrow(message);
  });
});
