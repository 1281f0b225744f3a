import { describe, expect, it } from "vitest";
import { checkLearningRate, learningRateAt } from "../../runtime/schedules.js";
import { SCHEDULES, scheduleOf } from "../../src/cli/train/schedule.js";
import { median, stretches } from "../../src/cli/train/statistics.js";

describe("schedules by name", () => {
  const rates = (type: (typeof SCHEDULES)[number], steps: number) => {
    const schedule = scheduleOf(type, 0.01, steps);
    return Array.from({ length: steps }, (_, step) => learningRateAt(schedule, step));
  };

  it("the cosine warms up to the peak, then falls to about a tenth of it", () => {
    const cosine = rates("cosine", 400);
    expect(cosine.indexOf(Math.max(...cosine))).toBe(20);
    expect(Math.max(...cosine)).toBe(0.01);
    expect(cosine.slice(21).every((rate, i, after) => i === 0 || rate < after[i - 1])).toBe(true);
    expect(cosine[399]).toBeCloseTo(0.001, 5);
  });

  it.each(SCHEDULES)("%s is one that the runtime takes, positive to the end, in runs of any length", (type) => {
    for (const steps of [1, 2, 3, 50]) {
      expect(() => checkLearningRate("learningRate", scheduleOf(type, 0.01, steps))).not.toThrow();
      for (const rate of rates(type, steps)) expect(rate).toBeGreaterThan(0);
    }
  });
});

describe("figures of a run", () => {
  it("median", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it("stretches keep the mean and drop nothing", () => {
    expect(stretches([1, 3, 5, 7, 9, 11], 3)).toEqual([2, 6, 10]);
    expect(stretches([1, 2], 5)).toEqual([1, 2]);
    expect(stretches([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1.5, 3.5, 6]);
  });
});
