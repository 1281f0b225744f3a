/** @file How parameters start where a paper fixes it: state matrices, step sizes and gates of the library's cells. */

import { describe, expect, test } from "vitest";
import { initialiseParameter } from "../../runtime/initialise.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";

/** The starts of the parameters of one instance, by their own names. */
function startsOf(file: string, make: string, input: number): (name: string) => number[] {
  const { manifest } = compileText(`
    import { ${make.split("(")[0]} } from "std/${file}"
    model Check { input x: [T, ${input}] use it = ${make} y = scan it(x) output y loss sum(y) }`);
  return (name) => {
    const parameter = manifest.parameters.find((p) => p.name === `it.${name}`);
    return [...initialiseParameter(present(parameter, "test", name), 3)];
  };
}

const softplus = (x: number) => Math.log1p(Math.exp(x));

function expectWithin(values: readonly number[], low: number, high: number): void {
  expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
  expect(Math.max(...values)).toBeLessThanOrEqual(high);
  // Drawn, and over more than half of the range.
  expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan((high - low) / 2);
}

describe("state matrices", () => {
  test("LRU: |lambda| in the ring, uniform over its area; phases up to the largest", () => {
    const starts = startsOf("lru", "LRU(4, 4, 5000, low = 0.5, high = 0.8, phase = 1.5)", 4);
    const moduli = starts("nu_log").map((nu) => Math.exp(-Math.exp(nu)));
    expectWithin(moduli, 0.5, 0.8);
    const squares = moduli.map((r) => r ** 2);
    // Uniform over the radius instead of the area would be 0.015 less, and four deviations of this mean are 0.006.
    const mean = squares.reduce((a, b) => a + b) / squares.length;
    expect(Math.abs(mean - (0.25 + 0.64) / 2)).toBeLessThan(0.006);
    expectWithin(starts("theta_log").map(Math.exp), 0, 1.5);
  });

  test("S4D-Lin: -1/2 + i pi n", () => {
    const starts = startsOf("s4d", "S4D(3, 4)", 3);
    for (const [at, value] of starts("A_im").entries()) expect(value).toBeCloseTo(Math.PI * (at % 4), 6);
    for (const value of starts("log_A_re")) expect(-Math.exp(value)).toBeCloseTo(-0.5, 6);
  });

  test.each([
    ["s4d", "S4DReal(3, 4)"],
    ["selective-ssm", "SelectiveSSM(3, 4)"],
    ["selective-ssm-scalar", "SelectiveSSMScalar(3, 3)"],
  ])("%s %s: -(n + 1)", (file, make) => {
    const states = make.endsWith("4)") ? 4 : 3;
    for (const [at, value] of startsOf(file, make, 3)("A_log").entries()) {
      expect(Math.exp(value)).toBeCloseTo((at % states) + 1, 5);
    }
  });

  test("SSD: from 1 to 16", () => {
    expectWithin(startsOf("ssd", "SSD(200, 200)", 200)("A_log").map(Math.exp), 1, 16);
  });
});

describe("step sizes from 0.001 to 0.1", () => {
  test.each([
    ["s4d", "S4D(200, 2)", "log_dt", Math.exp],
    ["s4d", "S4DReal(200, 2)", "log_dt", Math.exp],
    ["selective-ssm", "SelectiveSSM(200, 2)", "b_dt", softplus],
    ["ssd", "SSD(200, 200)", "b_dt", softplus],
  ])("%s %s", (file, make, name, step) => {
    const logarithms = startsOf(file, make, 200)(name).map((value) => Math.log(step(value)));
    expectWithin(logarithms, Math.log(0.001) - 1e-6, Math.log(0.1) + 1e-6);
  });
});

test("forget gates of xLSTM start open", () => {
  expectWithin(startsOf("mlstm", "MLSTM(3, 100, 100)", 3)("b_f"), 3, 6);
  expectWithin(startsOf("slstm", "SLSTM(3, 100)", 3)("b_f"), 3, 6);
});

test("a start chosen by its index: one gate's bias, a band of ones", () => {
  const { manifest } = compileText(`
    cell Gated(H = 2) {
      input x: [H] state h: [H]
      param b[j]: [3 * H] ~ where(j < H, 0, where(j < 2 * H, 1.5, -j))
      param W[i, j]: [H, 3] ~ where(i + 1 == j, uniform(2, 3), 0)
      f, g, o = split(b, 3)
      h'[i] = f[i] * h[i] + g[i] * x[i] + o[i] * W[i, 0] * W[i, 1] * W[i, 2]
      output h'
    }
    model M { input x: [T, 2] use it = Gated() y = scan it(x) output y loss sum(y) }`);
  const [bias, band] = manifest.parameters.map((parameter) => [...initialiseParameter(parameter, 3)]);
  expect(bias).toEqual([0, 0, 1.5, 1.5, -4, -5]);
  expect(band.map((value) => value !== 0)).toEqual([false, true, false, false, false, true]);
  for (const value of band) if (value !== 0) expectWithin([value, 2, 3], 2, 3);
});
