import { describe, expect, it } from "vitest";
import { type Chart, chartFigure } from "../../src/cli/run/chart.js";
import type { MetricsLine } from "../../src/cli/run/metrics.js";
import { reportPage } from "../../src/cli/run/report-page.js";
import { linearTicks, logTicks, tickText } from "../../src/cli/run/ticks.js";
import { mergeConfigs } from "../../src/cli/train/config.js";

const STEPS = 900;
const lossAt = (step: number) => 3 * Math.exp(-step / 200) + 1 + 0.2 * Math.sin(step);
const lines: MetricsLine[] = Array.from({ length: STEPS }, (_, at) => {
  const step = at + 1;
  return {
    kind: "step",
    ...{ step, epoch: 1, loss: lossAt(step), metrics: { accuracy: step / STEPS }, gradNorm: 1 / step, skipped: false },
    ...{ learningRate: 0.01, seconds: step / 10, tokens: step * 64 },
  };
});
for (const step of [300, 600, 900]) {
  lines.push({ kind: "validation", step, epoch: 1, loss: lossAt(step) + 0.3, metrics: { accuracy: 0.5 } });
}
const config = mergeConfigs({ spec: "a.seq", text: ["one.txt", "two.txt", "three.txt", "four.txt"] });
const page = reportPage({
  model: "A<B>",
  adapter: "some adapter",
  parameters: 12_345,
  config,
  lines,
  baseline: { name: "unigram", loss: 3.1 },
  sample: "</pre><script>alert(1)</script> & so on",
});

/** The points of the first path of a class. */
const pathOf = (svg: string, name: string): [x: number, y: number][] => {
  const [, path] = new RegExp(`class="${name}" d="M([^"]*?)Z?"`).exec(svg) ?? [];
  return (path ?? "").split("L").map((point) => point.split(",").map(Number) as [number, number]);
};

describe("report.html", () => {
  it("needs no network and no script", () => {
    expect(page).not.toMatch(/https?:|src=|href=|@import|url\((?!#)|<script|<link|<iframe|<object/);
  });

  it("shows text as text", () => {
    expect(page).toContain("&#60;/pre&#62;&#60;script&#62;alert(1)&#60;/script&#62; &#38; so on");
    expect(page).toContain("<h1>A&#60;B&#62;</h1>");
  });

  it("has a curve of every number, the configuration, and says how it ended", () => {
    const titles = Array.from(page.matchAll(/<figcaption>(.*?)<span/g), ([, title]) => title);
    expect(titles).toEqual(["Loss", "accuracy", "Gradient norm", "Learning rate", "Tokens a second"]);
    expect(page).toMatch(/<th>optimizer\.|<th>clipNorm<\/th><td>1<\/td>/);
    expect(page).toContain("one.txt … four.txt (4 in all)");
    expect(page).toContain("ended by numbers that are not finite");
    expect(page).toMatch(/steps<\/dt><dd>900/);
  });
});

describe("charts", () => {
  const draw = (chart: Partial<Chart>) => chartFigure({ title: "x", ...chart });
  const points = (values: readonly number[]) => values.map((value, at) => ({ step: at + 1, value }));

  it("draw larger numbers higher, and all steps from left to right", () => {
    const path = pathOf(draw({ steps: points([1, 3, 2, 5]), exact: true }), "line");
    const order = path.map(([, y]) => y);
    expect([order[3] < order[1], order[1] < order[2], order[2] < order[0]]).toEqual([true, true, true]);
    expect(path.map(([x]) => x)).toEqual(path.map(([x]) => x).toSorted((a, b) => a - b));
  });

  it("stay small for long runs, and keep the extremes of what they thin out", () => {
    const values = Array.from({ length: 50_000 }, (_, at) => (at === 31_234 ? 40 : 10 + Math.sin(at)));
    const svg = draw({ steps: points(values) });
    expect(svg.length).toBeLessThan(20_000);
    const range = pathOf(svg, "range");
    const heights = range.map(([, y]) => y);
    expect(heights.filter((y) => y < heights[0] - 10).length).toBe(1);
  });

  it("leave out what is not finite, and are left out where nothing is left", () => {
    expect(draw({ steps: points([Number.NaN, Number.NaN]) })).toBe("");
    expect(pathOf(draw({ steps: points([1, Number.NaN, 2]), exact: true }), "line").length).toBe(2);
  });

  it("a constant is a line too", () => {
    for (const [, y] of pathOf(draw({ steps: points([2, 2, 2]) }), "line")) expect(Number.isFinite(y)).toBe(true);
  });
});

describe("ticks", () => {
  it.each([
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [2.03, 4.48, [2, 2.5, 3, 3.5, 4, 4.5]],
    [-3, 12, [-5, 0, 5, 10, 15]],
    [7, 7, [6, 8]],
  ])("round numbers around %d … %d", (low, high, ticks) => {
    expect(linearTicks(low, high, 5).filter((tick) => ticks.includes(tick))).toEqual(ticks);
  });

  it("powers of ten span the numbers", () => {
    expect(logTicks(0.21, 0.7)).toEqual([0.2, 0.5, 1]);
    expect(logTicks(1e-6, 1e3)[0]).toBeLessThanOrEqual(1e-6);
    expect(logTicks(1e-6, 1e3).at(-1)).toBeGreaterThanOrEqual(1e3);
    expect(logTicks(1e-20, 1e3).length).toBeLessThan(12);
  });

  it.each([
    [0.00001, "1e−5"],
    [12_345_678, "12.35M"],
    [25_000, "25k"],
    [0.1 + 0.2, "0.3"],
  ])("%d is written %s", (value, text) => {
    expect(tickText(value)).toBe(text);
  });
});
