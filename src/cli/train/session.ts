/** @file What happens around a run's steps: lines and progress, checkpoints, the results in its folder. */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeDurably } from "../../../runtime/checkpoint-store-node.js";
import type { AdapterDescription } from "../../../runtime/device.js";
import { DeviceError, NonFiniteError } from "../../../runtime/errors.js";
import type { StepRecord, ValidationRecord } from "../../../runtime/fit-options.js";
import type { AnyInputs, Model } from "../../../runtime/model.js";
import { peakOf } from "../../../runtime/optimizer.js";
import type { Trainer } from "../../../runtime/trainer.js";
import { CommandError, EXIT } from "../exit.js";
import { reason } from "../files.js";
import { type RunFolder, readBytes } from "../run/folder.js";
import { MetricsFile, type MetricsLine } from "../run/metrics.js";
import { writeReport, writeResults } from "../run/results.js";
import { EventFile } from "../run/tensorboard.js";
import type { Prepared } from "./prepare.js";
import { showProgress } from "./progress.js";
import { type Progress, Run } from "./run.js";
import { line, onInterrupt } from "./show.js";

export interface SessionParts {
  readonly folder: RunFolder;
  readonly prepared: Prepared;
  readonly model: Model;
  readonly adapter: AdapterDescription;
  readonly trainer: Trainer<AnyInputs>;
}

/** What a checkpoint holds beside the trainer's state. */
const PROGRESS = "progress";

/** Parameters that were the best at a validation, until better ones are in a checkpoint. */
const BEST = /^best-(\d+)\.safetensors$/;

export class Session {
  readonly #run: Run;
  #metrics: MetricsFile | undefined;
  #events: EventFile | undefined;
  #progress: ReturnType<typeof showProgress> | undefined;
  #validation: ValidationRecord | undefined;

  /** @throws CommandError about early stopping. */
  constructor(private readonly parts: SessionParts) {
    const { trainer, prepared } = parts;
    const { bound, config, manifest } = prepared;
    this.#run = new Run(trainer, bound, config, manifest.metrics, {
      step: (record, seconds) => this.#tellStep(record, seconds),
      validation: (record, isBest) => this.#tellValidation(record, isBest),
      checkpoint: (progress) => this.#checkpoint(progress),
    });
  }

  /**
   * To the end of the run, with all that it leaves.
   * @param checkpoint to go on from.
   * @throws CommandError where it does not fit the run, where numbers are not finite, or where not one step was done.
   */
  async run(checkpoint: Uint8Array | undefined): Promise<void> {
    const { folder, prepared } = this.parts;
    const run = this.#run;
    const { steps } = prepared.config;
    if (checkpoint !== undefined) await this.#resume(checkpoint);
    const done = run.step;
    if (done >= steps) line("resumed", `all ${done} steps are done; --steps takes the run further`);
    else if (done > 0) line("resumed", `after step ${done} of ${steps}`);
    this.#metrics = new MetricsFile(folder.at("metrics"), done);
    if (prepared.config.tensorboard) this.#events = new EventFile(folder.path, done);
    this.#progress = showProgress({ steps, done, tokens: prepared.bound.tokens });
    const interruption = onInterrupt(() => {
      this.#progress?.stop();
      run.stop();
    });
    try {
      await run.train();
      if (run.step === 0) throw new CommandError("interrupted before the first step: nothing is trained", EXIT.failed);
      this.#progress.stop();
      await this.#restoreBest();
      await writeResults(this.parts, run);
    } catch (error) {
      if (error instanceof DeviceError) throw new DeviceError(`${error.message}\n${this.#wayOn()}`);
      if (!(error instanceof NonFiniteError)) throw error;
      writeReport(this.parts);
      throw divergence(error, prepared.config.optimizer, folder.path);
    } finally {
      this.#progress.stop();
      interruption.dispose();
      this.#metrics.close();
      this.#events?.close();
    }
  }

  #wayOn(): string {
    return `to go on from the last checkpoint: seqc train --resume ${this.parts.folder.path}`;
  }

  #tellStep(record: StepRecord, seconds: number): void {
    const { step, loss, gradNorm } = record;
    this.#log({ kind: "step", ...record, seconds, tokens: step * this.parts.prepared.bound.tokens });
    this.#progress?.update({ step, loss, gradNorm, seconds, validationLoss: this.#validation?.loss });
  }

  async #tellValidation(record: ValidationRecord, isBest: boolean): Promise<void> {
    this.#validation = record;
    this.#log({ kind: "validation", ...record });
    const { folder, model } = this.parts;
    if (isBest && this.#run.restoresBest) await writeDurably(bestPath(folder, record.step), await model.save());
  }

  #log(line: MetricsLine): void {
    this.#metrics?.append(line);
    this.#events?.append(line);
  }

  async #checkpoint(progress: Progress): Promise<void> {
    const { folder, trainer, prepared } = this.parts;
    this.#metrics?.sync();
    const bytes = await trainer.save({ extra: { [PROGRESS]: JSON.stringify(progress) } });
    await folder.checkpoints.save(bytes);
    // Snapshots to roll back to are in no file, so a run that goes on here has none: nor may this one.
    const { onNonFinite } = prepared.config;
    if (onNonFinite === "rollback" || (typeof onNonFinite === "object" && onNonFinite.policy === "rollback")) {
      await trainer.load(bytes);
    }
    const best = progress.improvement?.best?.step;
    for (const name of readdirSync(folder.at("checkpoints"))) {
      const found = BEST.exec(name);
      if (found !== null && Number(found[1]) !== best) rmSync(join(folder.at("checkpoints"), name), { force: true });
    }
  }

  async #resume(checkpoint: Uint8Array): Promise<void> {
    const { trainer, folder } = this.parts;
    try {
      const extra = await trainer.load(checkpoint);
      this.#run.resume(JSON.parse(extra[PROGRESS]) as Progress);
    } catch (error) {
      throw new CommandError(`${folder.path} cannot go on: ${reason(error)}`);
    }
  }

  /** The model gets the parameters that were the best. */
  async #restoreBest(): Promise<void> {
    const { folder, model } = this.parts;
    const best = this.#run.best?.step;
    if (best === undefined || !this.#run.restoresBest || best === this.#run.step) return;
    model.load(readBytes(bestPath(folder, best)));
  }
}

const bestPath = (folder: RunFolder, step: number): string =>
  join(folder.at("checkpoints"), `best-${step}.safetensors`);

function divergence(
  { step, where }: NonFiniteError,
  { learningRate = 0 }: Prepared["config"]["optimizer"],
  folder: string,
): CommandError {
  const what = where === "loss" ? "loss" : `gradient of ${where.parameter}`;
  return new CommandError(
    `the ${what} of step ${step} is not finite: lower --lr (now ${peakOf(learningRate)}), --clip the gradient, or say --on-non-finite ` +
      `rollback; ${folder} holds what there is`,
    EXIT.failed,
  );
}
