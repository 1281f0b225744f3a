/** @file The words and signs of the language, and the lexer made of them. Comments are kept apart from the tokens. */

import { createToken, type ILexingResult, Lexer, type TokenType } from "chevrotain";

/** Any word, reserved or not: what may follow a dot. */
export const Word = createToken({ name: "Word", pattern: Lexer.NA });
/** Words that begin a statement: they are reserved, so that a broken statement cannot swallow the next one. */
export const StatementWord = createToken({ name: "StatementWord", pattern: Lexer.NA, categories: [Word] });

export const Identifier = createToken({
  name: "Identifier",
  label: "a name",
  pattern: /[A-Za-z][A-Za-z0-9_]*/,
  categories: [Word],
});

function word(text: string, category: TokenType): TokenType {
  return createToken({
    name: text.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase()),
    label: `\`${text}\``,
    pattern: new RegExp(text),
    longer_alt: Identifier,
    categories: [category],
  });
}

// Words with a meaning only in one place stay names elsewhere: a declaration may have a parameter `cell`.
export const Cell = word("cell", Identifier);
export const Layer = word("layer", Identifier);
export const Model = word("model", Identifier);
export const Fn = word("fn", Identifier);
export const Id = word("id", Identifier);
export const Reverse = word("reverse", Identifier);

export const Input = word("input", StatementWord);
export const Context = word("context", StatementWord);
export const State = word("state", StatementWord);
export const Param = word("param", StatementWord);
export const Const = word("const", StatementWord);
export const Use = word("use", StatementWord);
export const Length = word("length", StatementWord);
export const Output = word("output", StatementWord);
export const Target = word("target", StatementWord);
export const Loss = word("loss", StatementWord);
export const Metric = word("metric", StatementWord);

export const Import = word("import", Word);
export const From = word("from", Word);
export const Where = word("where", Word);
export const Else = word("else", Word);
export const Scan = word("scan", Word);
export const Chain = word("chain", Word);
export const Ragged = word("ragged", Word);
export const Frozen = word("frozen", Word);
export const NoDecay = word("no_decay", Word);
export const F32 = word("f32", Word);
export const Bool = word("bool", Word);

export const NumberLiteral = createToken({
  name: "NumberLiteral",
  label: "a number",
  pattern: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/,
});
/** `.0` of `block.0.W`: lexed as one token, before numbers could join `0.0`. */
export const IndexField = createToken({ name: "IndexField", label: "an instance number", pattern: /\.\d+/ });
export const StringLiteral = createToken({ name: "StringLiteral", label: "a file in quotes", pattern: /"[^"\r\n]*"/ });

function sign(name: string, text: string): TokenType {
  return createToken({ name, label: `\`${text}\``, pattern: text });
}

export const Power = sign("Power", "**");
export const Star = sign("Star", "*");
export const Slash = sign("Slash", "/");
export const At = sign("At", "@");
export const Plus = sign("Plus", "+");
export const Minus = sign("Minus", "-");
export const LessEqual = sign("LessEqual", "<=");
export const GreaterEqual = sign("GreaterEqual", ">=");
export const EqualEqual = sign("EqualEqual", "==");
export const NotEqual = sign("NotEqual", "!=");
export const Less = sign("Less", "<");
export const Greater = sign("Greater", ">");
export const Equals = sign("Equals", "=");
export const Tilde = sign("Tilde", "~");
export const Colon = sign("Colon", ":");
export const Comma = sign("Comma", ",");
export const Dot = sign("Dot", ".");
export const Prime = sign("Prime", "'");
export const LParen = sign("LParen", "(");
export const RParen = sign("RParen", ")");
export const LSquare = sign("LSquare", "[");
export const RSquare = sign("RSquare", "]");
export const LCurly = sign("LCurly", "{");
export const RCurly = sign("RCurly", "}");

/** Takes the place of brackets that nest deeper than the parser's stack is meant to go; never lexed. */
export const TooDeep = createToken({ name: "TooDeep", pattern: Lexer.NA });

const comments = "comments";
const unterminated = "unterminated";
const ignored = [
  createToken({ name: "Space", pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true }),
  createToken({ name: "DocComment", pattern: /\/\/\/(?!\/)[^\r\n]*/, group: "docs" }),
  createToken({ name: "LineComment", pattern: /\/\/[^\r\n]*/, group: comments }),
  createToken({
    name: "BlockComment",
    pattern: /\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//,
    group: comments,
    line_breaks: true,
  }),
  createToken({ name: "OpenComment", pattern: /\/\*[\s\S]*/, group: unterminated, line_breaks: true }),
];
const openString = createToken({ name: "OpenString", pattern: /"[^"\r\n]*/, group: unterminated });

const words = [
  Cell,
  Layer,
  Model,
  Fn,
  Id,
  Reverse,
  Input,
  Context,
  State,
  Param,
  Const,
  Use,
  Length,
  Output,
  Target,
  Loss,
  Metric,
  Import,
  From,
  Where,
  Else,
  Scan,
  Chain,
  Ragged,
  Frozen,
  NoDecay,
  F32,
  Bool,
];

// The longer sign stands before its beginning: the lexer takes the first that matches.
const signs = [
  Power,
  Star,
  Slash,
  At,
  Plus,
  Minus,
  LessEqual,
  GreaterEqual,
  EqualEqual,
  NotEqual,
  Less,
  Greater,
  Equals,
  Tilde,
  Colon,
  Comma,
  IndexField,
  Dot,
  Prime,
  LParen,
  RParen,
  LSquare,
  RSquare,
  LCurly,
  RCurly,
];

export const vocabulary: TokenType[] = [
  ...ignored,
  ...words,
  Identifier,
  NumberLiteral,
  StringLiteral,
  openString,
  ...signs,
  Word,
  StatementWord,
  TooDeep,
];

// Only full tracking gives tokens the end offsets that the grammar's node locations are made of.
const lexer = new Lexer(vocabulary, { positionTracking: "full" });

/** Tokens without comments; `groups.docs`, `groups.comments` and `groups.unterminated` hold what was set apart. */
export function tokenize(text: string): ILexingResult {
  return lexer.tokenize(text);
}
