/** @file Calls that take turns: each begins when the one before it has ended, however that went. */

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#last.then(body);
    this.#last = result.catch(() => {});
    return result;
  }
}
