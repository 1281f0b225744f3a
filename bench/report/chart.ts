/** @file Time and memory of attention and of the selective state space over the length, on log scales, as an SVG. */

import { CASES } from "../cases.js";
import type { Row } from "./row.js";
import { bytes } from "./table.js";

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly dash: string;
  readonly points: readonly (readonly [length: number, value: number])[];
}

const WIDTH = 460;
const HEIGHT = 340;
const MARGIN = { left: 70, right: 20, top: 34, bottom: 40 };
const COLOURS = { attention: "#c2410c", ssm: "#1d4ed8" };
const DASHES: Readonly<Record<string, string>> = { seqc: "", jax: "6 4", torch: "2 3", "torch-loop": "8 3 2 3" };

/** Nothing where no length was measured. */
export function renderChart(rows: readonly Row[]): string | undefined {
  const time = seriesOf(rows, ({ medianMs }) => medianMs);
  const memory = seriesOf(rows, ({ peakBytes }) => peakBytes);
  if (time.length === 0) return undefined;
  const panels = [
    panel("milliseconds a training step", time, (value) => String(value), 10),
    panel("peak memory", memory, bytes, 4),
  ];
  const legend = time.map(({ label, colour, dash }, i) => {
    const x = MARGIN.left + (i % 4) * 210;
    const y = HEIGHT + 16 + Math.floor(i / 4) * 18;
    const line = `<line x1="${x}" x2="${x + 30}" y1="${y}" y2="${y}" stroke="${colour}" stroke-dasharray="${dash}" stroke-width="2"/>`;
    return `${line}<text x="${x + 36}" y="${y + 4}">${label}</text>`;
  });
  const height = HEIGHT + 30 + 18 * Math.ceil(time.length / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    "<title>Time and memory of attention and of the selective state space over the length</title>",
    `<rect width="100%" height="100%" fill="white"/>`,
    ...panels.map((body, i) => `<g transform="translate(${i * WIDTH} 0)">${body}</g>`),
    ...legend,
    "</svg>\n",
  ].join("\n");
}

function seriesOf(rows: readonly Row[], pick: (row: Row) => number | null): readonly Series[] {
  return Object.entries(COLOURS).flatMap(([model, colour]) =>
    Object.entries(DASHES).flatMap(([system, dash]) => {
      const points = CASES.filter((of) => of.curve && of.model === model).flatMap(({ name, length }) => {
        const value = rows.filter((row) => row.case === name && row.system === system).map(pick)[0] ?? null;
        return value === null || value <= 0 ? [] : [[length, value] as const];
      });
      return points.length === 0 ? [] : [{ label: `${model}, ${system}`, colour, dash, points }];
    }),
  );
}

function panel(title: string, series: readonly Series[], format: (value: number) => string, base: number): string {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return `<text x="${MARGIN.left}" y="20">${title}: not known</text>`;
  const x = scale(
    all.map(([length]) => length),
    2,
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = scale(
    all.map(([, value]) => value),
    base,
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const grid = [
    ...y.ticks.map((tick) => {
      const at = y.place(tick).toFixed(1);
      const line = `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#ddd"/>`;
      return `${line}<text x="${MARGIN.left - 6}" y="${at}" dy="4" text-anchor="end">${format(tick)}</text>`;
    }),
    ...x.ticks.map((tick) => {
      const at = x.place(tick).toFixed(1);
      return `<text x="${at}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${tick}</text>`;
    }),
  ];
  const lines = series.map(({ points, colour, dash }) => {
    const path = points
      .map(([length, value]) => `${x.place(length).toFixed(1)},${y.place(value).toFixed(1)}`)
      .join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-dasharray="${dash}" stroke-width="2"/>`;
  });
  const caption = `<text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 6}" text-anchor="end">T</text>`;
  return [`<text x="${MARGIN.left}" y="20" font-weight="bold">${title}</text>`, ...grid, ...lines, caption].join("\n");
}

/** A log scale from the power of `base` below the least value to that above the greatest. */
function scale(values: readonly number[], base: number, from: number, to: number) {
  const log = (value: number) => Math.log(value) / Math.log(base);
  const low = Math.floor(log(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(log(Math.max(...values)) - 1e-9));
  return {
    place: (value: number) => from + ((log(value) - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: high - low + 1 }, (_, i) => base ** (low + i)),
  };
}
