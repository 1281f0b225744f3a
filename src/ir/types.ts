/**
 * @file The central type of the compiler: a typed, static single assignment IR over whole arrays.
 *
 * The batch is an ordinary leading axis here (the front end keeps it implicit, the lowering makes it explicit as
 * the length `BATCH`), so every derivative that must sum over examples does so by the rules of the ops alone.
 * Nothing is mutated: passes build new graphs.
 */

import type { Branded } from "../support/brand.js";

/** The name of the batch axis among the lengths. No user's name starts with an underscore. */
export const BATCH = "_B";

/** Of the streaming form: the number of steps before those at hand. Never an axis. */
export const PAST = "_past";

/** Of the streaming form: how many steps, from the first on, the caches of past steps have room for. */
export const ROOM = "_room";

/** What random numbers depend on besides their stream: words of the run, given where the lengths are. */
export const SEED = "_seed";
export const STEP = "_step";

/** By how much the derivative of a loss is scaled up where it is stored in f16: a power of two, given where the lengths are. */
export const LOSS_SCALE = "_scale";

/** In what arrays with a place of their own at every step are stored between kernels, which compute in f32. */
export type Precision = "f32" | "f16";
export const PRECISIONS: readonly Precision[] = ["f32", "f16"];

/** Of a graph that carries states from batch to batch: the input that says which examples begin anew, bool [batch]. */
export const RESET = "reset";

/** An axis: a size known at compile time, or the name of a length known at run time. */
export type Dim = number | string;

export type Elem = "f32" | "i32" | "bool";

export interface Type {
  readonly elem: Elem;
  readonly shape: readonly Dim[];
}

export type ValueId = Branded<number, "ValueId">;

/** One array. `hint` is a name for people (printed after the id, never read by a pass). */
export interface Value {
  readonly id: ValueId;
  readonly type: Type;
  readonly hint?: string;
}

export type UnaryOp =
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
  | "erf"
  | "not"
  | "to_f32"
  | "to_i32"
  /** Its value is that of its argument, its derivative zero. */
  | "stop_gradient";

export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "max"
  | "min"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne"
  | "and"
  | "or";

/** `select(c, a, b)` is a where c holds, else b. All pointwise ops want equal shapes; `broadcast` makes them so. */
export type PointwiseOp = UnaryOp | BinaryOp | "select";

export type ReduceKind = "sum" | "max" | "min";

type NoAttrs = Readonly<Record<never, never>>;

/** What each op carries besides its arguments. A new op starts here; the registry then does not compile without it. */
export type OpAttrs = { readonly [K in PointwiseOp]: NoAttrs } & {
  /** One scalar, shape []. */
  readonly const: { readonly value: number; readonly elem: Elem };
  /** i32 array of `shape` whose element is its own index along `axis`. */
  readonly iota: { readonly shape: readonly Dim[]; readonly axis: number };
  /** A run-time length as a scalar i32. */
  readonly length: { readonly name: string };
  /** Whether the graph is a step of training, as a scalar bool: false until a pass says so. */
  readonly training: NoAttrs;
  /**
   * In [0, 1), 24 bits: Threefry-2x32 of the key (seed, stream) and the counter (step of training, i32 argument). So
   * it is evaluated again rather than stored, and the same on every adapter.
   */
  readonly random: { readonly stream: number };
  /** Axis i of the argument becomes axis `axes[i]` of `shape`; the others repeat. Also permutes. */
  readonly broadcast: { readonly shape: readonly Dim[]; readonly axes: readonly number[] };
  /** Removes `axes` (ascending). */
  readonly reduce: { readonly kind: ReduceKind; readonly axes: readonly number[] };
  /**
   * Sum of products of two arguments; one label (a letter) an axis: labels in `out` stay, the others are summed.
   * A label of one argument alone must be in `out`. `lhs: "mk", rhs: "kn", out: "mn"` is a matrix product.
   */
  readonly contract: { readonly lhs: string; readonly rhs: string; readonly out: string };
  /** Elements start … start+size−1 along `axis`; the axis must have a size known at compile time. */
  readonly slice: { readonly axis: number; readonly start: number; readonly size: number };
  /** Joins along `axis`, all of whose extents are known at compile time. */
  readonly concat: { readonly axis: number };
  /** out[…, t, …] = in[…, t − offset, …], or `fill` where that lies outside. */
  readonly shift: { readonly axis: number; readonly offset: number; readonly fill: number };
  /** gather(table [V, …rest], index [I…]) = table[index[i…], …rest], shape [I…, …rest]. */
  readonly gather: NoAttrs;
  readonly scan: ScanAttrs;
};

/**
 * A loop over the length `length`.
 * Arguments: first one initial value a state, then the sequences. Results: first the last states, then the stacked
 * outputs. A sequence or stacked output has the length's axis at 1 if its step value leads with the batch, else at 0
 * (`stackAxis`). The region's params are states then step values; its results next states then step outputs.
 * The body may also read values of the enclosing graph (parameters, context): they are the same at every step.
 */
export interface ScanAttrs {
  readonly length: string;
  /** Runs from the last step to the first; stacked outputs stay in forward order. */
  readonly reverse: boolean;
  readonly states: number;
  readonly body: Region;
}

export interface Region {
  readonly params: readonly Value[];
  readonly instrs: readonly Instr[];
  readonly results: readonly Value[];
}

export type Op = keyof OpAttrs;

/** One instruction: a discriminated union over `op`. Only `scan` has several results. */
export type Instr<K extends Op = Op> = {
  [P in K]: {
    readonly op: P;
    readonly attrs: OpAttrs[P];
    readonly args: readonly Value[];
    readonly results: readonly Value[];
  };
}[K];

/**
 * What a graph is given. `state` is a kept state of the streaming form, or one carried from batch to batch; `perturbation`
 * zeros that are added to a state's next value at every step, for the derivative with respect to it.
 */
export type ArgKind = "param" | "input" | "target" | "state" | "perturbation";
export interface Arg {
  readonly kind: ArgKind;
  readonly name: string;
  readonly value: Value;
}

/** What a graph yields. A `grad` is named after its parameter, a `probe` after a value of the spec. */
export type ResultKind = "output" | "loss" | "metric" | "grad" | "state" | "probe";
export interface Result {
  readonly kind: ResultKind;
  readonly name: string;
  readonly value: Value;
}

/** A function over arrays: the forward map, the training step, … */
export interface Graph {
  readonly args: readonly Arg[];
  readonly instrs: readonly Instr[];
  readonly results: readonly Result[];
}

/**
 * How a parameter starts, as data. Evaluated by the runtime, in f64 on the CPU, so that a seed gives the same values
 * on every adapter: `index` is the element's position along an axis.
 */
export type InitExpr =
  | { readonly op: "number"; readonly value: number }
  | { readonly op: "index"; readonly axis: number }
  | { readonly op: "uniform" | "normal"; readonly args: readonly [InitExpr, InitExpr] }
  | { readonly op: InitFunction; readonly args: readonly InitExpr[] };

export type InitFunction = UnaryOp | BinaryOp | "select" | "inv_softplus";

/** An expression an element, or an orthogonal matrix (rows × the rest), scaled by `gain`. */
export type Init =
  | { readonly kind: "expression"; readonly expr: InitExpr }
  | { readonly kind: "orthogonal"; readonly gain: number };

export interface Parameter {
  /** Dotted path: `rnn.W_ih`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Never updated. */
  readonly frozen: boolean;
  /** Weight decay leaves it alone. */
  readonly noDecay: boolean;
  /** Its `///` comment, if any. */
  readonly doc?: string;
}

/** An input, target or output; the batch is implicit and leads. */
export interface Port {
  readonly name: string;
  readonly elem: Elem;
  readonly shape: readonly Dim[];
  /** For `id(V)`: V; the values are 0 … V−1. */
  readonly classes?: number;
  readonly doc?: string;
}

/** The whole of one compiled model. `graphs.forward` comes from the lowering; passes add the others. */
export interface Module {
  readonly name: string;
  readonly doc?: string;
  /** Absent: f32. */
  readonly precision?: "f16";
  /** Run-time lengths besides the batch, in the order in which the inputs fix them. */
  readonly lengths: readonly string[];
  /**
   * Those of `lengths` of which every example has its own, from 1 up to the length: an input of the graphs, i32 [batch],
   * under the name of the length. Inputs past an example's end repeat its last step.
   */
  readonly ragged?: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly inputs: readonly Port[];
  readonly targets: readonly Port[];
  readonly outputs: readonly Port[];
  readonly metrics: readonly string[];
  /** Kept states of the streaming form, filled in by its pass. Their shapes are whole, the batch where it stands. */
  readonly states: readonly Port[];
  /** The length along which the streaming form runs, where there is one. */
  readonly streamLength?: string;
  /** Of a module whose training carries states from batch to batch: the length whose steps go on in the next batch. */
  readonly carryLength?: string;
  /** What is carried, filled in by the pass. Shapes as those of `states`. */
  readonly carriedStates?: readonly Port[];
  /** Why nothing can be carried, though it was asked for. */
  readonly carryRefusal?: string;
  readonly graphs: Readonly<Partial<Record<GraphName, Graph>>>;
  /** Why there is no streaming form, where there is none. */
  readonly streamRefusal?: string;
}

/**
 * forward: all results (outputs, loss, metrics) · endless: the same with no example ending along the streamed length,
 * where that is ragged; gone once the streaming form is made of it · train: loss, metrics and a gradient for each parameter
 * that is not frozen · evaluate: loss and metrics · predict: outputs · start: the kept states before the first step, but
 * for those that are zero · stream: outputs and the next kept states · carried: where training carries states from batch to
 * batch, loss, metrics and the next states; train and evaluate are then made of it and give the states too · probe: named values
 * of the spec, in prediction · profile: the norm of the loss's derivative with respect to each example's states after each
 * step. These three come from the lowering, on request.
 */
export type GraphName =
  | "forward"
  | "endless"
  | "carried"
  | "train"
  | "evaluate"
  | "predict"
  | "start"
  | "stream"
  | "probe"
  | "profile";
