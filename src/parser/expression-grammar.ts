/** @file The grammar of expressions, on which that of statements stands. */

import { CstParser, type IParserErrorMessageProvider, type TokenType, tokenMatcher } from "chevrotain";
import * as t from "./tokens.js";

/** A message is only the expected token's name: the wording needs the piece around it and is made in messages.ts. */
const expectedToken: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: () => "",
  buildEarlyExitMessage: () => "",
};

const punctuation: ReadonlySet<TokenType> = new Set([
  t.Equals,
  t.Colon,
  t.Comma,
  t.LParen,
  t.RParen,
  t.LSquare,
  t.RSquare,
  t.LCurly,
  t.RCurly,
]);

/** Rules only: the class that adds the last of them performs Chevrotain's self-analysis. */
export abstract class ExpressionGrammar extends CstParser {
  constructor() {
    super(t.vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 2,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectedToken,
    });
  }

  /** Punctuation may be imagined where it is missing; a name, a number or a word may not. */
  protected override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    return punctuation.has(type);
  }

  readonly name = this.RULE("name", () => {
    this.CONSUME(t.Identifier);
  });

  readonly expression = this.RULE("expression", () => {
    this.SUBRULE1(this.sum, { LABEL: "operand" });
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Less, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.LessEqual, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.Greater, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.GreaterEqual, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.EqualEqual, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.NotEqual, { LABEL: "operator" }) },
      ]);
      this.SUBRULE2(this.sum, { LABEL: "operand" });
    });
  });

  readonly sum = this.RULE("sum", () => {
    this.SUBRULE1(this.product, { LABEL: "operand" });
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Plus, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.Minus, { LABEL: "operator" }) },
      ]);
      this.SUBRULE2(this.product, { LABEL: "operand" });
    });
  });

  readonly product = this.RULE("product", () => {
    this.SUBRULE1(this.signed, { LABEL: "operand" });
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Star, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.Slash, { LABEL: "operator" }) },
        { ALT: () => this.CONSUME(t.At, { LABEL: "operator" }) },
      ]);
      this.SUBRULE2(this.signed, { LABEL: "operand" });
    });
  });

  readonly signed = this.RULE("signed", () => {
    this.MANY(() => this.SUBRULE(this.sign));
    this.SUBRULE(this.power, { LABEL: "operand" });
  });

  readonly sign = this.RULE("sign", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
  });

  readonly power = this.RULE("power", () => {
    this.SUBRULE(this.postfix, { LABEL: "operand" });
    this.MANY(() => {
      this.CONSUME(t.Power, { LABEL: "operator" });
      this.SUBRULE(this.exponent, { LABEL: "operand" });
    });
  });

  readonly exponent = this.RULE("exponent", () => {
    this.MANY(() => this.SUBRULE(this.sign));
    this.SUBRULE(this.postfix, { LABEL: "operand" });
  });

  readonly postfix = this.RULE("postfix", () => {
    this.SUBRULE(this.atom);
    this.OPTION(() => {
      this.CONSUME(t.Else);
      this.SUBRULE(this.otherwise);
    });
  });

  readonly otherwise = this.RULE("otherwise", () => {
    this.MANY(() => this.SUBRULE(this.sign));
    this.SUBRULE(this.atom, { LABEL: "operand" });
  });

  readonly atom = this.RULE("atom", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.NumberLiteral) },
      { ALT: () => this.CONSUME(t.TooDeep) },
      { ALT: () => this.SUBRULE(this.reference) },
      { ALT: () => this.SUBRULE(this.application) },
      { ALT: () => this.SUBRULE(this.parenthesized) },
      { ALT: () => this.SUBRULE(this.list) },
    ]);
  });

  readonly parenthesized = this.RULE("parenthesized", () => {
    this.CONSUME(t.LParen);
    this.SUBRULE(this.expression);
    this.CONSUME(t.RParen);
  });

  readonly list = this.RULE("list", () => {
    this.CONSUME(t.LSquare);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
    this.CONSUME(t.RSquare);
  });

  /** A name, primed name, path, call, index or reduction: they differ only in what follows the name. */
  readonly reference = this.RULE("reference", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Identifier, { LABEL: "head" }) },
      { ALT: () => this.CONSUME(t.Where, { LABEL: "head" }) },
    ]);
    this.MANY(() => this.SUBRULE(this.field));
    this.OPTION1(() => this.CONSUME(t.Prime));
    this.OPTION2(() => this.SUBRULE(this.indices));
    this.OPTION3(() => this.SUBRULE(this.arguments));
  });

  readonly field = this.RULE("field", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.IndexField) },
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.CONSUME(t.Word);
        },
      },
    ]);
  });

  readonly indices = this.RULE("indices", () => {
    this.CONSUME(t.LSquare);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.index) });
    this.CONSUME(t.RSquare);
  });

  readonly index = this.RULE("index", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE1(this.expression, { LABEL: "extent" });
    });
  });

  readonly arguments = this.RULE("arguments", () => {
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.argument) });
    this.CONSUME(t.RParen);
  });

  readonly argument = this.RULE("argument", () => {
    this.OPTION(() => {
      this.SUBRULE(this.name);
      this.CONSUME(t.Equals);
    });
    this.SUBRULE(this.expression);
  });

  readonly application = this.RULE("application", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Chain);
          this.OPTION1(() => this.SUBRULE1(this.scan));
        },
      },
      { ALT: () => this.SUBRULE2(this.scan) },
    ]);
    this.SUBRULE(this.name);
    this.SUBRULE(this.arguments);
    this.OPTION2(() => {
      this.CONSUME(t.From);
      this.SUBRULE(this.start);
    });
  });

  readonly scan = this.RULE("scan", () => {
    this.CONSUME(t.Scan);
    // A cell instance may itself be called `reverse`.
    this.OPTION({ GATE: () => tokenMatcher(this.LA(2), t.Identifier), DEF: () => this.CONSUME(t.Reverse) });
  });

  readonly start = this.RULE("start", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.record) },
      { ALT: () => this.SUBRULE(this.parenthesized) },
      { ALT: () => this.SUBRULE(this.reference) },
    ]);
  });

  readonly record = this.RULE("record", () => {
    this.CONSUME(t.LCurly);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.recordField) });
    this.CONSUME(t.RCurly);
  });

  readonly recordField = this.RULE("recordField", () => {
    this.SUBRULE(this.name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.expression);
  });
}
