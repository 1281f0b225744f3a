/** @file Keeps a piece from overflowing the stack of a parser by recursive descent. */

import { type IToken, type TokenType, tokenMatcher } from "chevrotain";
import type { Piece } from "./outline.js";
import * as t from "./tokens.js";

/** Each level costs the parser some forty frames of stack. */
const deepestBracket = 60;

/** The piece with one `TooDeep` token in place of every group of brackets that nests too deeply, and the first of these. */
export function shallow(piece: Piece): { readonly piece: Piece; readonly tooDeep?: IToken } {
  const kept: IToken[] = [];
  let tooDeep: IToken | undefined;
  let depth = 0;
  for (const token of piece) {
    if (isOneOf(openers, token) && ++depth === deepestBracket + 1) {
      const placeholder = { ...token, tokenType: t.TooDeep, tokenTypeIdx: t.TooDeep.tokenTypeIdx ?? 0 };
      kept.push(placeholder);
      tooDeep ??= placeholder;
    }
    if (depth <= deepestBracket) kept.push(token);
    if (isOneOf(closers, token)) depth = Math.max(0, depth - 1);
  }
  return tooDeep === undefined ? { piece } : { piece: kept, tooDeep };
}

/** The innermost bracket that is open at the end of a piece. */
export function unclosed(piece: Piece): IToken | undefined {
  const open: IToken[] = [];
  for (const token of piece) {
    if (isOneOf(openers, token)) open.push(token);
    else if (isOneOf(closers, token)) open.pop();
  }
  return open.at(-1);
}

const openers = [t.LParen, t.LSquare, t.LCurly];
const closers = [t.RParen, t.RSquare, t.RCurly];

export function isOneOf(types: readonly TokenType[], token: IToken): boolean {
  return types.some((type) => tokenMatcher(token, type));
}
