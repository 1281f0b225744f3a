/** @file Reads the files of a program with all that they import, and gives each the scope of its declarations. */

import type { Diagnostic } from "../diagnostics/diagnostic.js";
import type { Ident, Import, SourceUnit } from "../parser/ast.js";
import type { SourceFile, Span } from "../support/span.js";
import { functionNames } from "./functions.js";
import type { SourceHost } from "./host.js";
import { didYouMean, type Reporter } from "./report.js";
import type { Meaning, Scope } from "./scope.js";

/** The parser, handed in: the checker knows the syntax tree but not how it comes about. */
export type Parse = (file: SourceFile) => { readonly unit: SourceUnit; readonly diagnostics: readonly Diagnostic[] };

/** One file with the meaning of its top-level names. */
export interface Unit {
  readonly name: string;
  readonly unit: SourceUnit;
  readonly scope: FileScope;
  /** Whether the parser found it free of mistakes. */
  readonly sound: boolean;
}

class FileScope implements Scope {
  readonly #meanings = new Map<string, { readonly meaning: Meaning; readonly span: Span }>();

  lookup(name: string): Meaning | undefined {
    return this.#meanings.get(name)?.meaning;
  }

  /** Declarations are neither values nor sizes. */
  taken(): undefined {
    return undefined;
  }

  names(): readonly string[] {
    return [...this.#meanings.keys()];
  }

  define(reporter: Reporter, name: Ident, meaning: Meaning): void {
    const before = this.#meanings.get(name.name);
    if (before !== undefined) {
      const related = [{ span: before.span, message: "the first definition" }];
      reporter.report("SEQ2002", name.span, `\`${name.name}\` is defined a second time.`, { related });
      return;
    }
    if (functionNames.includes(name.name)) {
      reporter.report("SEQ2017", name.span, `\`${name.name}\` is a function of the language.`);
    }
    this.#meanings.set(name.name, { meaning, span: name.span });
  }
}

export class Loader {
  readonly #units = new Map<string, Unit>();
  readonly #loading: string[] = [];

  constructor(
    readonly host: SourceHost,
    readonly parse: Parse,
    readonly reporter: Reporter,
  ) {}

  /** The file and all that it imports; undefined if it cannot be read. */
  load(name: string): Unit | undefined {
    const known = this.#units.get(name);
    if (known !== undefined) return known;
    const text = this.host.read(name);
    if (text === undefined) return undefined;
    this.#loading.push(name);
    const { unit, diagnostics } = this.parse({ name, text });
    this.reporter.add(diagnostics);
    const scope = new FileScope();
    const sound = !diagnostics.some(({ severity }) => severity === "error");
    const loaded: Unit = { name, unit, scope, sound };
    this.#units.set(name, loaded);
    for (const declaration of unit.declarations) {
      const meaning: Meaning =
        declaration.kind === "fn"
          ? { kind: "function", declaration, home: scope }
          : { kind: "declaration", declaration, home: scope };
      scope.define(this.reporter, declaration.name, meaning);
    }
    for (const item of unit.imports) this.#import(name, item, scope);
    this.#loading.pop();
    return loaded;
  }

  #import(from: string, item: Import, scope: FileScope): void {
    const { value, span } = item.from;
    const name = this.host.resolve(from, value);
    if (name !== undefined && this.#loading.includes(name)) {
      const circle = [...this.#loading.slice(this.#loading.indexOf(name)), name].join(" imports ");
      this.reporter.report("SEQ2015", span, `The imports form a circle: ${circle}.`);
    }
    const unit = name === undefined ? undefined : this.load(name);
    if (unit === undefined) {
      const help = 'a path starts with `./` or `../`; `"std/lstm"` names a file that ships with the compiler';
      this.reporter.report("SEQ2006", span, `There is no file \`${value}\` to import.`, { help });
    }
    for (const ident of item.names) {
      const meaning = unit?.scope.lookup(ident.name);
      if (unit?.sound === true && meaning === undefined && !this.#loading.includes(unit.name)) {
        const details = didYouMean(ident.name, unit.scope.names());
        this.reporter.report("SEQ2007", ident.span, `\`${value}\` does not declare \`${ident.name}\`.`, details);
      }
      scope.define(this.reporter, ident, meaning ?? { kind: "error" });
    }
  }
}
