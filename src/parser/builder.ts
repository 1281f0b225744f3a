/** @file What all conversions from concrete to abstract syntax share: spans, reports, doc comments, the depth limit. */

import type { CstNode, IToken } from "chevrotain";
import type { DiagnosticCode } from "../diagnostics/catalogue.js";
import { type Diagnostic, diagnostic } from "../diagnostics/diagnostic.js";
import type { SourceFile, Span } from "../support/span.js";
import type { Expr, Ident } from "./ast.js";
import { token } from "./cst.js";
import { nestedTooDeeply } from "./messages.js";
import { endOf } from "./outline.js";

/** No expression tree is deeper, so that later stages may walk it by plain recursion. */
const deepestExpression = 200;

export class Builder {
  readonly diagnostics: Diagnostic[] = [];
  readonly #depths = new WeakMap<Expr, number>();
  /** Whether the piece at hand parsed; a broken one has been reported and says nothing more. */
  #sound = true;
  #fallback = 0;

  constructor(
    readonly file: SourceFile,
    readonly docs: DocComments,
  ) {}

  /** Begins a piece that ends at `end`; what is missing in it is taken to stand there. */
  begin(end: number, sound: boolean): void {
    this.#fallback = end;
    this.#sound = sound;
  }

  /** Whether the piece at hand did not parse. */
  get broken(): boolean {
    return !this.#sound;
  }

  report(code: DiagnosticCode, span: Span, message: string, help?: string): void {
    if (!this.#sound) return;
    this.diagnostics.push(diagnostic(code, span, message, help === undefined ? {} : { help }));
  }

  span(node: CstNode | undefined): Span {
    const location = node?.location;
    if (location?.endOffset === undefined || Number.isNaN(location.endOffset)) return this.#missing();
    return { file: this.file, start: location.startOffset, end: location.endOffset + 1 };
  }

  tokenSpan(at: IToken | undefined): Span {
    return at === undefined ? this.#missing() : { file: this.file, start: at.startOffset, end: endOf(at) };
  }

  #missing(): Span {
    return { file: this.file, start: this.#fallback, end: this.#fallback };
  }

  ident(at: IToken): Ident {
    return { name: at.image, span: this.tokenSpan(at) };
  }

  /** The name under a `name` node, or nothing where it is missing. */
  name(node: CstNode | undefined): Ident | undefined {
    const at = token(node, "Identifier");
    return at && this.ident(at);
  }

  missing(): Expr {
    return { kind: "error", span: this.#missing() };
  }

  /** `expr` with its depth on record; an error expression where it would be too deep. */
  grow(expr: Expr, parts: readonly Expr[]): Expr {
    const depth = 1 + Math.max(0, ...parts.map((part) => this.#depths.get(part) ?? 0));
    if (depth > deepestExpression) {
      if (this.#sound) this.diagnostics.push(nestedTooDeeply(expr.span));
      // What contains this expression is short again, and may grow too deep a second time.
      this.#sound = false;
      return { kind: "error", span: expr.span };
    }
    this.#depths.set(expr, depth);
    return expr;
  }
}

/** The `///` texts of a file, each to be taken by what begins at the token after it. */
export class DocComments {
  readonly #texts = new Map<number, { readonly text: string; readonly span: Span; taken: boolean }>();

  constructor(file: SourceFile, comments: readonly IToken[], tokens: readonly IToken[]) {
    const starts = tokens.map((at) => at.startOffset);
    let next = 0;
    for (const comment of comments) {
      while (next < starts.length && starts[next] < comment.startOffset) next++;
      const target = starts[next] ?? file.text.length;
      const line = comment.image.slice(3).replace(/^ /, "").trimEnd();
      const before = this.#texts.get(target);
      const start = before?.span.start ?? comment.startOffset;
      this.#texts.set(target, {
        text: before === undefined ? line : `${before.text}\n${line}`,
        span: { file, start, end: endOf(comment) },
        taken: false,
      });
    }
  }

  /** The text in front of the token at `start`, ready to be spread into a node. */
  take(start: number): { readonly doc: string } | undefined {
    const found = this.#texts.get(start);
    if (found === undefined) return undefined;
    found.taken = true;
    return { doc: found.text };
  }

  /** Where texts stand that nothing took. */
  remaining(): Span[] {
    return [...this.#texts.values()].filter((entry) => !entry.taken).map((entry) => entry.span);
  }
}
