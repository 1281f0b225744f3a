/** @file A broken invariant of the compiler is thrown; a user's mistake never is (it is a diagnostic). */

/** A fault of the compiler itself: `stage` is the pass or stage to blame. */
export class InternalError extends Error {
  override readonly name = "InternalError";
  constructor(
    readonly stage: string,
    message: string,
  ) {
    super(`${stage}: ${message}`);
  }
}

export function invariant(condition: unknown, stage: string, message: string): asserts condition {
  if (!condition) throw new InternalError(stage, message);
}

/** Makes a switch over a union exhaustive at compile time. */
export function unreachable(value: never, stage: string): never {
  throw new InternalError(stage, `unreachable case ${JSON.stringify(value)}`);
}

/** The value, or an internal error that says what was missing. */
export function present<T>(value: T | undefined | null, stage: string, what: string): T {
  if (value === undefined || value === null) throw new InternalError(stage, `${what} is missing`);
  return value;
}
