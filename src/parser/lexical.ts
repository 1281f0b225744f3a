/** @file From text to tokens that are safe to parse: unknown characters are reported and dropped, deep brackets too. */

import { type ILexingError, type IToken, tokenMatcher } from "chevrotain";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import type { SourceFile } from "../support/span.js";
import { spanOf } from "./outline.js";
import * as t from "./tokens.js";

/** Brackets nest no deeper: each level costs the parser some forty frames of stack. */
const deepestBracket = 60;

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly docs: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

export function lex(file: SourceFile): Lexed {
  const { tokens, groups, errors } = t.tokenize(file.text);
  const diagnostics = [
    ...errors.map((error) => unknownCharacter(file, error)),
    ...groups.unterminated.map((token) => unterminated(file, token)),
  ];
  return { tokens: shallow(file, tokens, diagnostics), docs: groups.docs, diagnostics };
}

const known: Readonly<Record<string, string>> = {
  ";": "statements end without a sign",
  "′": "the prime of a next state is the straight `'`",
  "’": "the prime of a next state is the straight `'`",
  "−": "minus is the plain `-`",
  "·": "a product is written with `*`",
  "×": "a product is written with `*`",
  "^": "a power is written with `**`",
  "#": "a comment starts with `//`",
  "%": "whole-number arithmetic is not part of the language",
  "&": "combine conditions with a product, or nest `where`",
  "|": "combine conditions with `max`, or nest `where`",
  "!": "unequal is written `!=`",
  _: "names start with a letter",
};

function unknownCharacter(file: SourceFile, error: ILexingError): Diagnostic {
  const text = file.text.slice(error.offset, error.offset + error.length);
  const [first] = text;
  const printable = /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(first);
  const code = first.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0");
  const name = printable ? `\`${first}\`` : `U+${code}`;
  const letter = /\p{L}/u.test(first) ? "names are made of ASCII letters, digits and `_`" : undefined;
  const help = known[first] ?? letter;
  const span = { file, start: error.offset, end: error.offset + error.length };
  return diagnostic("SEQ1002", span, `unknown character ${name}`, help === undefined ? {} : { help });
}

function unterminated(file: SourceFile, token: IToken): Diagnostic {
  const span = { file, start: token.startOffset, end: token.startOffset + 2 };
  return token.image.startsWith('"')
    ? diagnostic("SEQ1004", { ...span, end: span.end - 1 }, "this string is not closed on its line")
    : diagnostic("SEQ1003", span, "this comment is never closed");
}

/** The tokens with one `TooDeep` for every group of brackets that nests too deeply. */
function shallow(file: SourceFile, tokens: readonly IToken[], diagnostics: Diagnostic[]): IToken[] {
  const kept: IToken[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (tokenMatcher(token, t.StatementWord) || tokenMatcher(token, t.Import)) depth = 0;
    const opens = tokenMatcher(token, t.LParen) || tokenMatcher(token, t.LSquare);
    const closes = tokenMatcher(token, t.RParen) || tokenMatcher(token, t.RSquare);
    if (opens && ++depth === deepestBracket + 1) {
      diagnostics.push(
        diagnostic("SEQ1011", spanOf(file, token), "these brackets are nested too deeply", {
          help: "give a part of the expression a name",
        }),
      );
      kept.push({ ...token, tokenType: t.TooDeep, tokenTypeIdx: t.TooDeep.tokenTypeIdx ?? 0 });
    }
    if (depth <= deepestBracket) kept.push(token);
    if (closes) depth = Math.max(0, depth - 1);
  }
  return kept;
}
