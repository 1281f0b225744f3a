/** @file What a run shows: a progress bar in a terminal, plain lines elsewhere, and the loss curve. */

import { plot } from "asciichart";
import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import { stretches } from "./statistics.js";

export interface StepReport {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly stepMs: number;
  /** The last one known. */
  readonly validationLoss: number | undefined;
}

export interface Progress {
  update(report: StepReport): void;
  /** The last word; may come more than once, and updates after it are not shown. */
  stop(): void;
}

/** About this many plain lines are written where there is no terminal. */
const PLAIN_LINES = 20;

export function showProgress(steps: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? progressBar(steps, stream) : plainLines(steps, stream);
}

function figures({ loss, stepMs, validationLoss }: StepReport): string {
  const validation = validationLoss === undefined ? "" : `  held out ${validationLoss.toFixed(3)}`;
  return `loss ${loss.toFixed(3)}  ${stepMs.toFixed(stepMs < 10 ? 1 : 0)} ms/step${validation}`;
}

function progressBar(steps: number, stream: NodeJS.WriteStream): Progress {
  const format = `  ${pc.cyan("{bar}")} {value}/{total}  {figures}`;
  const bar = new SingleBar({ format, stream, barsize: 24, hideCursor: true }, Presets.shades_classic);
  bar.start(steps, 0, { figures: "preparing the kernels" });
  return {
    update(report) {
      if (bar.isActive) bar.update(report.step, { figures: figures(report) });
    },
    stop() {
      if (bar.isActive) bar.stop();
    },
  };
}

function plainLines(steps: number, stream: NodeJS.WriteStream): Progress {
  const every = Math.max(1, Math.floor(steps / PLAIN_LINES));
  return {
    update(report) {
      if (report.step % every !== 0 && report.step !== steps) return;
      stream.write(`step ${String(report.step).padStart(String(steps).length)}/${steps}  ${figures(report)}\n`);
    },
    stop() {},
  };
}

const CURVE = { columns: 64, rows: 12 };

/** The curve of the losses, averaged into columns, with the steps under it. */
export function lossCurve(losses: readonly number[]): string {
  const columns = stretches(losses, CURVE.columns);
  const axis = plot(columns, { height: CURVE.rows, format: (value) => value.toFixed(2).padStart(7) });
  const width = Math.max(columns.length, 12);
  return `${axis}\n${" ".repeat(9)}1${`${losses.length} steps`.padStart(width - 1)}`;
}
