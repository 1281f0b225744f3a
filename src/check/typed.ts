/**
 * @file The typed tree: what the checker makes of the syntax and the lowering reads.
 *
 * Every declaration stands here as instantiated: sizes are numbers, functions are inlined, names are resolved to
 * bindings (compared by identity), index variables are objects, and a block's steps are in an order in which each
 * reads only earlier ones. Only lengths stay symbolic; a layer's or cell's own lengths are given at each of its calls.
 */

import type { Span } from "../support/span.js";

/** One axis: a size, the name of a length, or unknown after a mistake (which agrees with everything). */
export interface Dim {
  readonly extent: number | string | undefined;
  /** As written: `4*H`. */
  readonly text: string;
  /** Where it was written. */
  readonly span: Span;
}

export type Elem =
  | { readonly kind: "f32" }
  | { readonly kind: "bool" }
  /** An integer in 0 … count − 1. */
  | { readonly kind: "id"; readonly count: Dim };

export interface ArrayType {
  readonly kind: "array";
  readonly elem: Elem;
  readonly axes: readonly Dim[];
}

/** `error` agrees with everything, so that one mistake gives one diagnostic. */
export type Type = ArrayType | { readonly kind: "error" };

export interface Binding {
  readonly kind: "input" | "context" | "target" | "state" | "next" | "param" | "const" | "value";
  readonly name: string;
  readonly type: Type;
  readonly span: Span;
  readonly doc?: string;
}

/** A learned array under its dotted path. */
export interface Parameter extends Binding {
  readonly kind: "param";
  readonly path: string;
  readonly init: Init;
  readonly frozen: boolean;
  readonly noDecay: boolean;
}

export type Comparison = "lt" | "le" | "gt" | "ge" | "eq" | "ne";

/** How a parameter starts: an expression an element, or an orthogonal matrix. */
export type Init =
  | { readonly kind: "expression"; readonly expr: InitExpr }
  | { readonly kind: "orthogonal"; readonly gain: number };

export type InitExpr =
  | { readonly op: "number"; readonly value: number }
  | { readonly op: "index"; readonly axis: number }
  | { readonly op: "uniform" | "normal"; readonly args: readonly [InitExpr, InitExpr] }
  | { readonly op: InitFunction; readonly args: readonly InitExpr[] };

export type InitFunction =
  | Comparison
  | "select"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "softplus"
  | "inv_softplus"
  | "max"
  | "min";

/** A variable of index notation, bound by a left side or a reduction. */
export interface Index {
  readonly name: string;
  readonly extent: Dim;
  readonly span: Span;
}

export type PointwiseName =
  | "neg"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne"
  | "where"
  | "max"
  | "min"
  | "clamp"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "relu"
  | "gelu"
  | "silu"
  | "elu"
  | "softplus"
  | "stop_gradient";

/** `softmax` and `log_softmax` keep the indices they run over. */
export type ReduceName = "sum" | "mean" | "max" | "min" | "logsumexp" | "norm" | "softmax" | "log_softmax";

export type LossName = "cross_entropy" | "binary_cross_entropy" | "mse" | "mae" | "huber" | "accuracy";

interface Typed {
  readonly type: Type;
  readonly span: Span;
}

/**
 * Inside index notation an expression has a value for each point of the indices in scope; its type is that of one
 * point. Outside, it has one value.
 */
export type TypedExpr = Typed &
  (
    | { readonly kind: "error" }
    /** Known at compile time. */
    | { readonly kind: "number"; readonly value: number }
    /** A length as a number. */
    | { readonly kind: "length"; readonly name: string }
    /** An index as a number. */
    | { readonly kind: "index"; readonly index: Index }
    | { readonly kind: "read"; readonly binding: Binding }
    /** The argument of an inlined function: one value however often it is read. */
    | { readonly kind: "shared"; readonly expr: TypedExpr }
    /** Equal shapes, or scalars. */
    | { readonly kind: "pointwise"; readonly op: PointwiseName; readonly args: readonly TypedExpr[] }
    | { readonly kind: "matmul"; readonly left: TypedExpr; readonly right: TypedExpr }
    /** Over indices; or over all axes (softmax and log_softmax: the last). */
    | {
        readonly kind: "reduce";
        readonly op: ReduceName;
        readonly over: readonly Index[] | "axes";
        readonly arg: TypedExpr;
      }
    | { readonly kind: "loss"; readonly op: LossName; readonly args: readonly [TypedExpr, TypedExpr] }
    /** Along the last axis. */
    | { readonly kind: "concat"; readonly args: readonly TypedExpr[] }
    /** `rate` in [0, 1). */
    | { readonly kind: "dropout"; readonly arg: TypedExpr; readonly rate: number }
    | { readonly kind: "one_hot"; readonly arg: TypedExpr; readonly count: number }
    /** Reads the leading axes of `base`, one a subscript. */
    | {
        readonly kind: "element";
        readonly base: TypedExpr;
        readonly subscripts: readonly Subscript[];
        /** The value where a subscript lies outside; absent where the checker proved that none does. */
        readonly otherwise?: TypedExpr;
      }
    /** The array whose leading axes are `indices`, in this order. */
    | { readonly kind: "build"; readonly indices: readonly Index[]; readonly body: TypedExpr }
    /** One result of something that has several; calls are compared by identity. */
    | { readonly kind: "result"; readonly call: Call; readonly at: number }
  );

export type ExprOf<K extends TypedExpr["kind"]> = Extract<TypedExpr, { readonly kind: K }>;

/** `value` is an array of ids (table look-up); `affine` a sum of indices and lengths with whole factors. */
export type Subscript =
  | { readonly kind: "index"; readonly index: Index }
  | { readonly kind: "value"; readonly expr: TypedExpr }
  | { readonly kind: "affine"; readonly form: Affine; readonly span: Span };

export interface Affine {
  readonly constant: number;
  readonly terms: readonly { readonly of: Index | string; readonly factor: number }[];
}

export type Call = SplitCall | LayerCall | ScanCall;

/** Parts of the last axis. */
export interface SplitCall {
  readonly kind: "split";
  readonly arg: TypedExpr;
  readonly sizes: readonly number[];
}

/** The extents which a call gives to the lengths of the block called. */
export type Lengths = ReadonlyMap<string, Dim>;

/** A layer, mapped over `mapped` leading axes of those arguments that have more axes than their input. */
export interface LayerCall {
  readonly kind: "layer";
  readonly block: Block;
  readonly args: readonly TypedExpr[];
  readonly mapped: readonly Dim[];
  readonly lengths: Lengths;
}

/** A cell run over the leading axis `steps`. Results: the outputs, then the last states in the order declared. */
export interface ScanCall {
  readonly kind: "scan";
  readonly block: Block;
  readonly reverse: boolean;
  readonly args: readonly TypedExpr[];
  readonly contexts: readonly TypedExpr[];
  readonly steps: Dim;
  readonly lengths: Lengths;
  /** Starts given by `from`, by state; the others start as declared. */
  readonly from: ReadonlyMap<Binding, TypedExpr>;
}

export interface State {
  readonly binding: Binding;
  /** Its next value is bound by a step. */
  readonly next: Binding;
  /** Reads the prelude alone; zero if absent. */
  readonly initial?: TypedExpr;
}

export interface Step {
  readonly binding: Binding;
  readonly value: TypedExpr;
}

/** An output or a metric. */
export interface Output {
  readonly name: string;
  readonly value: TypedExpr;
  readonly doc?: string;
}

export interface Loss {
  readonly value: TypedExpr;
  readonly where?: TypedExpr;
}

/** A cell, layer or model with all of its sizes known. */
export interface Block {
  readonly kind: "cell" | "layer" | "model";
  readonly name: string;
  /** The prefix of its parameters' paths: "" for a model, else `rnn`, `a.b`. */
  readonly path: string;
  readonly doc?: string;
  readonly lengths: readonly string[];
  /** Those of which every example has its own. Only a model's count: others run over what they are given. */
  readonly ragged: readonly string[];
  readonly inputs: readonly Binding[];
  readonly contexts: readonly Binding[];
  readonly targets: readonly Binding[];
  readonly states: readonly State[];
  /** Its own and those of its instances, in the order written. */
  readonly parameters: readonly Parameter[];
  /** Steps that depend on no input and no state: what a scan computes before its loop, starts of states included. */
  readonly prelude: readonly Step[];
  /** All others. */
  readonly steps: readonly Step[];
  readonly outputs: readonly Output[];
  readonly losses: readonly Loss[];
  readonly metrics: readonly Output[];
}

/** A root without mistakes. */
export interface TypedModel extends Block {
  readonly kind: "model";
  /** The name of the file that declares it. */
  readonly source: string;
  /** Its name there. */
  readonly span: Span;
}
