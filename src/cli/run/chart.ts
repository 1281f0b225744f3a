/** @file Curves over steps as SVG; colours are the page's, by class. */

import { stretches } from "../train/statistics.js";
import { linearTicks, logTicks, tickText } from "./ticks.js";

export interface Point {
  readonly step: number;
  /** Those that are not finite are left out. */
  readonly value: number;
}

export interface Chart {
  readonly title: string;
  /** Of single steps: a smoothed line over the range of the values. */
  readonly steps?: readonly Point[];
  /** Whether `steps` are exact, and drawn as they are. */
  readonly exact?: boolean;
  /** Few and exact: a line with dots. */
  readonly validations?: readonly Point[];
  /** To be told apart from: a dashed line across. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** Marks a step: that of the best parameters. */
  readonly best?: number;
  readonly from0?: boolean;
  readonly log?: boolean;
}

const WIDTH = 560;
const HEIGHT = 240;
const LEFT = 56;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 30;
const COLUMNS = 240;

/** A figure; nothing where there is nothing to draw. */
export function chartFigure(chart: Chart): string {
  const steps = finite(chart.steps);
  const validations = finite(chart.validations);
  if (steps.length + validations.length < 2) return "";
  const line = chart.exact === true ? thinned(steps) : smoothed(steps);
  const log = chart.log === true && [...steps, ...validations].every(({ value }) => value > 0);
  const scale = new Scale([...line, ...validations], chart.exact === true ? [] : commonRange(steps), chart, log);
  const range = chart.exact === true ? "" : scale.area(columnRanges(steps));
  const marks = [
    scale.grid(),
    chart.baseline && scale.across(chart.baseline.value),
    chart.best !== undefined && scale.mark(chart.best),
    range,
    line.length > 1 && scale.path(line, "line"),
    validations.length > 1 && scale.path(validations, "line held"),
    ...validations.map((point) => scale.dot(point)),
  ];
  const id = chart.title.replace(/\W+/g, "-");
  return `<figure>
<figcaption>${escapeText(chart.title)}<span class="keys">${keys(chart, line.length > 1, validations.length > 0)}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(chart.title)}">
<clipPath id="clip-${id}"><rect x="${LEFT - 5}" y="${TOP - 4}" width="${WIDTH - LEFT - RIGHT + 10}" height="${HEIGHT - TOP - BOTTOM + 8}"/></clipPath>
${scale.axes()}
<g clip-path="url(#clip-${id})">${marks.filter(Boolean).join("\n")}</g>
</svg>
</figure>`;
}

function keys(chart: Chart, hasSteps: boolean, hasValidations: boolean): string {
  const entries: string[] = [];
  if (hasSteps && hasValidations) entries.push('<i class="key line"></i>training');
  if (hasValidations) entries.push('<i class="key held"></i>held out');
  if (chart.baseline) entries.push(`<i class="key base"></i>${escapeText(chart.baseline.name)}`);
  return entries.join(" ");
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

const finite = (points: readonly Point[] = []): Point[] =>
  points.filter(({ value }) => Number.isFinite(value ?? Number.NaN));

/** Means over a fortieth of the points around each. */
function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.floor(points.length / 80);
  const sums = [0];
  for (const { value } of points) sums.push(sums[sums.length - 1] + value);
  const means = points.map(({ step }, at) => {
    const [from, to] = [Math.max(0, at - reach), Math.min(points.length, at + reach + 1)];
    return { step, value: (sums[to] - sums[from]) / (to - from) };
  });
  return thinned(means);
}

function thinned(points: readonly Point[]): Point[] {
  if (points.length <= COLUMNS) return [...points];
  const middles = stretches(
    points.map(({ step }) => step),
    COLUMNS,
  );
  const values = stretches(
    points.map(({ value }) => value),
    COLUMNS,
  );
  const inner = middles.map((step, at) => ({ step, value: values[at] }));
  return [points[0], ...inner, points[points.length - 1]];
}

/** What all values but a few outliers are between. */
function commonRange(points: readonly Point[]): number[] {
  const values = points.map(({ value }) => value).sort((a, b) => a - b);
  const outliers = Math.floor(values.length / 50);
  return values.length === 0 ? [] : [values[outliers], values[values.length - 1 - outliers]];
}

/** The least and the largest value of each column. */
function columnRanges(
  points: readonly Point[],
): { readonly step: number; readonly low: number; readonly high: number }[] {
  const columns = Math.min(COLUMNS, points.length);
  return Array.from({ length: columns }, (_, at) => {
    const part = points.slice(
      Math.floor((at * points.length) / columns),
      Math.floor(((at + 1) * points.length) / columns),
    );
    const values = part.map(({ value }) => value);
    return { step: part[part.length >> 1].step, low: Math.min(...values), high: Math.max(...values) };
  });
}

class Scale {
  readonly #first: number;
  readonly #last: number;
  readonly #low: number;
  readonly #high: number;
  readonly #ticks: readonly number[];
  readonly #stepTicks: readonly number[];

  constructor(
    all: readonly Point[],
    range: readonly number[],
    { baseline, from0 }: Chart,
    private readonly log: boolean,
  ) {
    const values = [
      ...all.map(({ value }) => value),
      ...range,
      ...(baseline ? [baseline.value] : []),
      ...(from0 ? [0] : []),
    ];
    this.#first = Math.min(...all.map(({ step }) => step));
    this.#last = Math.max(...all.map(({ step }) => step), this.#first + 1);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    this.#ticks = log ? logTicks(low, high) : linearTicks(low, high, 5);
    this.#low = Math.min(low, this.#ticks[0]);
    this.#high = Math.max(high, this.#ticks[this.#ticks.length - 1]);
    this.#stepTicks = linearTicks(this.#first, this.#last, 6).filter(
      (step) => Number.isInteger(step) && step >= this.#first && step <= this.#last,
    );
  }

  #x(step: number): number {
    return LEFT + ((step - this.#first) / (this.#last - this.#first)) * (WIDTH - LEFT - RIGHT);
  }

  #y(value: number): number {
    const place = (v: number) => (this.log ? Math.log10(Math.max(v, 1e-30)) : v);
    const [low, high] = [place(this.#low), place(this.#high)];
    const part = (place(value) - low) / (high - low || 1);
    return HEIGHT - BOTTOM - Math.max(-0.1, Math.min(1.1, part)) * (HEIGHT - TOP - BOTTOM);
  }

  #at(step: number, value: number): string {
    return `${this.#x(step).toFixed(1)},${this.#y(value).toFixed(1)}`;
  }

  axes(): string {
    const ys = this.#ticks.map(
      (value) =>
        `<text x="${LEFT - 8}" y="${(this.#y(value) + 4).toFixed(1)}" text-anchor="end">${tickText(value)}</text>`,
    );
    const xs = this.#stepTicks.map(
      (step) =>
        `<text x="${this.#x(step).toFixed(1)}" y="${HEIGHT - 10}" text-anchor="middle">${tickText(step)}</text>`,
    );
    return [...ys, ...xs].join("");
  }

  grid(): string {
    return this.#ticks
      .map((value) => `<path class="grid" d="M${LEFT},${this.#y(value).toFixed(1)}H${WIDTH - RIGHT}"/>`)
      .join("");
  }

  across(value: number): string {
    return `<path class="base" d="M${LEFT},${this.#y(value).toFixed(1)}H${WIDTH - RIGHT}"/>`;
  }

  mark(step: number): string {
    return `<path class="mark" d="M${this.#x(step).toFixed(1)},${TOP}V${HEIGHT - BOTTOM}"><title>best: step ${step}</title></path>`;
  }

  path(points: readonly Point[], className: string): string {
    return `<path class="${className}" d="M${points.map(({ step, value }) => this.#at(step, value)).join("L")}"/>`;
  }

  area(ranges: readonly { readonly step: number; readonly low: number; readonly high: number }[]): string {
    if (ranges.length < 2) return "";
    const over = ranges.map(({ step, high }) => this.#at(step, high));
    const under = ranges.toReversed().map(({ step, low }) => this.#at(step, low));
    return `<path class="range" d="M${[...over, ...under].join("L")}Z"/>`;
  }

  dot({ step, value }: Point): string {
    const [x, y] = this.#at(step, value).split(",");
    return `<circle class="held" cx="${x}" cy="${y}" r="3.5"><title>step ${step}: ${value.toPrecision(5)}</title></circle>`;
  }
}
