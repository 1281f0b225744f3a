/** @file The parser's only entrance: text in, abstract syntax and diagnostics out. */

import type { CstNode } from "chevrotain";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import { positionAt } from "../diagnostics/position.js";
import type { SourceFile } from "../support/span.js";
import type { BlockDeclaration, Declaration, Import, SourceUnit, Statement } from "./ast.js";
import { Builder, DocComments } from "./builder.js";
import { Grammar } from "./grammar.js";
import { lex } from "./lexical.js";
import { borrowedStatement, explain, nestedTooDeeply } from "./messages.js";
import { shallow } from "./nesting.js";
import { type BlockOutline, endOf, outline, type Piece, spanOf } from "./outline.js";
import { functionDeclaration, header, importDeclaration, statement } from "./to-ast.js";

/** Building the grammar takes longer than parsing most files, and a parser keeps nothing between pieces. */
const grammar = new Grammar();

/**
 * Parses a file. Never throws and never stops at the first mistake: each statement is parsed on its own, and a broken one
 * yields at most one diagnostic and as much of its tree as could be made out. Diagnostics come in the order of the text.
 */
export function parse(file: SourceFile): { unit: SourceUnit; diagnostics: readonly Diagnostic[] } {
  const lexed = lex(file);
  const cut = outline(file, lexed.tokens);
  const docs = new DocComments(file, lexed.docs, lexed.tokens);
  const builder = new Builder(file, docs);
  const mistakes: Diagnostic[] = [];

  function run<T>(
    rule: "importDeclaration" | "header" | "functionDeclaration" | "statement",
    piece: Piece,
    build: (b: Builder, node: CstNode) => T,
  ): T {
    const { piece: safe, tooDeep } = shallow(piece);
    grammar.input = [...safe];
    const node = grammar[rule]();
    const [first] = grammar.errors;
    if (tooDeep !== undefined) mistakes.push(nestedTooDeeply(spanOf(file, tooDeep)));
    else if (first !== undefined) mistakes.push(explain(file, safe, first));
    builder.begin(endOf(piece[piece.length - 1]), first === undefined && tooDeep === undefined);
    return build(builder, node);
  }

  function statements(pieces: readonly Piece[]): Statement[] {
    let borrowedLine: number | undefined;
    return pieces.flatMap((piece) => {
      const { line } = positionAt(file, piece[0].startOffset);
      const mistake = borrowedStatement(file, piece);
      if (mistake !== undefined) {
        mistakes.push(mistake);
        borrowedLine = line;
        return [];
      }
      const before = mistakes.length;
      const found = run("statement", piece, statement);
      // The rest of a loop's or a branch's line makes no more sense than its word.
      if (line !== borrowedLine || mistakes.length === before) return found;
      mistakes.length = before;
      return [];
    });
  }

  function block(from: BlockOutline): BlockDeclaration[] {
    const [word] = from.header;
    const head = run("header", from.header, header);
    const doc = docs.take(word.startOffset);
    const body = statements(from.statements);
    const kind = word.image === "cell" ? "cell" : word.image === "layer" ? "layer" : "model";
    const span = { file, start: word.startOffset, end: from.end };
    return head === undefined ? [] : [{ kind, ...head, ...doc, body, span }];
  }

  const imports = cut.imports.flatMap((piece): Import[] => {
    const found = run("importDeclaration", piece, importDeclaration);
    return found === undefined ? [] : [found];
  });
  const declarations = cut.declarations.flatMap((from): Declaration[] => {
    if (from.kind === "block") return block(from);
    const found = run("functionDeclaration", from.piece, functionDeclaration);
    return found === undefined ? [] : [found];
  });
  const unit = { imports, declarations, span: { file, start: 0, end: file.text.length } };
  const idle = docs.remaining().map((span) =>
    diagnostic("SEQ1017", span, "This comment documents nothing.", {
      severity: "warning",
      help: "put it in front of a declaration or statement, or write it with `//`",
    }),
  );
  const syntactic = [...cut.diagnostics, ...mistakes, ...builder.diagnostics, ...idle];
  return { unit, diagnostics: inOrder([...lexed.diagnostics, ...withoutEchoes(lexed.diagnostics, syntactic)]) };
}

/**
 * What was dropped leaves a hole: the same mistake again is what the grammar finds after it on the same line, and what
 * it misses just in front of it.
 */
function withoutEchoes(lexical: readonly Diagnostic[], syntactic: readonly Diagnostic[]): Diagnostic[] {
  const lineOf = ({ span }: Diagnostic) => positionAt(span.file, span.start).line;
  const holes = new Map(
    inOrder(lexical)
      .reverse()
      .map((cause) => [lineOf(cause), cause.span.start]),
  );
  const gaps = new Set(lexical.map(({ span }) => beforeSpace(span.file.text, span.start)));
  return syntactic.filter((mistake) => {
    const { start, end } = mistake.span;
    return (holes.get(lineOf(mistake)) ?? Number.POSITIVE_INFINITY) > start && !(start === end && gaps.has(start));
  });
}

function beforeSpace(text: string, offset: number): number {
  let at = offset;
  while (at > 0 && /\s/.test(text[at - 1])) at--;
  return at;
}

function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) => a.span.start - b.span.start);
}
