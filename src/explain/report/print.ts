/** @file A report for people at a terminal: a label a line, wrapped at 100 columns. */

import type { RecurrenceClass } from "../../passes/recurrence/index.js";
import type { KernelFacts } from "./kernels.js";
import { shorten } from "./phrases.js";
import { grouped, type Polynomial, show, valueAt } from "./polynomial.js";
import type { Report } from "./report.js";
import type { GroupReport, ScanReport } from "./scans.js";

/** How kinds of text are made to stand out; the identity where there are no colours. */
export interface Style {
  readonly heading: (text: string) => string;
  readonly label: (text: string) => string;
  readonly strong: (text: string) => string;
}

const COLUMNS = 100;
const LABEL = 16;

const CLASS: Readonly<Record<RecurrenceClass, string>> = {
  delay: "delay",
  "linear-diagonal": "linear, diagonal",
  "linear-block": "linear, in blocks",
  "linear-dense": "linear, dense",
  pointwise: "pointwise, not linear",
  coupled: "coupled, not linear",
};

const GRAPH = { train: "a step of training", predict: "a prediction", stream: "a step of a stream" } as const;

export function printReport(report: Report, style: Style): string {
  const lines = [
    style.heading(`${report.model}: ${GRAPH[report.graph]}`),
    ...report.scans.flatMap((scan) => ["", ...scanLines(scan, report, style), ...runLines(scan, style)]),
    "",
    ...kernelLines(report, style),
    "",
    ...costLines(report, style),
    "",
    ...memoryLines(report, style),
  ];
  return `${lines.join("\n")}\n`;
}

/** What was found out about a loop: nothing of how it is run. */
export function scanLines(scan: ScanReport, report: Report, style: Style): readonly string[] {
  const { name, over, reverse, derivative, sums, before, behind, stored, recomputed } = scan;
  const way = reverse ? "backwards over" : "over";
  const row = rowOf(style);
  const total = (bytes: Polynomial) => size(valueAt(bytes, report.lengths));
  return [
    style.heading(`${derivative ? `derivative of ${name}` : name || "loop"}: ${way} ${over}`),
    ...scan.groups.flatMap((group) => groupLines(group, style)),
    ...row("sums", sums.map((parameter) => `d(${parameter})`).join(", ")),
    ...list("before", before, style),
    ...list("behind", behind, style),
    ...list(
      "stored",
      stored.map(({ name: what, bytes }) => `${what}: ${show(bytes)} bytes, ${total(bytes)}`),
      style,
    ),
    ...list("again", recomputed, style),
  ];
}

function runLines({ kernels }: ScanReport, style: Style): readonly string[] {
  const row = rowOf(style);
  if (kernels.length === 0) return row("kernel", "none: no loop is left");
  return kernels.flatMap((kernel) => row("kernel", `${kernel.name}: ${schedule(kernel)}`));
}

function groupLines({ states, class: kind, why, equations, shapes }: GroupReport, style: Style): readonly string[] {
  const row = rowOf(style);
  const own = [...new Set(shapes)].join(", ");
  return [
    ...row(
      states.join(", "),
      `${style.strong(CLASS[kind])} [${own}]: ${why}`,
      CLASS[kind].length - style.strong(CLASS[kind]).length,
    ),
    ...equations.flatMap((equation) => row("", `  ${equation}`)),
  ];
}

function schedule({ comment, workgroupSize, barriers, shared, variants }: KernelFacts): string {
  const memory = shared.map(({ name, bytes }) => `${name} ${grouped(bytes)} B`).join(", ");
  return [
    comment.replaceAll("\n", "; "),
    `${workgroupSize} threads a workgroup`,
    barriers === 0 ? "no barrier" : `${barriers} barrier${barriers === 1 ? "" : "s"} in its text`,
    memory === "" ? "nothing shared" : `shared: ${memory}`,
    ...(variants.length === 0 ? [] : [`or, by the sizes and the adapter, ${variants.join(", ")}`]),
  ].join("; ");
}

/** What the runtime adds to a training step, whatever the model. */
const UPDATE = "2 dispatches of the runtime: the norm of the gradients; clipping and AdamW";

function kernelLines({ kernels, graph }: Report, style: Style): readonly string[] {
  const row = rowOf(style);
  return [
    style.heading(`${kernels.length} dispatches`),
    ...kernels.flatMap(({ name, comment }) => row(name, comment.replaceAll("\n", "; "))),
    ...(graph === "train" ? row("the update", UPDATE) : []),
  ];
}

function costLines({ costs, lengths, graph }: Report, style: Style): readonly string[] {
  const at = (polynomial: Polynomial, unit: (n: number) => string) =>
    `${show(polynomial)} = ${unit(valueAt(polynomial, lengths))}`;
  const row = rowOf(style);
  return [
    style.heading(`costs at ${shownLengths(lengths)}`),
    ...row("operations", at(costs.flops, amount)),
    ...row("  products", at(costs.productFlops, amount)),
    ...row("bytes", at(costs.bytes, size)),
    ...row("  at least", at(costs.leastBytes, size)),
    ...(graph === "train" ? row("  the update", at(costs.updateBytes, size)) : []),
  ];
}

function memoryLines({ memory, lengths }: Report, style: Style): readonly string[] {
  const row = rowOf(style);
  const value = (bytes: Polynomial) => size(valueAt(bytes, lengths));
  const formulas = memory.buffers.map(({ bytes }) => show(bytes));
  const lives = memory.buffers.map(({ from, to }) => `${from} … ${to}`);
  const columns = [formulas, lives].map((texts) => Math.max(0, ...texts.map((text) => text.length)));
  const rest = COLUMNS - LABEL - 9 - 2 - columns[0] - 2 - columns[1] - 2;
  return [
    style.heading(`memory at ${shownLengths(lengths)}`),
    ...row("arena", `${size(memory.arenaBytes)}, as the runtime packs it`),
    ...row("peak", `at ${memory.peakAt}: ${show(memory.peak)} bytes = ${value(memory.peak)}`),
    ...memory.buffers.map(({ name, bytes }, i) =>
      [
        " ".repeat(LABEL) + value(bytes).padStart(9),
        formulas[i].padEnd(columns[0]),
        lives[i].padEnd(columns[1]),
        shorten(name, Math.max(rest, 8)),
      ].join("  "),
    ),
  ];
}

function shownLengths(lengths: Report["lengths"]): string {
  const named = Object.entries(lengths).filter(([name]) => !name.startsWith("_"));
  return [`B = ${lengths._B}`, ...named.map(([name, n]) => `${name} = ${n}`)].join(", ");
}

function amount(n: number): string {
  const [scale, unit] = n >= 1e9 ? [1e9, " G"] : n >= 1e6 ? [1e6, " M"] : n >= 1e4 ? [1e3, " k"] : [1, ""];
  return `${(n / scale).toFixed(scale === 1 ? 0 : 2)}${unit}`;
}

function size(bytes: number): string {
  const [scale, unit] = bytes >= 2 ** 20 ? [2 ** 20, "MiB"] : bytes >= 2 ** 10 ? [2 ** 10, "KiB"] : [1, "B"];
  return `${(bytes / scale).toFixed(scale === 1 ? 0 : 1)} ${unit}`;
}

function list(label: string, items: readonly string[], style: Style): readonly string[] {
  return items.flatMap((item, i) => rowOf(style)(i === 0 ? label : "", item));
}

/** A label and its text, wrapped behind it; nothing without text. */
function rowOf({ label: styled }: Style) {
  return (label: string, text: string, invisible = 0): readonly string[] => {
    if (text === "") return [];
    const fits = label.length < LABEL - 2;
    const lines = wrap(text, COLUMNS - LABEL, invisible);
    const rest = lines.map((line) => " ".repeat(LABEL) + line);
    const head = `  ${styled(label)}`;
    return fits ? [head + " ".repeat(LABEL - 2 - label.length) + lines[0], ...rest.slice(1)] : [head, ...rest];
  };
}

/** At spaces; a longer word stands alone. `invisible` is how much the first line is longer than what is seen, negated. */
function wrap(text: string, width: number, invisible: number): readonly string[] {
  const lines: string[] = [];
  const indent = /^ */.exec(text)?.[0] ?? "";
  let line = indent;
  let room = width - invisible;
  for (const word of text.trimStart().split(" ")) {
    if (line.trim() !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = indent;
      room = width;
    }
    line = line.trim() === "" ? line + word : `${line} ${word}`;
  }
  return [...lines, line];
}
