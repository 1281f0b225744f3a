/** @file Offsets as lines and columns, both counted from 1. A column counts UTF-16 units, as editors do. */

import type { SourceFile } from "../support/span.js";

export interface Position {
  readonly line: number;
  readonly column: number;
}

const starts = new WeakMap<SourceFile, readonly number[]>();

function lineStarts(file: SourceFile): readonly number[] {
  const known = starts.get(file);
  if (known !== undefined) return known;
  const found = [0, ...[...file.text.matchAll(/\r\n|\n|\r/g)].map((end) => end.index + end[0].length)];
  starts.set(file, found);
  return found;
}

export function positionAt(file: SourceFile, offset: number): Position {
  const lines = lineStarts(file);
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (lines[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - lines[low] + 1 };
}

/** The text of a line, without its end. */
export function lineText(file: SourceFile, line: number): string {
  const lines = lineStarts(file);
  return file.text.slice(lines[line - 1], lines[line] ?? file.text.length).replace(/[\r\n]+$/, "");
}
