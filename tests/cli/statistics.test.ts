import { describe, expect, it } from "vitest";
import { Random } from "../../src/cli/train/random.js";
import { learningRate } from "../../src/cli/train/schedule.js";
import { drawIndex, median, stretches } from "../../src/cli/train/statistics.js";

describe("learningRate", () => {
  const rates = Array.from({ length: 400 }, (_, step) => learningRate(step, 400, 0.01));

  it("warms up to the peak, then falls to a tenth of it", () => {
    expect(rates[0]).toBeCloseTo(0.0005, 12);
    expect(rates.indexOf(Math.max(...rates))).toBe(19);
    expect(Math.max(...rates)).toBe(0.01);
    expect(rates.slice(20).every((rate, i, after) => i === 0 || rate < after[i - 1])).toBe(true);
    expect(rates[399]).toBeCloseTo(0.001, 12);
  });

  it.each([1, 2, 3])("is positive in runs of %d steps", (steps) => {
    for (let step = 0; step < steps; step++) {
      const rate = learningRate(step, steps, 1);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(1);
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

describe("drawIndex", () => {
  const logits = Float32Array.of(1.3, -0.4, 2.1, 0.2);

  it("takes the largest at temperature 0", () => {
    expect(drawIndex(logits, 0, 0.99)).toBe(2);
  });

  it.each([0.5, 1, 2])("draws by softmax at temperature %d", (temperature) => {
    const random = new Random(3, "sample");
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let i = 0; i < draws; i++) counts[drawIndex(logits, temperature, random.next())]++;
    const weights = Array.from(logits, (logit) => Math.exp(logit / temperature));
    const total = weights.reduce((a, b) => a + b);
    for (const [i, count] of counts.entries()) expect(count / draws).toBeCloseTo(weights[i] / total, 1.7);
  });

  it("survives logits whose exponentials overflow", () => {
    expect(drawIndex(Float32Array.of(900, 990, -900), 0.5, 0.5)).toBe(1);
  });
});
