/** @file `report.html`: a run on one page that needs nothing else, no network and no script. */

import type { RunConfig } from "../train/config.js";
import { duration } from "../train/progress.js";
import { median } from "../train/statistics.js";
import { type Chart, chartFigure, escapeText, type Point } from "./chart.js";
import type { MetricsLine, StepLine, ValidationLine } from "./metrics.js";
import { STYLE } from "./report-style.js";
import type { Summary } from "./results.js";

export interface Report {
  readonly model: string;
  readonly adapter: string;
  readonly parameters: number;
  readonly config: RunConfig;
  readonly lines: readonly MetricsLine[];
  readonly baseline?: { readonly name: string; readonly loss: number };
  /** None where the run failed. */
  readonly summary?: Summary;
  readonly sample?: string;
}

/** A throughput is the median over about this part of the run. */
const PACE_WINDOWS = 80;

export function reportPage(report: Report): string {
  const { model, config, sample } = report;
  const charts = chartsOf(report).map(chartFigure).filter(Boolean);
  const sampled = sample === undefined ? "" : `<h2>Sample</h2>\n<pre class="sample">${escapeText(sample.trim())}</pre>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(model)}: training</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(model)}</h1>
<p>${escapeText(subtitle(report))}</p>
</header>
<dl class="tiles">
${tiles(report)
  .map(([label, value, unit = ""]) => `<div><dt>${label}</dt><dd>${escapeText(value)}<small>${unit}</small></dd></div>`)
  .join("\n")}
</dl>
<main>
${charts.join("\n")}
</main>
${sampled}
<h2>Configuration</h2>
<table>
${settings(config)
  .map(([name, value]) => `<tr><th>${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
  .join("\n")}
</table>
</body>
</html>
`;
}

function subtitle({ adapter, summary, config }: Report): string {
  const { ended, steps } = summary ?? { ended: "failed", steps: 0 };
  const end = {
    finished: "finished",
    stopped: `stopped after ${steps} of ${config.steps} steps`,
    early: `ended early after ${steps} of ${config.steps} steps`,
    failed: "ended by numbers that are not finite",
  }[ended];
  return `${end} · ${adapter}`;
}

function tiles({ lines, summary, baseline, parameters }: Report): (readonly [string, string, string?])[] {
  const steps = lines.filter((line) => line.kind === "step");
  const last = steps.at(-1);
  const tiles: (readonly [string, string, string?])[] = [];
  if (summary?.validationLoss !== undefined) tiles.push(["held-out loss", summary.validationLoss.toFixed(3)]);
  for (const [name, value] of Object.entries(summary?.validationMetrics ?? {})) {
    tiles.push([`held-out ${escapeText(name)}`, value.toFixed(3)]);
  }
  if (summary !== undefined) tiles.push(["training loss", summary.trainLoss.toFixed(3)]);
  if (baseline !== undefined) tiles.push([baseline.name, baseline.loss.toFixed(3)]);
  tiles.push(["steps", grouped(last?.step ?? 0)], ["time", duration(last?.seconds ?? 0)]);
  if (summary !== undefined) tiles.push(["throughput", grouped(Math.round(summary.tokensPerSecond)), " tokens/s"]);
  tiles.push(["parameters", grouped(parameters)]);
  return tiles;
}

function chartsOf({ lines, summary, baseline, config }: Report): Chart[] {
  const steps = lines.filter((line): line is StepLine => line.kind === "step");
  const validations = lines.filter((line): line is ValidationLine => line.kind === "validation");
  const of = <L extends MetricsLine>(among: readonly L[], pick: (line: L) => number): Point[] =>
    among.map((line) => ({ step: line.step, value: pick(line) }));
  const best = config.earlyStopping?.restoreBest === true ? summary?.best?.step : undefined;
  const metrics = Object.keys((steps[0] ?? validations[0])?.metrics ?? {});
  return [
    {
      title: "Loss",
      steps: of(steps, ({ loss }) => loss),
      validations: of(validations, ({ loss }) => loss),
      ...(baseline && { baseline: { name: baseline.name, value: baseline.loss } }),
      ...(best !== undefined && { best }),
    },
    ...metrics.map((name) => ({
      title: name,
      steps: of(steps, ({ metrics }) => metrics[name]),
      validations: of(validations, ({ metrics }) => metrics[name]),
    })),
    { title: "Gradient norm", steps: of(steps, ({ gradNorm }) => gradNorm), log: true },
    { title: "Learning rate", steps: of(steps, ({ learningRate }) => learningRate), exact: true, from0: true },
    { title: "Tokens a second", steps: paceOf(steps), exact: true, from0: true },
  ];
}

/** Medians, as single steps wait for each other and for validations. */
function paceOf(steps: readonly StepLine[]): Point[] {
  const paces = steps.slice(1).map(({ step, seconds, tokens }, at) => ({
    step,
    value: (tokens - steps[at].tokens) / (seconds - steps[at].seconds),
  }));
  const window = Math.max(5, Math.ceil(paces.length / PACE_WINDOWS));
  return paces.flatMap(({ step }, at) =>
    at % window === window - 1
      ? [{ step, value: median(paces.slice(at - window + 1, at + 1).map(({ value }) => value)) }]
      : [],
  );
}

/** The most entries of a list that are all shown. */
const LISTED = 3;

/** Everything that is set, a line each, as `optimizer.learningRate.peak`. */
function settings(value: unknown, path = ""): [name: string, value: string][] {
  if (Array.isArray(value)) {
    const shown = value.length > LISTED ? [value[0], "…", value[value.length - 1], `(${value.length} in all)`] : value;
    return [[path, shown.join(" ")]];
  }
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.flatMap(([key, each]) => settings(each, path === "" ? key : `${path}.${key}`));
}

const grouped = (value: number): string => value.toLocaleString("en");
