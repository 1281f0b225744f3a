/** @file Holding a fit, going on, and ending it: by its user, by its callbacks, by an abort. */

import { unlessAborted } from "./event-loop.js";
import type { History } from "./fit-options.js";

/** What callbacks are given; a `Fit` has it too. */
export interface FitControl {
  readonly paused: boolean;
  /** No step begins until `resume`; those on their way are finished. It changes no result. */
  pause(): void;
  resume(): void;
  /** Ends the fit before the next step, as if no more had been asked for: the epoch ends, and is validated. */
  stop(): void;
}

/** What wakes a fit that waits although it is to be stopped. */
const STOPPED = Symbol("stopped");

export class Control implements FitControl {
  /** Aborted by either kind of end. */
  readonly #end = new AbortController();
  readonly #abort = () => this.#end.abort(this.given?.reason);
  #stopped = false;
  #paused: { readonly over: Promise<void>; readonly resume: () => void } | undefined;

  constructor(private readonly given: AbortSignal | undefined) {
    if (given?.aborted === true) this.#abort();
    else given?.addEventListener("abort", this.#abort);
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  pause(): void {
    if (this.#paused !== undefined) return;
    let resume = (): void => {};
    const over = new Promise<void>((resolve) => {
      resume = resolve;
    });
    this.#paused = { over, resume };
  }

  resume(): void {
    this.#paused?.resume();
    this.#paused = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#end.abort(STOPPED);
  }

  /** @throws the reason of an abort. */
  check(): void {
    if (this.given?.aborted === true) throw this.given.reason;
  }

  /**
   * The promise once the fit is not paused, or nothing where it is stopped first.
   * @throws the reason of an abort.
   */
  async unlessEnded<T>(promise: () => Promise<T>): Promise<T | undefined> {
    this.check();
    const { signal } = this.#end;
    try {
      while (this.#paused !== undefined) await unlessAborted(this.#paused.over, signal);
      return await unlessAborted(promise(), signal);
    } catch (error) {
      this.check();
      if (error === STOPPED) return undefined;
      throw error;
    }
  }

  /** The signal may outlive the fit. */
  release(): void {
    this.given?.removeEventListener("abort", this.#abort);
  }
}

/** A fit under way, and the promise of its history. */
export class Fit implements Promise<History>, FitControl {
  readonly [Symbol.toStringTag] = "Fit";

  /** @internal */
  constructor(
    private readonly control: FitControl,
    private readonly history: Promise<History>,
  ) {}

  get paused(): boolean {
    return this.control.paused;
  }

  /** As `FitControl.pause`. */
  pause(): void {
    this.control.pause();
  }

  /** As `FitControl.resume`. */
  resume(): void {
    this.control.resume();
  }

  /** As `FitControl.stop`: the promise then resolves with the history so far. */
  stop(): void {
    this.control.stop();
  }

  /** As of any promise: `await trainer.fit(…)` gives the history. */
  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<A = History, B = never>(
    fulfilled?: ((history: History) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.history.then(fulfilled, rejected);
  }

  /** As of any promise. */
  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<History | B> {
    return this.history.catch(rejected);
  }

  /** As of any promise. */
  finally(settled?: (() => void) | null): Promise<History> {
    return this.history.finally(settled);
  }
}
