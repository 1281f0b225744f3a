/** @file Warns of what is defined and never read. */

import type { Ident, Statement } from "../parser/ast.js";
import type { Definitions } from "./definitions.js";
import type { Reporter } from "./report.js";

/** Told only of programs without mistakes: what a mistake hides may well be used. */
export function warnOfUnused(reporter: Reporter, names: Definitions, statements: readonly Statement[]): void {
  for (const statement of statements) {
    const name = soleName(statement);
    if (name !== undefined && !names.isUsed(name.name)) {
      reporter.warnIfSound("SEQ2018", name.span, `\`${name.name}\` is never used.`);
    }
  }
}

/** Of several names on a left side some are often not wanted; a name alone was written for a purpose. */
function soleName(statement: Statement): Ident | undefined {
  switch (statement.kind) {
    case "assign": {
      const [target] = statement.targets;
      return statement.targets.length === 1 && !target.primed ? target.name : undefined;
    }
    case "input":
    case "context":
    case "target":
    case "param":
    case "const":
    case "use":
      return statement.name;
    default:
      return undefined;
  }
}
