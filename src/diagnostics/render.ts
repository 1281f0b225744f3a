/** @file Diagnostics as text for people, as data for tools, and as annotations of a change on GitHub. */

import type { SourceFile, Span } from "../support/span.js";
import type { DiagnosticCode } from "./catalogue.js";
import type { Diagnostic } from "./diagnostic.js";
import { lineText, type Position, positionAt } from "./position.js";

/**
 * A message, its code frame and its help line, without a newline at the end:
 *
 *     error[SEQ3001]: shapes differ: [64] and [32]
 *      --> lstm.seq:7:11
 *       |
 *     3 |   input x: [H]
 *       |            --- `x` has 64 elements
 *       |
 *     7 |   y = W @ x + b
 *       |       ^^^^^^^^^
 *       = help: ...
 */
export function renderText(diagnostic: Diagnostic, colour = false): string {
  const paint = colour ? ansi : plain;
  const tone = diagnostic.severity === "error" ? paint.red : paint.yellow;
  const marks: Mark[] = [
    { span: diagnostic.span, sign: "^", message: "", paint: tone },
    ...diagnostic.related.map(({ span, message }) => ({ span, sign: "-", message, paint: paint.blue })),
  ];
  const files = [...new Set(marks.map((mark) => mark.span.file))];
  const lines = marks.map((mark) => positionAt(mark.span.file, mark.span.start).line);
  const gutter = String(Math.max(...lines)).length;
  const frames = files.flatMap((file, at) =>
    frame(
      file,
      marks.filter((mark) => mark.span.file === file),
      gutter,
      at === 0,
      paint,
    ),
  );
  const help = diagnostic.help === undefined ? [] : [`${" ".repeat(gutter + 1)}= help: ${diagnostic.help}`];
  const head = `${tone(`${diagnostic.severity}[${diagnostic.code}]`)}: ${paint.bold(diagnostic.message)}`;
  return [head, ...frames, ...help].join("\n");
}

interface Mark {
  readonly span: Span;
  readonly sign: string;
  readonly message: string;
  readonly paint: (text: string) => string;
}

type Paint = Readonly<Record<"red" | "yellow" | "blue" | "bold" | "dim", (text: string) => string>>;

const same = (text: string) => text;
const plain: Paint = { red: same, yellow: same, blue: same, bold: same, dim: same };
const sgr = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const ansi: Paint = { red: sgr(31), yellow: sgr(33), blue: sgr(34), bold: sgr(1), dim: sgr(2) };

/** The lines of one file on which something is marked, in their order, each with its marks below. */
function frame(file: SourceFile, marks: readonly Mark[], gutter: number, primary: boolean, paint: Paint): string[] {
  const bar = (number: string) => paint.dim(`${number.padStart(gutter)} |`);
  const first = positionAt(file, marks[0].span.start);
  const out = [`${" ".repeat(gutter)}${primary ? "-->" : ":::"} ${file.name}:${first.line}:${first.column}`, bar("")];
  const byLine = new Map<number, Mark[]>();
  for (const mark of marks) {
    const { line } = positionAt(file, mark.span.start);
    byLine.set(line, [...(byLine.get(line) ?? []), mark]);
  }
  let previous: number | undefined;
  for (const [line, here] of [...byLine].sort(([a], [b]) => a - b)) {
    if (previous !== undefined && line > previous + 1) out.push(bar(""));
    previous = line;
    const text = lineText(file, line);
    out.push(`${bar(String(line))} ${text}`.trimEnd());
    for (const mark of here) out.push(`${bar("")} ${underline(file, text, mark)}`);
  }
  return out;
}

/** A span of several lines is marked to the end of its first. Tabs stay, so that marks stand under their text. */
function underline(file: SourceFile, text: string, mark: Mark): string {
  const from = positionAt(file, mark.span.start).column - 1;
  const length = Math.max(1, Math.min(mark.span.end - mark.span.start, text.length - from));
  const indent = text.slice(0, from).replace(/[^\t]/g, " ");
  const label = mark.message === "" ? "" : ` ${mark.message}`;
  return indent + mark.paint(mark.sign.repeat(length) + label);
}

/** The form of `--error-format=json`. Lines and columns are counted from 1; `end` stands after the last character. */
export interface DiagnosticJson {
  readonly code: DiagnosticCode;
  readonly severity: Diagnostic["severity"];
  readonly message: string;
  readonly file: string;
  readonly range: Range;
  readonly related: readonly { readonly file: string; readonly range: Range; readonly message: string }[];
  readonly help?: string;
}

interface Range {
  readonly start: Position;
  readonly end: Position;
}

export function renderJson({ code, severity, message, span, related, help }: Diagnostic): DiagnosticJson {
  return {
    code,
    severity,
    message,
    file: span.file.name,
    range: range(span),
    related: related.map((other) => ({
      file: other.span.file.name,
      range: range(other.span),
      message: other.message,
    })),
    ...(help !== undefined && { help }),
  };
}

function range({ file, start, end }: Span): Range {
  return { start: positionAt(file, start), end: positionAt(file, end) };
}

/**
 * The line of `--error-format=github-actions`: a workflow command, which GitHub shows at its place in the change. Columns
 * stand there only where the span ends on its first line: the runner drops them otherwise.
 */
export function renderGithub({ code, severity, message, span, related, help }: Diagnostic): string {
  const { start, end } = range(span);
  const [file, line, endLine] = [span.file.name, start.line, end.line];
  const properties =
    line === endLine
      ? { file, line, col: start.column, endLine, endColumn: end.column, title: code }
      : { file, line, endLine, title: code };
  const written = Object.entries(properties).map(([name, value]) => `${name}=${property(String(value))}`);
  const lines = [
    message,
    ...related.map((other) => {
      const { line, column } = positionAt(other.span.file, other.span.start);
      return `${other.span.file.name}:${line}:${column}: ${other.message}`;
    }),
    ...(help === undefined ? [] : [`help: ${help}`]),
  ];
  return `::${severity} ${written.join(",")}::${data(lines.join("\n"))}`;
}

/** The escapes of workflow commands, as the runner takes them back. */
function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
