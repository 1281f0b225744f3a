/**
 * @file The abstract syntax: what a `.seq` text says, with a span on every node and nothing inferred.
 * The formatter prints it back; the checker turns it into a typed tree. Sizes and numbers are ordinary expressions here.
 */

import type { Span } from "../support/span.js";

export interface Node {
  readonly span: Span;
}

/** What a `///` in front of it may describe. */
export interface Documented extends Node {
  readonly doc?: string;
}

/** A name where it is written. */
export interface Ident extends Node {
  readonly name: string;
}

export interface SourceUnit extends Node {
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
}

/** `import { A, B } from "./x.seq"` */
export interface Import extends Node {
  readonly names: readonly Ident[];
  readonly from: { readonly value: string; readonly span: Span };
}

export type Declaration = BlockDeclaration | FunctionDeclaration;

/** `cell`, `layer` or `model`. */
export interface BlockDeclaration extends Documented {
  readonly kind: "cell" | "layer" | "model";
  readonly name: Ident;
  readonly parameters: readonly DeclarationParameter[];
  readonly body: readonly Statement[];
}

/** Capital first letter: a size. Lower case: a number, a function, a cell or a layer. */
export interface DeclarationParameter extends Node {
  readonly name: Ident;
  readonly default?: Expr;
}

/** `fn name(a, b) = body` */
export interface FunctionDeclaration extends Documented {
  readonly kind: "fn";
  readonly name: Ident;
  readonly parameters: readonly Ident[];
  readonly body: Expr;
}

/** `[4*H, I] id(V)`: the axes, then the element type. */
export interface TypeSyntax extends Node {
  readonly axes: readonly Expr[];
  readonly elem: { readonly kind: "f32" } | { readonly kind: "bool" } | { readonly kind: "id"; readonly count: Expr };
}

/** `i` or `i: N` where an index is bound: on a left side or by a reduction. */
export interface IndexBinder extends Node {
  readonly name: Ident;
  readonly extent?: Expr;
}

export type Statement =
  | PortStatement
  | StateStatement
  | ParamStatement
  | ConstStatement
  | UseStatement
  | LengthStatement
  | AssignStatement
  | OutputStatement
  | LossStatement
  | MetricStatement;

/** `input x: [I]`, `context enc: [S, H]`, `target t: [T] id(V)`; one statement an item. */
export interface PortStatement extends Documented {
  readonly kind: "input" | "context" | "target";
  readonly name: Ident;
  readonly type: TypeSyntax;
}

export interface StateStatement extends Documented {
  readonly kind: "state";
  readonly name: Ident;
  readonly type: TypeSyntax;
  readonly initial?: Expr;
}

/** `param A[d, n]: [D, N] ~ log(n + 1) no_decay` */
export interface ParamStatement extends Documented {
  readonly kind: "param";
  readonly name: Ident;
  readonly indices: readonly Ident[];
  readonly type: TypeSyntax;
  readonly init?: Expr;
  readonly frozen: boolean;
  readonly noDecay: boolean;
}

export interface ConstStatement extends Documented {
  readonly kind: "const";
  readonly name: Ident;
  readonly indices: readonly Ident[];
  readonly type: TypeSyntax;
  readonly value: Expr;
}

/** `use block[L] = MambaBlock(D)`: `count` is L. */
export interface UseStatement extends Documented {
  readonly kind: "use";
  readonly name: Ident;
  readonly count?: Expr;
  readonly target: Ident;
  readonly arguments: readonly Argument[];
}

/** `length T ragged` */
export interface LengthStatement extends Documented {
  readonly kind: "length";
  readonly name: Ident;
  readonly ragged: boolean;
}

/** `h'`, `y[d]`, `q[n: N, k: K]`; `indices` is absent where no brackets were written. */
export interface AssignTarget extends Node {
  readonly name: Ident;
  readonly primed: boolean;
  readonly indices?: readonly IndexBinder[];
}

export interface AssignStatement extends Documented {
  readonly kind: "assign";
  readonly targets: readonly AssignTarget[];
  readonly value: Expr;
}

/** `output a, b'` (no value) or `output y[d] = e` (one target). */
export interface OutputStatement extends Documented {
  readonly kind: "output";
  readonly targets: readonly AssignTarget[];
  readonly value?: Expr;
}

/** `loss e where m` */
export interface LossStatement extends Documented {
  readonly kind: "loss";
  readonly value: Expr;
  readonly where?: Expr;
}

/** `metric accuracy(a, b)` or `metric acc = e` */
export interface MetricStatement extends Documented {
  readonly kind: "metric";
  readonly name?: Ident;
  readonly value: Expr;
}

/** `e` or `name = e`. */
export interface Argument extends Node {
  readonly name?: Ident;
  readonly value: Expr;
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "@" | "**" | "<" | "<=" | ">" | ">=" | "==" | "!=";

export type Expr =
  | NumberExpr
  | NameExpr
  | PathExpr
  | UnaryExpr
  | BinaryExpr
  | CallExpr
  | IndexExpr
  | ReduceExpr
  | ApplyExpr
  | ListExpr
  | ErrorExpr;

export interface NumberExpr extends Node {
  readonly kind: "number";
  readonly value: number;
  /** As written: `1e-5`. A whole number without point or exponent can be a size. */
  readonly text: string;
}

/** `x` or `h'`. */
export interface NameExpr extends Node {
  readonly kind: "name";
  readonly name: string;
  readonly primed: boolean;
}

/** `rnn.W_ih`, `block.0.W`, `end.h`. */
export interface PathExpr extends Node {
  readonly kind: "path";
  readonly head: Ident;
  readonly fields: readonly Ident[];
}

export interface UnaryExpr extends Node {
  readonly kind: "unary";
  readonly operator: "-" | "+";
  readonly operand: Expr;
}

export interface BinaryExpr extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}

/** `tanh(x)`, `head(hs)`, `split(z, 4)`: a function or an instance of a layer. */
export interface CallExpr extends Node {
  readonly kind: "call";
  readonly callee: Ident;
  readonly arguments: readonly Argument[];
}

/** `x[t - k] else 0`, `E[token]` */
export interface IndexExpr extends Node {
  readonly kind: "index";
  readonly base: NameExpr | PathExpr;
  readonly indices: readonly Expr[];
  readonly otherwise?: Expr;
}

/** `sum[n](e)`, `softmax[s, t](e)`, `sum[k: 4](e)` */
export interface ReduceExpr extends Node {
  readonly kind: "reduce";
  readonly function: Ident;
  readonly indices: readonly IndexBinder[];
  readonly argument: Expr;
}

/** `scan reverse rnn(xs) from end`, `chain block(x)`, `chain scan rnn(x)` */
export interface ApplyExpr extends Node {
  readonly kind: "apply";
  readonly chain: boolean;
  readonly scan: "none" | "forward" | "reverse";
  readonly callee: Ident;
  readonly arguments: readonly Argument[];
  readonly from?: Expr | RecordSyntax;
}

/** `{ h: e, c: f }` after `from`. */
export interface RecordSyntax extends Node {
  readonly kind: "record";
  readonly fields: readonly { readonly name: Ident; readonly value: Expr }[];
}

/** `[R, N, N]` as an argument of `split`. */
export interface ListExpr extends Node {
  readonly kind: "list";
  readonly elements: readonly Expr[];
}

/** Stands where the parser reported a mistake; the checker gives it the type that agrees with everything. */
export interface ErrorExpr extends Node {
  readonly kind: "error";
}
