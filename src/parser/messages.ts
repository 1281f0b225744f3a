/** @file One plain sentence for each mistake that the grammar finds in a piece. */

import { type IRecognitionException, type IToken, type TokenType, tokenMatcher } from "chevrotain";
import type { DiagnosticCode } from "../diagnostics/catalogue.js";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import type { SourceFile, Span } from "../support/span.js";
import { isOneOf, unclosed } from "./nesting.js";
import { endOf, type Piece, spanOf } from "./outline.js";
import * as t from "./tokens.js";

const labels: ReadonlyMap<string, string> = new Map(t.vocabulary.map((type) => [type.name, type.LABEL ?? type.name]));

/** Where in its rule a missing token belongs. */
const places: Readonly<Record<string, string>> = {
  "assignStatement Equals": " after the names on the left side",
  "constItem Equals": " and the value of the constant",
  "useItem Equals": " after the name of the instance",
  "functionDeclaration Equals": " and what the function is",
  "functionDeclaration LParen": " and the names of the function's arguments",
  "portItem Colon": " and a type after the name",
  "stateItem Colon": " and a type after the name",
  "paramItem Colon": " and a type after the name",
  "constItem Colon": " and a type after the name",
  "recordField Colon": " and a value after the name of the state",
  "arguments LParen": " and the arguments",
  "importDeclaration From": " and the file of the import",
};

/** Closing brackets of lists: a comma would do as well. */
const lists: ReadonlySet<string> = new Set([
  "arguments RParen",
  "header RParen",
  "functionDeclaration RParen",
  "list RSquare",
  "indices RSquare",
  "indexNames RSquare",
  "target RSquare",
  "type RSquare",
  "importDeclaration RCurly",
  "record RCurly",
]);

const alternatives: Readonly<Record<string, string>> = {
  atom: "an expression",
  list: "an expression",
  indices: "an index",
  type: "a type: `[...]`, `f32`, `bool` or `id(...)`",
  elementType: "an element type: `f32`, `bool` or `id(...)`",
  start: "a record of states",
  header: "a declaration",
  statement: "a statement",
};

/** What the first mistake of a piece comes down to. */
export function explain(file: SourceFile, piece: Piece, error: IRecognitionException): Diagnostic {
  const at = piece.indexOf(error.token);
  const found = at < 0 ? undefined : piece[at];
  const previous = at < 0 ? piece[piece.length - 1] : piece[at - 1];
  const end = endOf(piece[piece.length - 1]);
  const span = found === undefined ? { file, start: end, end } : spanOf(file, found);
  const rule = error.context.ruleStack.at(-1) ?? "";

  const expected = error.name === "MismatchedTokenException" ? error.message : "";
  // Inside brackets, what follows a complete operand is as much left over as at the end of a statement.
  const opened = found !== undefined && isOneOf(openers, found) && at > 0 && isOneOf([t.RParen, t.RSquare], previous);
  const isOver = error.name === "NotAllInputParsedException" || (closers.has(expected) && opened);
  if (found !== undefined && isOver) {
    const { code, message, help } = leftOver(found, previous, piece[0]);
    return diagnostic(code, span, message, help === undefined ? {} : { help });
  }
  const wanted = expected === "" ? (alternatives[rule] ?? "a name") : expectation(rule, expected);
  const mistake = misplaced(found, previous, wanted === "a name");
  if (mistake !== undefined) return diagnostic(mistake.code, span, mistake.message, { help: mistake.help });
  const saw = found === undefined ? `but this ${pieceName(piece)} ends here` : `found \`${shown(found)}\``;
  const message = `Expected ${wanted}, ${saw}.`;
  if (found === undefined && closers.has(expected)) {
    const open = unclosed(piece);
    const related = open === undefined ? [] : [{ span: spanOf(file, open), message: "this bracket is never closed" }];
    return diagnostic("SEQ1005", span, message, { related });
  }
  return diagnostic(
    wanted === "an expression" ? "SEQ1009" : wanted === "a statement" ? "SEQ1008" : "SEQ1001",
    span,
    message,
  );
}

export function nestedTooDeeply(span: Span): Diagnostic {
  return diagnostic("SEQ1011", span, "This is nested too deeply.", { help: "give a part of the expression a name" });
}

interface Mistake {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly help?: string;
}

function expectation(rule: string, expected: string): string {
  const label = labels.get(expected) ?? expected;
  if (lists.has(`${rule} ${expected}`)) return `\`,\` or ${label}`;
  return label + (places[`${rule} ${expected}`] ?? "");
}

const binary = [t.Plus, t.Minus, t.Star, t.Slash, t.At, t.Power, t.Less, t.LessEqual, t.Greater, t.GreaterEqual];

/** What other languages have here, by the word that starts it, and what stands for it in this one. */
const borrowed: ReadonlyMap<string, string> = new Map([
  ["for", "an index goes over an axis, `sum[k](…)`, and `scan` over the steps"],
  ["while", "an index goes over an axis, `sum[k](…)`, and `scan` over the steps"],
  ["if", "choose a value with `where(condition, a, b)`"],
  ["return", "write `output y`"],
]);

/** A statement of other languages at the head of a piece: no name is followed by a name or a parenthesis. */
export function borrowedStatement(file: SourceFile, [word, next]: Piece): Diagnostic | undefined {
  const help = borrowed.get(word.image);
  if (help === undefined || (next !== undefined && !isOneOf([t.LParen, t.TooDeep, t.NumberLiteral], next)))
    return undefined;
  return diagnostic("SEQ1008", spanOf(file, word), `There is no \`${word.image}\`.`, { help });
}

const closers: ReadonlySet<string> = new Set(["RParen", "RSquare", "RCurly"]);
const openers = [t.LParen, t.TooDeep, t.LSquare];

/** Mistakes that the two tokens at hand give away, whatever the grammar expected. */
function misplaced(found: IToken | undefined, previous: IToken | undefined, wantsName: boolean): Mistake | undefined {
  if (found === undefined) return undefined;
  const is = (token: IToken | undefined, type: TokenType) => token !== undefined && tokenMatcher(token, type);
  if (is(found, t.IndexField) && !is(previous, t.Identifier)) {
    return {
      code: "SEQ1019",
      message: "A number has a digit in front of its point.",
      help: `write \`0${found.image}\``,
    };
  }
  if (is(found, t.Dot) && is(previous, t.NumberLiteral)) {
    return {
      code: "SEQ1019",
      message: "A number has a digit after its point.",
      help: `write \`${previous?.image}.0\``,
    };
  }
  if (is(found, t.Identifier) && is(previous, t.NumberLiteral)) {
    const message = `Expected an operator between \`${previous?.image}\` and \`${found.image}\`.`;
    return { code: "SEQ1019", message, help: `a product is written \`${previous?.image} * ${found.image}\`` };
  }
  if (is(found, t.Prime)) {
    return {
      code: "SEQ1021",
      message: "A prime follows the name of a state, and this is none.",
      help: "write `h'[d]`",
    };
  }
  if (is(found, t.Scan) || is(found, t.Chain)) {
    if (is(previous, t.Scan)) {
      return {
        code: "SEQ1020",
        message: `\`${found.image}\` cannot follow \`scan\`.`,
        help: "write `chain scan rnn(x)`",
      };
    }
  }
  if (is(found, t.Word) && !is(found, t.Identifier) && (wantsName || is(found, t.StatementWord))) {
    const message = `\`${found.image}\` is a reserved word and cannot be a name.`;
    return { code: "SEQ1015", message, help: `another name would do, such as \`${found.image}_1\`` };
  }
  return undefined;
}

/** What follows a complete piece without belonging to it. */
function leftOver(found: IToken, previous: IToken, first: IToken): Mistake {
  const mistake = misplaced(found, previous, false);
  if (mistake !== undefined) return mistake;
  const image = shown(found);
  if (tokenMatcher(first, t.Output) && (isOneOf(binary, found) || isOneOf([t.LParen, t.TooDeep], found))) {
    return { code: "SEQ1016", message: "An output has a name.", help: "give it one: `output y = …`" };
  }
  switch (found.tokenType) {
    case t.RParen:
    case t.RSquare:
    case t.RCurly:
      return { code: "SEQ1005", message: `\`${image}\` closes nothing.` };
    case t.LSquare:
      return { code: "SEQ1013", message: "Only a name can be indexed.", help: "give the expression a name first" };
    case t.LParen:
      return { code: "SEQ1014", message: "Only a name can be applied.", help: "a product is written with `*`" };
    case t.Else:
      return {
        code: "SEQ1012",
        message: "`else` takes one operand.",
        help: "put the value outside the range in parentheses: `x[t - 2] else (x[t - 1] else 0)`",
      };
    case t.From:
      return { code: "SEQ1020", message: "`from` belongs after a scan.", help: "write `scan rnn(x) from end`" };
    case t.Where:
      return { code: "SEQ1020", message: "`where` as a clause belongs after a loss.", help: "write `loss e where m`" };
    default:
      return { code: "SEQ1001", message: `Expected an operator or the next statement, found \`${image}\`.` };
  }
}

function shown(token: IToken): string {
  return tokenMatcher(token, t.TooDeep) ? "(" : token.image;
}

function pieceName(piece: Piece): string {
  const [first] = piece;
  if (tokenMatcher(first, t.Import)) return "import";
  if (tokenMatcher(first, t.Fn)) return "function";
  return isOneOf([t.Cell, t.Layer, t.Model], first) ? "head" : "statement";
}
