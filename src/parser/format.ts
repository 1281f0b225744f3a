/** @file A file in its canonical form: one statement a line, blank lines between paragraphs kept, comments in place. */

import type { Span } from "../support/span.js";
import type { BlockDeclaration, Declaration, DeclarationParameter, SourceUnit } from "./ast.js";
import { lex } from "./lexical.js";
import { printExpr, printStatement } from "./print.js";

/**
 * The canonical text of a unit that parsed without errors; parsing it gives the same unit up to spans. Comments are read
 * from the unit's file and stay in front of, or at the end of the line of, what they stood by.
 */
export function formatUnit(unit: SourceUnit): string {
  const { file } = unit.span;
  const lines = withComments(entries(unit), lex(file).comments);
  const out: string[] = [];
  lines.forEach((line, at) => {
    const before = lines[at - 1];
    if (before !== undefined && isApart(before, line, file.text)) out.push("");
    const indent = "  ".repeat(line.depth);
    out.push(...line.text.map((part) => (part === "" ? "" : indent + part)));
  });
  return out.map((line) => `${line}\n`).join("");
}

/** One or more lines of output, and the range of the file that they stand for. */
interface Entry {
  readonly role: "open" | "close" | "line" | "comment";
  readonly text: readonly string[];
  readonly depth: number;
  readonly start: number;
  readonly end: number;
}

function entries({ imports, declarations }: SourceUnit): Entry[] {
  const first = imports.map(({ names, from, span }): Entry => {
    const list = names.map((name) => name.name).join(", ");
    return {
      role: "line",
      text: [`import { ${list} } from "${from.value}"`],
      depth: 0,
      start: span.start,
      end: span.end,
    };
  });
  return [...first, ...declarations.flatMap(declarationEntries)];
}

function declarationEntries(declaration: Declaration): Entry[] {
  const { name, span } = declaration;
  const doc = docLines(declaration.doc);
  if (declaration.kind === "fn") {
    const names = declaration.parameters.map((own) => own.name).join(", ");
    const text = [...doc, `fn ${name.name}(${names}) = ${printExpr(declaration.body)}`];
    return [{ role: "line", text, depth: 0, start: span.start, end: span.end }];
  }
  const headEnd = Math.max(name.span.end, ...declaration.parameters.map((own) => own.span.end));
  return [
    { role: "open", text: [...doc, `${head(declaration)} {`], depth: 0, start: span.start, end: headEnd },
    ...declaration.body.map((statement): Entry => {
      const text = [...docLines(statement.doc), printStatement(statement)];
      return { role: "line", text, depth: 1, start: statement.span.start, end: statement.span.end };
    }),
    { role: "close", text: ["}"], depth: 0, start: span.end - 1, end: span.end },
  ];
}

function head({ kind, name, parameters }: BlockDeclaration): string {
  return `${kind} ${name.name}(${parameters.map(parameter).join(", ")})`;
}

function parameter({ name, default: value }: DeclarationParameter): string {
  return value === undefined ? name.name : `${name.name} = ${printExpr(value)}`;
}

function docLines(doc: string | undefined): string[] {
  return doc === undefined ? [] : doc.split("\n").map((line) => `/// ${line}`.trimEnd());
}

/** Each comment behind what it follows on the same line, else on lines of its own; one inside a statement goes in front. */
function withComments(code: readonly Entry[], comments: readonly Span[]): Entry[] {
  const out: Entry[] = [];
  let next = 0;
  const take = (limit: number, depth: number) => {
    for (; next < comments.length && comments[next].start < limit; next++) {
      const { file, start, end } = comments[next];
      const text = file.text.slice(start, end).split(/\r\n|\n|\r/);
      const last = out.at(-1);
      const trails = last !== undefined && start >= last.end && !/[\n\r]/.test(file.text.slice(last.end, start));
      if (trails && text.length === 1) {
        out[out.length - 1] = {
          ...last,
          text: [...last.text.slice(0, -1), `${last.text.at(-1)} ${text[0].trimEnd()}`],
          end,
        };
      } else {
        // The inner lines of a long comment keep one space, wherever the comment goes.
        const lines = text.map((line, at) => (at === 0 ? line.trimEnd() : ` ${line.trim()}`.trimEnd()));
        out.push({ role: "comment", text: lines, depth, start, end });
      }
    }
  };
  for (const entry of code) {
    take(entry.end, entry.role === "close" ? 1 : entry.depth);
    out.push(entry);
  }
  take(Number.POSITIVE_INFINITY, 0);
  return out;
}

function isApart(before: Entry, after: Entry, text: string): boolean {
  if (before.role === "open" || after.role === "close") return false;
  if (before.role === "close" || (after.role === "open" && before.role !== "comment")) return true;
  return /\n[ \t]*\r?\n/.test(text.slice(before.end, after.start));
}
