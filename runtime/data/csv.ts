/**
 * @file Columns of numbers from a CSV file (RFC 4180) whose first record names them. Columns `x[0]`, `x[1]`, … together are an
 * array `x` with one axis more, `x[0][0]` one with two.
 */

import { countOf } from "../shapes.js";
import type { DataArray, DataArrays } from "./arrays.js";

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

/** A record and the line where it starts, from 1. */
interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Arrays [rows] or [rows, …], f64. @throws Error with the line and the column. */
export function readCsv(bytes: Uint8Array): DataArrays {
  const records = splitRecords(decodeText(bytes));
  const header = records.next().value;
  if (header === undefined) throw invalid("it is empty: its first line names the columns");
  const names = header.fields.map((name) => name.trim());
  names.forEach((name, column) => {
    if (name === "") throw invalid(`line ${header.line}, column ${column + 1}: the column has no name`);
    if (names.indexOf(name) < column) throw invalid(`line ${header.line}: two columns are named \`${name}\``);
  });
  const columns = names.map((): number[] => []);
  for (const { line, fields } of records) {
    if (fields.length !== names.length) {
      throw invalid(`line ${line} has ${fields.length} fields and the header has ${names.length}`);
    }
    fields.forEach((field, column) => {
      if (!NUMBER.test(field)) {
        throw invalid(`line ${line}, column ${column + 1} (\`${names[column]}\`): "${field}" is no number`);
      }
      columns[column].push(Number(field));
    });
  }
  return joinColumns(names, columns);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("it is not UTF-8");
  }
}

/** A field is `"…"`, with quotes doubled inside, or has no quotes; then comes a comma, the end of a line, or the end. */
function* splitRecords(text: string): Generator<CsvRecord, undefined> {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let fields: string[] = [];
  let line = 1;
  let start = 1;
  for (;;) {
    const at = field.lastIndex;
    if (at === text.length && fields.length === 0) return;
    const found = field.exec(text);
    if (found === null) {
      const what = text[at] === '"' ? "a quoted field has no end, or text behind it" : "a quote stands within a field";
      throw invalid(`line ${line}, column ${fields.length + 1}: ${what}`);
    }
    const [, quoted, plain, separator] = found;
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    line += quoted?.match(/\r\n|\n|\r/g)?.length ?? 0;
    if (separator === ",") continue;
    yield { line: start, fields };
    if (separator === "") return;
    fields = [];
    start = ++line;
  }
}

/** A column, and where it lies in its array. */
interface Part {
  readonly index: readonly number[];
  readonly values: readonly number[];
}

function joinColumns(names: readonly string[], columns: readonly (readonly number[])[]): DataArrays {
  const parts = new Map<string, Part[]>();
  names.forEach((column, at) => {
    const [, name, indices] = /^(.+?)((?:\[\d+\])*)$/s.exec(column)!;
    const index = Array.from(indices.matchAll(/\d+/g), ([digits]) => Number(digits));
    parts.set(name, [...(parts.get(name) ?? []), { index, values: columns[at] }]);
  });
  return new Map([...parts].map(([name, columns]) => [name, joinParts(name, columns)]));
}

function joinParts(name: string, parts: readonly Part[]): DataArray {
  const rows = parts[0].values.length;
  const axes = parts[0].index.length;
  const shape = Array.from({ length: axes }, (_, axis) => Math.max(...parts.map(({ index }) => index[axis])) + 1);
  const width = countOf(shape);
  const places = parts.map(({ index }) => index.reduce((place, at, axis) => place * shape[axis] + at, 0));
  if (parts.some(({ index }) => index.length !== axes) || width !== parts.length || new Set(places).size !== width) {
    throw invalid(`the columns of \`${name}\` are not each once \`${name}[0]\` to the last, in every axis`);
  }
  const values = new Float64Array(rows * width);
  parts.forEach((part, each) => {
    for (let row = 0; row < rows; row++) values[row * width + places[each]] = part.values[row];
  });
  return { shape: [rows, ...shape], values };
}

function invalid(reason: string): Error {
  return new Error(`this is no CSV file of numbers: ${reason}`);
}
