/**
 * @file Dawn in Node.js asks for a device's answers in every turn of the event loop, and lets it turn as fast as it can: a
 * core does nothing else. On a software adapter it is one of those that compile and run the kernels. So the loop takes
 * naps while answers are awaited.
 */

import type { WaitingHost } from "./waiting.js";

/** A nap's share of the time since the last answer: an answer is late by no more. */
const SHARE = 1 / 16;
/** Milliseconds: other work of the process waits as long. */
const LONGEST = 0.5;

export class Naps implements WaitingHost {
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));
  #awaited = 0;
  #since = 0;
  /** One turn leads to the next, and only one: answers come and go between two of them. */
  #isTurning = false;

  begin(): void {
    this.#since = performance.now();
    this.#awaited++;
    if (!this.#isTurning) this.#continue();
  }

  end(): void {
    this.#since = performance.now();
    this.#awaited--;
  }

  readonly #turn = (): void => {
    this.#isTurning = false;
    if (this.#awaited === 0) return;
    Atomics.wait(this.#cell, 0, 0, Math.min(LONGEST, SHARE * (performance.now() - this.#since)));
    this.#continue();
  };

  #continue(): void {
    this.#isTurning = true;
    setImmediate(this.#turn);
  }
}
