/** @file A file in its canonical form: one statement or list a line, blank lines between paragraphs kept, comments in place. */

import type { BlockDeclaration, Declaration, DeclarationParameter, SourceUnit, Statement } from "./ast.js";
import { DocComments } from "./builder.js";
import { fold } from "./fold.js";
import { lex } from "./lexical.js";
import { endOf } from "./outline.js";
import { printExpr, printStatements } from "./print.js";

/** Columns a line of code may take; docs and comments stay as they are. */
const WIDTH = 110;

/**
 * The canonical text of a unit that parsed without errors; parsing it gives the same unit up to spans. Comments are read
 * from the unit's file and stay in front of, or at the end of the line of, what they stood by. A `///` text that documents
 * nothing becomes a plain comment: elsewhere it could document something.
 */
export function formatUnit(unit: SourceUnit): string {
  const { file } = unit.span;
  const lines = withComments(file.text, entries(unit), allComments(unit));
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
      text: fold(`import { ${list} } from "${from.value}"`, WIDTH),
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
    const text = [...doc, ...fold(`fn ${name.name}(${names}) = ${printExpr(declaration.body)}`, WIDTH)];
    return [{ role: "line", text, depth: 0, start: span.start, end: span.end }];
  }
  const headEnd = Math.max(name.span.end, ...declaration.parameters.map((own) => own.span.end));
  return [
    {
      role: "open",
      text: [...doc, ...fold(`${head(declaration)} {`, WIDTH)],
      depth: 0,
      start: span.start,
      end: headEnd,
    },
    ...lists(declaration.body).map((list): Entry => {
      const text = [...docLines(list[0].doc), ...fold(printStatements(list), WIDTH - 2)];
      return { role: "line", text, depth: 1, start: list[0].span.start, end: list[list.length - 1].span.end };
    }),
    { role: "close", text: ["}"], depth: 0, start: span.end - 1, end: span.end },
  ];
}

/** The statements that were written as one, with nothing but a comma between them: a comment there ends a list. */
function lists(body: readonly Statement[]): Statement[][] {
  const out: Statement[][] = [];
  for (const statement of body) {
    const before = out.at(-1)?.at(-1);
    const between = before?.span.file.text.slice(before.span.end, statement.span.start) ?? "";
    if (/^\s*,\s*$/.test(between) && before?.doc === statement.doc) out[out.length - 1].push(statement);
    else out.push([statement]);
  }
  return out;
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

interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The comments, and the docs that no declaration or statement has. */
function allComments({ declarations, span: { file } }: SourceUnit): Comment[] {
  const lexed = lex(file);
  const docs = new DocComments(file, lexed.docs, lexed.tokens);
  for (const declaration of declarations) {
    docs.take(declaration.span.start);
    if (declaration.kind !== "fn") takeDocs(docs, declaration.body);
  }
  const idle = docs.remaining();
  const plain = lexed.comments.map(({ start, end }) => ({ text: file.text.slice(start, end), start, end }));
  const freed = lexed.docs
    .map((token) => ({ text: `// ${token.image.slice(3).trim()}`, start: token.startOffset, end: endOf(token) }))
    .filter(({ start }) => idle.some((span) => span.start <= start && start < span.end));
  return [...plain, ...freed].sort((one, other) => one.start - other.start);
}

/** What stands in front of a list documents those of its items that have nothing of their own. */
function takeDocs(docs: DocComments, body: readonly Statement[]): void {
  let list = 0;
  for (const { kind, span, ...statement } of body) {
    const name = "name" in statement && kind !== "metric" ? statement.name : undefined;
    if (name?.span.start !== span.start) list = span.start;
    if (name === undefined || docs.take(name.span.start) === undefined) docs.take(list);
  }
}

/** Each comment behind what it follows on the same line, else on lines of its own; one inside a statement goes in front. */
function withComments(source: string, code: readonly Entry[], comments: readonly Comment[]): Entry[] {
  const out: Entry[] = [];
  let next = 0;
  const take = (limit: number, depth: number) => {
    for (; next < comments.length && comments[next].start < limit; next++) {
      const { start, end } = comments[next];
      const text = comments[next].text.split(/\r\n|\n|\r/);
      const last = out.at(-1);
      const trails = last !== undefined && start >= last.end && !/[\n\r]/.test(source.slice(last.end, start));
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
