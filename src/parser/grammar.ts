/**
 * @file The grammar of one piece of a file: an import, a header, a function or a statement.
 * The outline cuts the file into pieces, so that a mistake in one cannot reach the next.
 */

import { ExpressionGrammar } from "./expression-grammar.js";
import * as t from "./tokens.js";

export class Grammar extends ExpressionGrammar {
  constructor() {
    super();
    this.performSelfAnalysis();
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
}
