/**
 * @file Long programs in several submits. Browsers take a device away when it has not answered for some seconds, and while a submit
 * runs a page may not be drawn.
 */

import type { Lengths } from "./arena.js";
import { DeviceGuard, type Scoped } from "./guard.js";
import { BATCH, SPANS } from "./manifest.js";
import type { Execution } from "./program.js";
import { awaited } from "./waiting.js";

/** Milliseconds above which a program is cut. */
const LONG = 500;
/** What each portion is to take, if it has more than one dispatch. */
const PORTION = 250;
/** How often a program is watched or timed: the first time drivers still compile its kernels, and the host may be busy at any. */
const TIMES = 2;
/** Examples times steps times parameters, with six operations each, of which a slow GPU does 10¹¹ a second. */
const LARGE = (LONG / 1000) * (1e11 / 6);

/** What is submitted together with a program. */
export interface Around<T> {
  /** Writes what the program reads. */
  before(): void;
  /** Records what comes behind it. */
  behind(encoder: GPUCommandEncoder): T;
  /** Throws where nothing may be submitted any more. Asked after each wait. */
  check(): void;
}

/** Whether a program may take so long that not even its first time should be one submit. */
export function looksLong(sizes: Lengths, parameters: number): boolean {
  const { [BATCH]: batch, [SPANS]: _, ...lengths } = sizes;
  const steps = Object.values(lengths).reduce((sum, length) => sum + length, 0);
  return batch * Math.max(1, steps) * parameters > LARGE;
}

/**
 * Submits one execution again and again: whole, unless it looks long, or the first times show that it is. Then it is timed, a few
 * dispatches at a time, and cut from there on. It computes the same either way. A single dispatch cannot be cut.
 */
export class Portions {
  /** How often in a row it took long; below zero, how often it did not. */
  #streak: number;
  /** When the last submit that was watched was done. */
  #done = 0;
  /** What each dispatch took, for every time that all were timed. */
  readonly #times: (readonly number[])[] = [];
  /** The first dispatches of all portions but the first; none of a program in one. */
  #cuts: readonly number[] = [];

  /** @param long whether it is timed at once. */
  constructor(
    private readonly execution: Execution,
    private readonly device: GPUDevice,
    long: boolean,
  ) {
    this.#streak = long ? TIMES : 0;
  }

  /**
   * Resolves when all is submitted; of a program in portions no more than two are on their way.
   * @param what messages call it.
   */
  async submit<T>(what: string, around: Around<T>, parity = 0): Promise<Scoped<T>> {
    const guard = DeviceGuard.of(this.device);
    const { dispatches } = this.execution;
    const { before, behind, check } = around;
    if (this.#streak < TIMES && this.#cuts.length === 0) {
      const begun = performance.now();
      const whole = guard.scoped(what, () => {
        before();
        return this.#encode(0, dispatches, parity, behind);
      });
      this.#watch(begun);
      return whole;
    }
    const parts = [guard.scoped(what, before).confirmed];
    const portion = (from: number, to: number): void => {
      check();
      parts.push(guard.scoped(what, () => this.#encode(from, to, parity, () => {})).confirmed);
    };
    const from = this.#cuts.length === 0 ? await this.#time(portion) : await this.#lead(portion);
    check();
    const last = guard.scoped(what, () => this.#encode(from, dispatches, parity, behind));
    const confirmed = Promise.all([...parts, last.confirmed]).then(() => {});
    confirmed.catch(() => {});
    return { value: last.value, confirmed };
  }

  #encode<T>(from: number, to: number, parity: number, behind: (encoder: GPUCommandEncoder) => T): T {
    const { device, execution } = this;
    const encoder = device.createCommandEncoder();
    execution.encode(encoder, parity, from, to);
    const value = behind(encoder);
    device.queue.submit([encoder.finish()]);
    return value;
  }

  /** All portions but the last. @returns where that begins. */
  async #lead(portion: (from: number, to: number) => void): Promise<number> {
    let from = 0;
    let before = Promise.resolve();
    for (const to of this.#cuts) {
      portion(from, to);
      const done = this.#whenDone();
      await before;
      before = done;
      from = to;
    }
    return from;
  }

  /** Everything; then where to cut is known. The first portion is a dispatch, and they grow while they are short. */
  async #time(portion: (from: number, to: number) => void): Promise<number> {
    const { dispatches } = this.execution;
    const times: number[] = [];
    await this.#whenDone();
    for (let from = 0, size = 1; from < dispatches; ) {
      const to = Math.min(dispatches, from + size);
      const begun = performance.now();
      portion(from, to);
      await this.#whenDone();
      const took = performance.now() - begun;
      times.push(...new Array<number>(to - from).fill(took / (to - from)));
      if (took < PORTION / 8) size *= 2;
      else if (took > PORTION / 2) size = Math.ceil(size / 2);
      from = to;
    }
    this.#times.push(times);
    if (this.#times.length === TIMES) {
      this.#cuts = cutsOf(times.map((_, at) => Math.min(...this.#times.map((each) => each[at]))));
      this.#streak = -TIMES;
    }
    return dispatches;
  }

  #watch(begun: number): void {
    if (Math.abs(this.#streak) >= TIMES) return;
    this.#whenDone().then(() => {
      const end = performance.now();
      const isLong = end - Math.max(begun, this.#done) > LONG;
      this.#done = end;
      if (Math.abs(this.#streak) >= TIMES) return;
      this.#streak = isLong ? Math.max(0, this.#streak) + 1 : Math.min(0, this.#streak) - 1;
    });
  }

  /** After a failure too, of which others tell. */
  #whenDone(): Promise<void> {
    return awaited(this.device, this.device.queue.onSubmittedWorkDone()).then(
      () => {},
      () => {},
    );
  }
}

/** Where to cut dispatches that take so many milliseconds each: at none if they are short together. */
export function cutsOf(times: readonly number[]): readonly number[] {
  if (times.reduce((sum, time) => sum + time, 0) <= LONG) return [];
  const cuts: number[] = [];
  let sum = 0;
  times.forEach((time, at) => {
    if (sum > 0 && sum + time > PORTION) {
      cuts.push(at);
      sum = 0;
    }
    sum += time;
  });
  return cuts;
}
