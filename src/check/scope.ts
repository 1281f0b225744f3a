/** @file What a name can mean, and the chain of places in which it is looked up. */

import type { BlockDeclaration, Expr, FunctionDeclaration } from "../parser/ast.js";
import type { Span } from "../support/span.js";
import type { Reporter } from "./report.js";
import { ERROR, SCALAR } from "./sizes.js";
import type { Binding, Block, TypedExpr } from "./typed.js";

/** What `use` made: one block, or several of the same declaration for `chain`. */
export interface Instance {
  /** Of the parameters, up to an instance's number. */
  readonly path: string;
  readonly kind: Block["kind"];
  readonly declaration: string;
  readonly blocks: readonly Block[];
  readonly isArray: boolean;
}

export type Meaning =
  | { readonly kind: "value"; readonly expr: TypedExpr }
  /** A function of the language, by name. */
  | { readonly kind: "builtin"; readonly name: string }
  | { readonly kind: "function"; readonly declaration: FunctionDeclaration; readonly home: Scope }
  | { readonly kind: "declaration"; readonly declaration: BlockDeclaration; readonly home: Scope }
  | { readonly kind: "instance"; readonly instance: Instance }
  /** The last states of a scan. */
  | { readonly kind: "record"; readonly fields: ReadonlyMap<string, TypedExpr> }
  /** Something mistaken; already reported. */
  | { readonly kind: "error" };

/** A name that no index may have. */
export interface Taken {
  readonly span: Span;
  readonly isIndex: boolean;
}

export interface Scope {
  /** A next value is looked up as `h'`. Undefined: the name means nothing here. */
  lookup(name: string, span: Span): Meaning | undefined;
  /** Where a value or size of this name is defined, without asking what it is: that may need the one who asks. */
  taken(name: string): Taken | undefined;
  /** Every name that means something here, for suggestions. */
  names(): readonly string[];
}

/** What the checking of an expression needs to know of its surroundings. */
export interface Context {
  readonly reporter: Reporter;
  readonly scope: Scope;
  /** Sizes are samples that stand for any: they are shown by name, and quotients that are not whole are unknown. */
  readonly symbolic: boolean;
  readonly within: BlockDeclaration["kind"] | "fn";
  /** The functions being inlined, outermost first. */
  readonly inlining: readonly FunctionDeclaration[];
  /** Checks an expression that has one value. Here so that the parts of the checker need not import each other. */
  readonly check: (context: Context, expr: Expr) => TypedExpr;
}

/** A scope with a few more names: indices, the arguments of a function, the earlier parameters of a declaration. */
export function withNames(outer: Scope, locals: ReadonlyMap<string, Meaning>): Scope {
  return {
    lookup: (name, span) => locals.get(name) ?? outer.lookup(name, span),
    taken: (name) => {
      const local = locals.get(name);
      if (local === undefined) return outer.taken(name);
      return local.kind === "value" ? { span: local.expr.span, isIndex: local.expr.kind === "index" } : undefined;
    },
    names: () => [...locals.keys(), ...outer.names()],
  };
}

export function errorExpr(span: Span): TypedExpr {
  return { kind: "error", type: ERROR, span };
}

export function numberExpr(value: number, span: Span): TypedExpr {
  return { kind: "number", value, type: SCALAR, span };
}

export function readOf(binding: Binding, span: Span = binding.span): TypedExpr {
  return { kind: "read", binding, type: binding.type, span };
}

export function valueMeaning(expr: TypedExpr): Meaning {
  return expr.type.kind === "error" ? { kind: "error" } : { kind: "value", expr };
}

/** For messages: `a layer`, `a value`. */
export function describeMeaning(meaning: Meaning): string {
  switch (meaning.kind) {
    case "value":
      return "a value";
    case "builtin":
    case "function":
      return "a function";
    case "declaration":
      return `a ${meaning.declaration.kind}`;
    case "instance":
      return `an instance of the ${meaning.instance.kind} ${meaning.instance.declaration}`;
    case "record":
      return "a record of last states";
    case "error":
      return "mistaken";
  }
}
