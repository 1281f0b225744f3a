/**
 * @file Cuts the tokens of a file into pieces: imports, declarations and, inside their braces, statements.
 *
 * In a correct text a statement begins at a reserved word, or at a name that follows the end of an expression, so the cut
 * needs no parsing. In a broken text line starts are read as hints, though newlines mean nothing to the grammar; each
 * mistake then stays within its own piece.
 */

import { type IToken, type TokenType, tokenMatcher } from "chevrotain";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import type { SourceFile, Span } from "../support/span.js";
import * as t from "./tokens.js";

/** The tokens of one import, header, function or statement. */
export type Piece = readonly IToken[];

export interface BlockOutline {
  readonly kind: "block";
  readonly header: Piece;
  readonly statements: readonly Piece[];
  /** Offset after the closing brace, or after the last token where there is none. */
  readonly end: number;
}

export interface FunctionOutline {
  readonly kind: "fn";
  readonly piece: Piece;
}

export interface Outline {
  readonly imports: readonly Piece[];
  readonly declarations: readonly (BlockOutline | FunctionOutline)[];
  readonly diagnostics: readonly Diagnostic[];
}

export function spanOf(file: SourceFile, first: IToken, last: IToken = first): Span {
  return { file, start: first.startOffset, end: endOf(last) };
}

export function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

/** Cuts a whole file; whatever stands outside declarations is reported here. */
export function outline(file: SourceFile, tokens: readonly IToken[]): Outline {
  const cutter = new Cutter(file, tokens);
  cutter.run();
  return cutter;
}

const blockWords = [t.Cell, t.Layer, t.Model];
const operators = [
  t.Equals,
  t.Tilde,
  t.Plus,
  t.Minus,
  t.Star,
  t.Slash,
  t.At,
  t.Power,
  t.Less,
  t.LessEqual,
  t.Greater,
  t.GreaterEqual,
  t.EqualEqual,
  t.NotEqual,
  t.Else,
  t.Scan,
  t.Chain,
  t.From,
];
const ends = [
  t.Identifier,
  t.NumberLiteral,
  t.IndexField,
  t.RParen,
  t.RSquare,
  t.RCurly,
  t.Prime,
  t.F32,
  t.Bool,
  t.Ragged,
  t.Frozen,
  t.NoDecay,
  t.TooDeep,
];

/** How many tokens the brackets of a left side may hold where it is only guessed from a line start. */
const longestIndexList = 64;

class Cutter implements Outline {
  readonly imports: Piece[] = [];
  readonly declarations: (BlockOutline | FunctionOutline)[] = [];
  readonly diagnostics: Diagnostic[] = [];
  #at = 0;

  constructor(
    readonly file: SourceFile,
    readonly tokens: readonly IToken[],
  ) {}

  run(): void {
    while (this.#at < this.tokens.length) {
      if (this.#is(t.Import)) this.imports.push(this.#import());
      else if (blockWords.some((word) => this.#is(word))) this.declarations.push(this.#block());
      else if (this.#is(t.Fn)) this.declarations.push({ kind: "fn", piece: this.#function() });
      else this.#stray();
    }
  }

  #is(type: TokenType, offset = 0): boolean {
    const token = this.tokens[this.#at + offset];
    return token !== undefined && tokenMatcher(token, type);
  }

  #isOneOf(types: readonly TokenType[], offset: number): boolean {
    return types.some((type) => this.#is(type, offset));
  }

  /** Runs on until `stop` holds for the token at hand. */
  #until(stop: () => boolean): Piece {
    const start = this.#at;
    while (this.#at < this.tokens.length && !stop()) this.#at++;
    return this.tokens.slice(start, this.#at);
  }

  #import(): Piece {
    const start = this.#at++;
    this.#until(() => this.#is(t.StringLiteral) || this.#startsDeclaration() || this.#startsAtWord());
    if (this.#is(t.StringLiteral)) this.#at++;
    return this.tokens.slice(start, this.#at);
  }

  #function(): Piece {
    const start = this.#at++;
    this.#until(() => this.#startsDeclaration() || this.#startsAtWord());
    return this.tokens.slice(start, this.#at);
  }

  #stray(): void {
    const piece = this.#until(() => this.#startsDeclaration());
    const found = piece[0].image;
    const help =
      found === "}"
        ? "this brace closes nothing"
        : "statements stand inside the braces of a `cell`, `layer` or `model`; functions start with `fn`";
    const message = `Expected a declaration, found \`${found}\`.`;
    this.diagnostics.push(diagnostic("SEQ1007", spanOf(this.file, piece[0]), message, { help }));
  }

  #block(): BlockOutline {
    const start = this.#at++;
    this.#until(() => this.#is(t.LCurly) || this.#is(t.RCurly) || this.#startsDeclaration() || this.#startsAtWord());
    const header = this.tokens.slice(start, this.#at);
    const open = this.#is(t.LCurly) ? this.tokens[this.#at++] : undefined;
    if (open === undefined) {
      const message = `Expected \`{\` after the head of this ${header[0].image}.`;
      this.diagnostics.push(diagnostic("SEQ1006", spanOf(this.file, header[0], header[header.length - 1]), message));
    }
    const statements = this.#statements();
    const end = endOf(this.tokens[this.#at - 1]);
    if (this.#is(t.RCurly)) return { kind: "block", header, statements, end: endOf(this.tokens[this.#at++]) };
    if (open !== undefined) {
      const span = { file: this.file, start: end, end };
      const related = [{ span: spanOf(this.file, open), message: "this brace is never closed" }];
      this.diagnostics.push(
        diagnostic("SEQ1006", span, `Expected \`}\` at the end of this ${header[0].image}.`, { related }),
      );
    }
    return { kind: "block", header, statements, end };
  }

  /** The statements up to the closing brace, the next declaration or the end. */
  #statements(): Piece[] {
    const pieces: Piece[] = [];
    const closers: ("record" | "stray")[] = [];
    let start = this.#at;
    let depth = 0;
    const cut = () => {
      if (this.#at > start) pieces.push(this.tokens.slice(start, this.#at));
      start = this.#at;
      depth = 0;
    };
    for (; this.#at < this.tokens.length; this.#at++) {
      if (this.#startsDeclaration()) break;
      if (this.#startsStatement(depth)) {
        cut();
        while (closers.at(-1) === "record") closers.pop();
      }
      if (this.#is(t.LParen) || this.#is(t.LSquare)) depth++;
      else if (this.#is(t.RParen) || this.#is(t.RSquare)) depth = Math.max(0, depth - 1);
      else if (this.#is(t.LCurly)) closers.push(this.#is(t.From, -1) ? "record" : "stray");
      else if (this.#is(t.RCurly) && closers.pop() === undefined) break;
    }
    cut();
    return pieces;
  }

  #startsDeclaration(): boolean {
    if (this.#is(t.Dot, -1)) return false;
    if (this.#is(t.Import)) return this.#is(t.LCurly, 1) || this.#isLineStart();
    const opens = this.#isOneOf(blockWords, 0) || this.#is(t.Fn);
    if (!opens || !this.#is(t.Identifier, 1)) return false;
    if (this.#is(t.LParen, 2) || this.#is(t.LCurly, 2)) return true;
    // A broken head; but not a value called `cell`, and then the left side of the next statement.
    return this.#isLineStart() && !this.#isOneOf([t.Equals, t.Comma, t.Prime, t.LSquare], 2);
  }

  #startsAtWord(): boolean {
    const afterEnd = this.#isAfterEnd() || this.#isLineStart();
    return this.#is(t.StatementWord) && !this.#is(t.Dot, -1) && afterEnd;
  }

  #startsStatement(depth: number): boolean {
    if (this.#is(t.StatementWord)) return this.#startsAtWord();
    if (!this.#is(t.Identifier) || this.#is(t.Dot, -1)) return false;
    if (this.#isAfterEnd()) {
      const elementType = this.#is(t.Id) && this.#is(t.LParen, 1) && this.#is(t.RSquare, -1);
      const reversed = this.#is(t.Reverse, -1) && this.#is(t.Scan, -2);
      // `4H` lacks its `*`: no statement begins inside a word.
      const glued =
        this.#is(t.NumberLiteral, -1) && endOf(this.tokens[this.#at - 1]) === this.tokens[this.#at].startOffset;
      return !elementType && !reversed && !glued && (depth === 0 || this.#isLineStart());
    }
    return this.#isLineStart() && this.#isOneOf(operators, -1) && this.#isLeftSide(depth);
  }

  /** Whether the token before can end a statement: every word can, behind a dot. */
  #isAfterEnd(): boolean {
    return this.#isOneOf(ends, -1) || (this.#is(t.Word, -1) && this.#is(t.Dot, -2));
  }

  /** Whether the tokens at hand read `a =`, `h' =`, `y[d] =` or, outside brackets, `a, b =`. */
  #isLeftSide(depth: number): boolean {
    let offset = 0;
    while (this.#is(t.Identifier, offset)) {
      offset++;
      if (this.#is(t.Prime, offset)) offset++;
      if (this.#is(t.LSquare, offset)) offset = this.#afterBrackets(offset);
      if (this.#is(t.Equals, offset)) return true;
      if (depth > 0 || !this.#is(t.Comma, offset)) return false;
      offset++;
    }
    return false;
  }

  /** The offset behind the partner of the bracket at `offset`, as far as it is looked for. */
  #afterBrackets(offset: number): number {
    let depth = 0;
    for (let at = offset; at < offset + longestIndexList; at++) {
      if (this.#is(t.LSquare, at) || this.#is(t.LParen, at)) depth++;
      if ((this.#is(t.RSquare, at) || this.#is(t.RParen, at)) && --depth === 0) return at + 1;
    }
    return offset;
  }

  #isLineStart(): boolean {
    if (this.#at === 0) return true;
    const before = endOf(this.tokens[this.#at - 1]);
    return /[\n\r]/.test(this.file.text.slice(before, this.tokens[this.#at].startOffset));
  }
}
