/** @file What a run shows while it lasts: a progress bar in a terminal, plain lines elsewhere; and the loss curve at its end. */

import { plot } from "asciichart";
import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import { median, stretches } from "./statistics.js";

export interface StepReport {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  /** When it was known, in seconds. */
  readonly seconds: number;
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
/** The pace shown is that of the median step of so many. */
const PACE_STEPS = 20;

/**
 * @param done steps that are done already.
 * @param tokens of a step.
 */
export function showProgress(
  { steps, done, tokens }: { readonly steps: number; readonly done: number; readonly tokens: number },
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const pace = new Pace();
  const show = stream.isTTY ? progressBar(steps, done, stream) : plainLines(steps, stream);
  return {
    update(report) {
      const stepSeconds = pace.take(report.seconds);
      show.update(report.step, figures(report, stepSeconds, tokens, steps - report.step));
    },
    stop: () => show.stop(),
  };
}

/** Seconds a step. */
class Pace {
  #last: number | undefined;
  readonly #times: number[] = [];

  take(seconds: number): number {
    if (this.#last !== undefined) this.#times.push(seconds - this.#last);
    if (this.#times.length > PACE_STEPS) this.#times.shift();
    this.#last = seconds;
    return median(this.#times);
  }
}

interface Shown {
  update(step: number, figures: string): void;
  stop(): void;
}

function figures({ loss, gradNorm, validationLoss }: StepReport, pace: number, tokens: number, left: number): string {
  const parts = [`loss ${loss.toFixed(3)}`];
  if (validationLoss !== undefined) parts.push(`held out ${validationLoss.toFixed(3)}`);
  if (Number.isFinite(gradNorm)) parts.push(`|g| ${gradNorm.toPrecision(3)}`);
  if (pace > 0) {
    parts.push(`${short(1 / pace)} steps/s`, `${short(tokens / pace)} tok/s`);
    if (left > 0) parts.push(`${duration(left * pace)} left`);
  }
  return parts.join("  ");
}

/** Three digits, thousands as k. */
function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)}k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function progressBar(steps: number, done: number, stream: NodeJS.WriteStream): Shown {
  const format = `  ${pc.cyan("{bar}")} {value}/{total}  {figures}`;
  const barsize = Math.max(8, Math.min(24, (stream.columns ?? 80) - 84));
  const bar = new SingleBar({ format, stream, barsize, hideCursor: true, linewrap: null }, Presets.shades_classic);
  bar.start(steps, done, { figures: "the first steps are on their way" });
  return {
    update(step, figures) {
      if (bar.isActive) bar.update(step, { figures });
    },
    stop() {
      if (bar.isActive) bar.stop();
    },
  };
}

function plainLines(steps: number, stream: NodeJS.WriteStream): Shown {
  const every = Math.max(1, Math.floor(steps / PLAIN_LINES));
  return {
    update(step, figures) {
      if (step % every !== 0 && step !== steps) return;
      stream.write(`step ${String(step).padStart(String(steps).length)}/${steps}  ${figures}\n`);
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
