/**
 * @file The grammar of one piece of a file: an import, a header, a function or a statement.
 * The outline cuts the file into pieces, so that a mistake in one cannot reach the next.
 */

import { CstParser, type IParserErrorMessageProvider, type TokenType, tokenMatcher } from "chevrotain";
import * as t from "./tokens.js";

/** A message is only the expected token's name: the wording needs the piece around it and is made in messages.ts. */
const expectedToken: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: () => "",
  buildEarlyExitMessage: () => "",
};

export class Grammar extends CstParser {
  constructor() {
    super(t.vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 2,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectedToken,
    });
    this.performSelfAnalysis();
  }

  /** Punctuation may be imagined where it is missing; a name, a number or a word may not. */
  protected override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    return punctuation.has(type);
  }

  readonly importDeclaration = this.RULE("importDeclaration", () => {
    this.CONSUME(t.Import);
    this.CONSUME(t.LCurly);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.name) });
    this.CONSUME(t.RCurly);
    this.CONSUME(t.From);
    this.CONSUME(t.StringLiteral);
  });

  /** Without its `{`, which is the outline's. */
  readonly header = this.RULE("header", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Cell) },
      { ALT: () => this.CONSUME(t.Layer) },
      { ALT: () => this.CONSUME(t.Model) },
    ]);
    this.SUBRULE(this.name);
    this.OPTION(() => {
      this.CONSUME(t.LParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.parameter) });
      this.CONSUME(t.RParen);
    });
  });

  readonly parameter = this.RULE("parameter", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
  });

  readonly functionDeclaration = this.RULE("functionDeclaration", () => {
    this.CONSUME(t.Fn);
    this.SUBRULE(this.name);
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE1(this.name, { LABEL: "parameter" }) });
    this.CONSUME(t.RParen);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly name = this.RULE("name", () => {
    this.CONSUME(t.Identifier);
  });

  readonly statement = this.RULE("statement", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.portStatement) },
      { ALT: () => this.SUBRULE(this.stateStatement) },
      { ALT: () => this.SUBRULE(this.paramStatement) },
      { ALT: () => this.SUBRULE(this.constStatement) },
      { ALT: () => this.SUBRULE(this.useStatement) },
      { ALT: () => this.SUBRULE(this.lengthStatement) },
      { ALT: () => this.SUBRULE(this.outputStatement) },
      { ALT: () => this.SUBRULE(this.lossStatement) },
      { ALT: () => this.SUBRULE(this.metricStatement) },
      { ALT: () => this.SUBRULE(this.assignStatement) },
    ]);
  });

  readonly portStatement = this.RULE("portStatement", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Input) },
      { ALT: () => this.CONSUME(t.Context) },
      { ALT: () => this.CONSUME(t.Target) },
    ]);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.portItem, { LABEL: "item" }) });
  });

  readonly portItem = this.RULE("portItem", () => {
    this.SUBRULE(this.name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
  });

  readonly stateStatement = this.RULE("stateStatement", () => {
    this.CONSUME(t.State);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.stateItem, { LABEL: "item" }) });
  });

  readonly stateItem = this.RULE("stateItem", () => {
    this.SUBRULE(this.name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
  });

  readonly paramStatement = this.RULE("paramStatement", () => {
    this.CONSUME(t.Param);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.paramItem, { LABEL: "item" }) });
  });

  readonly paramItem = this.RULE("paramItem", () => {
    this.SUBRULE(this.name);
    this.OPTION1(() => this.SUBRULE(this.indexNames));
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION2(() => {
      this.CONSUME(t.Tilde);
      this.SUBRULE(this.expression);
    });
    this.MANY(() => this.OR([{ ALT: () => this.CONSUME(t.Frozen) }, { ALT: () => this.CONSUME(t.NoDecay) }]));
  });

  readonly indexNames = this.RULE("indexNames", () => {
    this.CONSUME(t.LSquare);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.name) });
    this.CONSUME(t.RSquare);
  });

  readonly constStatement = this.RULE("constStatement", () => {
    this.CONSUME(t.Const);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.constItem, { LABEL: "item" }) });
  });

  readonly constItem = this.RULE("constItem", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => this.SUBRULE(this.indexNames));
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly useStatement = this.RULE("useStatement", () => {
    this.CONSUME(t.Use);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.useItem, { LABEL: "item" }) });
  });

  readonly useItem = this.RULE("useItem", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => {
      this.CONSUME(t.LSquare);
      this.SUBRULE(this.expression);
      this.CONSUME(t.RSquare);
    });
    this.CONSUME(t.Equals);
    this.SUBRULE1(this.name, { LABEL: "target" });
    this.SUBRULE(this.arguments);
  });

  readonly lengthStatement = this.RULE("lengthStatement", () => {
    this.CONSUME(t.Length);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.lengthItem, { LABEL: "item" }) });
  });

  readonly lengthItem = this.RULE("lengthItem", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => this.CONSUME(t.Ragged));
  });

  readonly outputStatement = this.RULE("outputStatement", () => {
    this.CONSUME(t.Output);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.target) });
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
  });

  readonly lossStatement = this.RULE("lossStatement", () => {
    this.CONSUME(t.Loss);
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Where);
      this.SUBRULE1(this.expression, { LABEL: "where" });
    });
  });

  readonly metricStatement = this.RULE("metricStatement", () => {
    this.CONSUME(t.Metric);
    this.OPTION(() => {
      this.SUBRULE(this.name);
      this.CONSUME(t.Equals);
    });
    this.SUBRULE(this.expression);
  });

  readonly assignStatement = this.RULE("assignStatement", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.target) });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly target = this.RULE("target", () => {
    this.SUBRULE(this.name);
    this.OPTION1(() => this.CONSUME(t.Prime));
    this.OPTION2(() => {
      this.CONSUME(t.LSquare);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.binder) });
      this.CONSUME(t.RSquare);
    });
  });

  readonly binder = this.RULE("binder", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.expression);
    });
  });

  readonly type = this.RULE("type", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.LSquare);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
          this.CONSUME(t.RSquare);
          this.OPTION(() => this.SUBRULE1(this.elementType));
        },
      },
      { ALT: () => this.SUBRULE2(this.elementType) },
    ]);
  });

  readonly elementType = this.RULE("elementType", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.F32) },
      { ALT: () => this.CONSUME(t.Bool) },
      {
        ALT: () => {
          this.CONSUME(t.Id);
          this.CONSUME(t.LParen);
          this.SUBRULE(this.expression);
          this.CONSUME(t.RParen);
        },
      },
    ]);
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
