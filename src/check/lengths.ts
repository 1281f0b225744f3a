/** @file The lengths of one block: names in shapes that are no parameters, each fixed by an input. */

import type { BlockDeclaration, Ident, LengthStatement, PortStatement } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import { didYouMean, type Reporter } from "./report.js";
import type { Meaning, Scope, Taken } from "./scope.js";
import { SCALAR } from "./sizes.js";

/** A scope that knows the lengths, between the names of a block and those of its file. */
export class Lengths implements Scope {
  readonly #first = new Map<string, { readonly span: Span; readonly fixed: boolean }>();
  readonly #declared: Ident[] = [];
  readonly #ragged = new Set<string>();

  constructor(
    readonly reporter: Reporter,
    readonly home: Scope,
    readonly declaration: BlockDeclaration,
  ) {
    const ports = declaration.body.filter((s): s is PortStatement => ["input", "context", "target"].includes(s.kind));
    const defined = definedNames(declaration);
    for (const port of [...ports.filter((p) => p.kind !== "target"), ...ports.filter((p) => p.kind === "target")]) {
      for (const axis of port.type.axes) {
        if (axis.kind !== "name" || !/^[A-Z]/.test(axis.name) || defined.has(axis.name)) continue;
        if (!this.#first.has(axis.name)) this.#first.set(axis.name, { span: axis.span, fixed: port.kind !== "target" });
      }
    }
  }

  get all(): readonly string[] {
    return [...this.#first.keys()];
  }

  /** Those of which every example has its own, in the order of all. */
  get ragged(): readonly string[] {
    return this.all.filter((name) => this.#ragged.has(name));
  }

  /** `length T ragged` */
  declare({ name, ragged }: LengthStatement): void {
    this.#declared.push(name);
    if (ragged) this.#ragged.add(name.name);
  }

  /** Reports lengths that no input fixes, and such as are called and placed like a batch. */
  verify(): void {
    this.#warnOfBatch();
    const known = [...definedNames(this.declaration), ...this.all];
    for (const [name, { span, fixed }] of this.#first) if (!fixed) this.#unfixed(name, span, known);
    for (const { name, span } of this.#declared) if (!this.#first.has(name)) this.#unfixed(name, span, known);
  }

  #warnOfBatch(): void {
    const ports = this.declaration.body.filter((s): s is PortStatement => s.kind === "input" || s.kind === "target");
    const leading = new Set(ports.map(({ type: { axes } }) => (axes[0]?.kind === "name" ? axes[0].name : undefined)));
    const [name] = leading;
    const at = name !== undefined && leading.size === 1 ? this.#first.get(name) : undefined;
    if (name === undefined || at === undefined || !/^(B|Batch|BATCH)$/.test(name)) return;
    const message = `\`${name}\` is taken for a length of the data, like the number of steps; the batch is never written.`;
    const help = `leave \`${name}\` out: every array of data has a batch axis besides`;
    this.reporter.report("SEQ3024", at.span, message, { help, severity: "warning" });
  }

  #unfixed(name: string, span: Span, known: readonly string[]): void {
    const others = known.filter((other) => other !== name);
    this.reporter.report("SEQ3011", span, `No input fixes the length \`${name}\`.`, didYouMean(name, others));
  }

  lookup(name: string, span: Span): Meaning | undefined {
    if (!this.#first.has(name)) return this.home.lookup(name, span);
    return { kind: "value", expr: { kind: "length", name, type: SCALAR, span } };
  }

  taken(name: string): Taken | undefined {
    const length = this.#first.get(name);
    return length === undefined ? this.home.taken(name) : { span: length.span, isIndex: false };
  }

  names(): readonly string[] {
    return [...this.#first.keys(), ...this.home.names()];
  }
}

/** Every name the block gives a meaning, whatever it is. */
function definedNames(declaration: BlockDeclaration): ReadonlySet<string> {
  const names = new Set(declaration.parameters.map((parameter) => parameter.name.name));
  for (const statement of declaration.body) {
    if (statement.kind === "assign" || statement.kind === "output") {
      for (const target of statement.targets) names.add(target.name.name);
    } else if (statement.kind !== "loss" && statement.kind !== "metric" && statement.kind !== "length") {
      names.add(statement.name.name);
    }
  }
  return names;
}
