/**
 * @file Long programs in several submits. Browsers take a device away when it has not answered for some seconds, and while a submit
 * runs a page may not be drawn.
 */

import { DeviceGuard, type Scoped } from "./guard.js";
import type { Execution } from "./program.js";
import { awaited } from "./waiting.js";

/** Milliseconds above which a program is cut. */
const LONG = 500;
/** What each portion is to take, if it has more than one dispatch. */
const PORTION = 250;
/** How often in a row a program has to be found long: the first time its kernels are still being compiled, the host may be busy. */
const TIMES = 2;

/** What is submitted together with a program. */
export interface Around<T> {
  /** Writes what the program reads. */
  before(): void;
  /** Records what comes behind it. */
  behind(encoder: GPUCommandEncoder): T;
  /** Throws where nothing may be submitted any more. Asked after each wait. */
  check(): void;
}

/**
 * Submits one execution again and again: whole, unless the first times show that it takes long. Then it is timed, a few dispatches at
 * a time, and cut from there on. It computes the same either way. A single dispatch cannot be cut, nor the first times.
 */
export class Portions {
  /** How often in a row it took long; below zero, how often it did not. */
  #streak = 0;
  /** Of the last submit that was watched, and when it was done. */
  #done = 0;
  /** The first dispatches of all portions but the first; none of a program in one. */
  #cuts: readonly number[] = [];

  constructor(
    private readonly execution: Execution,
    private readonly device: GPUDevice,
  ) {}

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

  /** Everything, and where to cut from now on. The first portion is a dispatch; they grow while they are short. */
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
    this.#cuts = cutsOf(times);
    this.#streak = -TIMES;
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
