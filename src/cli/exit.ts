/** @file How the command line ends: the exit codes, and the one error that carries one. */

export const EXIT = {
  ok: 0,
  /** The texts have errors, or the training came to nothing. */
  failed: 1,
  /** Wrong arguments, files that cannot be read or written, no adapter. */
  usage: 2,
  /** A fault of seqc itself. */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with one line for the user; never a fault of seqc. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** @param message empty where all was said already. */
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.usage,
  ) {
    super(message);
  }
}
