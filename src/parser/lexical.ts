/** @file From text to tokens. Unknown characters, open comments and open strings are reported and dropped. */

import type { ILexingError, IToken } from "chevrotain";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import type { SourceFile, Span } from "../support/span.js";
import { spanOf } from "./outline.js";
import * as t from "./tokens.js";

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly docs: readonly IToken[];
  /** Comments other than doc comments, in their order. */
  readonly comments: readonly Span[];
  readonly diagnostics: readonly Diagnostic[];
}

export function lex(file: SourceFile): Lexed {
  const { tokens, groups, errors } = t.tokenize(file.text);
  const diagnostics = [
    ...errors.map((error) => unknownCharacter(file, error)),
    ...groups.unterminated.map((token) => unterminated(file, token)),
  ];
  const comments = groups.comments.map((comment) => spanOf(file, comment));
  return { tokens, docs: groups.docs, comments, diagnostics };
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
  return diagnostic("SEQ1002", span, `Unknown character ${name}.`, help === undefined ? {} : { help });
}

function unterminated(file: SourceFile, token: IToken): Diagnostic {
  const span = { file, start: token.startOffset, end: token.startOffset + 2 };
  return token.image.startsWith('"')
    ? diagnostic("SEQ1004", { ...span, end: span.end - 1 }, "This string is not closed on its line.")
    : diagnostic("SEQ1003", span, "This comment is never closed.");
}
