/** @file Turns for others: a page that trains has to draw, and to hear its user, about sixty times a second. */

/** Less than a frame of 16 ms, of which the page needs a part. */
const LONGEST = 12;

/**
 * Goes on in a task of its own, behind those that already wait. Not by a timer, which waits for 4 ms in a page that is seen and for a
 * second in one that is not; nor by `scheduler.yield`, which goes on before others' timers and messages.
 */
export function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Of a long loop that may never wait for anything. */
export class Breather {
  #last = performance.now();

  /** Lets other tasks run if they have not for a while; to be called often. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#last < LONGEST) return;
    await nextTask();
    this.#last = performance.now();
  }
}

/**
 * The promise, or the signal's reason as soon as it is aborted, whichever comes first.
 * What `Promise.race` with a promise of the abort would do, but that keeps something for every race until the end.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const settle = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
    promise.then(resolve, reject).then(settle);
  });
}
