/**
 * @file The names of one block, each resolved when first needed, so that the order of statements means nothing.
 * A name met again while it is being resolved needs itself within one step: a circle.
 */

import type { Span } from "../support/span.js";
import type { Reporter } from "./report.js";
import type { Meaning, Scope, Taken } from "./scope.js";

/** Instances and functions are the others. */
type Defined = "value or size" | "other";

interface Definition {
  readonly names: readonly { readonly name: string; readonly span: Span }[];
  readonly resolve: () => readonly Meaning[];
  readonly what: Defined;
  state: "waiting" | "busy" | "done";
  meanings: readonly Meaning[];
}

/** Names met before their definition are resolved by recursion. */
const MOST_NEEDED = 200;

export class Definitions implements Scope {
  readonly #definitions = new Map<string, { readonly definition: Definition; readonly at: number }>();
  readonly #all: Definition[] = [];
  readonly #busy: Definition[] = [];
  readonly #used = new Set<string>();

  constructor(
    readonly reporter: Reporter,
    readonly outer: Scope,
  ) {}

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** Defines names that get their meanings together; a name defined before keeps its first meaning. */
  define(names: Definition["names"], resolve: Definition["resolve"], what: Defined = "value or size"): void {
    const definition: Definition = { names, resolve, what, state: "waiting", meanings: [] };
    for (const [at, { name, span }] of names.entries()) {
      const before = this.#definitions.get(name);
      if (before === undefined) {
        this.#definitions.set(name, { definition, at });
        continue;
      }
      const related = [{ span: before.definition.names[before.at].span, message: "the first definition" }];
      if (name.endsWith("'")) {
        this.reporter.report("SEQ4005", span, `\`${name}\` is given a second time.`, { related });
      } else this.reporter.report("SEQ2002", span, `\`${name}\` is defined a second time.`, { related });
    }
    // A second definition is checked all the same, for the mistakes inside it.
    this.#all.push(definition);
  }

  /** Whether anything has asked for the name. */
  isUsed(name: string): boolean {
    return this.#used.has(name);
  }

  lookup(name: string, span: Span): Meaning | undefined {
    this.#used.add(name);
    const found = this.#definitions.get(name);
    if (found === undefined) return this.outer.lookup(name, span);
    this.#resolve(found.definition, span);
    return found.definition.meanings[found.at] ?? { kind: "error" };
  }

  taken(name: string): Taken | undefined {
    const found = this.#definitions.get(name);
    if (found === undefined) return this.outer.taken(name);
    const { names, what } = found.definition;
    return what === "other" ? undefined : { span: names[found.at].span, isIndex: false };
  }

  /** Resolves what nothing has asked for, in the order written. */
  resolveAll(): void {
    for (const definition of this.#all) this.#resolve(definition, definition.names[0].span);
  }

  names(): readonly string[] {
    return [...this.#definitions.keys(), ...this.outer.names()];
  }

  #resolve(definition: Definition, span: Span): void {
    if (definition.state === "done") return;
    if (definition.state === "busy") {
      const circle = this.#busy.slice(this.#busy.indexOf(definition));
      const path = [...circle, definition].map((d) => `\`${d.names[0].name}\``).join(" needs ");
      const related = circle
        .slice(1)
        .map((d) => ({ span: d.names[0].span, message: `\`${d.names[0].name}\` is defined here` }));
      this.reporter.report("SEQ4004", definition.names[0].span, `${path} within one step.`, {
        related: related.length > 0 ? related : [{ span, message: "needed here" }],
      });
      return;
    }
    if (this.#busy.length >= MOST_NEEDED) {
      const { name } = definition.names[0];
      this.reporter.notCompiled(
        span,
        `\`${name}\`, needed along more than ${MOST_NEEDED} names defined further down, is`,
      );
      return;
    }
    definition.state = "busy";
    this.#busy.push(definition);
    definition.meanings = definition.resolve();
    this.#busy.pop();
    definition.state = "done";
  }
}
