/** @file Where a piece of text stands. Every stage that speaks to the user carries these along. */

/** One source text with the name under which diagnostics show it. */
export interface SourceFile {
  /** As the user gave it, or `std/…` for a file that ships with the compiler. */
  readonly name: string;
  readonly text: string;
}

/** Half-open range of UTF-16 offsets in one file. */
export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

export function joinSpans(first: Span, last: Span): Span {
  return { file: first.file, start: Math.min(first.start, last.start), end: Math.max(first.end, last.end) };
}
