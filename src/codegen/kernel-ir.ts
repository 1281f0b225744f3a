/**
 * @file The IR of kernels: scalar expressions, statements, entry points. Everything is decided here; the WGSL printer
 * only spells it. Indices are u32 (a negative index wraps to a huge one, so one comparison checks both ends).
 */

import type { Count, Word, Work } from "../../runtime/manifest.js";

export type ScalarType = "f32" | "i32" | "u32" | "bool";

/** Four terms of a sum at a time, so that they are multiplied in straight code. */
export type ExprType = ScalarType | "vec4<f32>";

export type InfixOp = "+" | "-" | "*" | "/" | "%" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "&&" | "||";

/** Storage buffers by their WGSL name, or a workgroup array. What is loaded from halves is f32, and stored as f32 too. */
export type Memory = "params" | "arena" | "halves" | "halves_watched" | (string & Record<never, never>);

export type Expr =
  | { readonly kind: "literal"; readonly type: ScalarType; readonly value: number }
  /** `depth` is the scope in which the variable lives: an expression can be computed where all it names exists. */
  | { readonly kind: "variable"; readonly type: ExprType; readonly name: string; readonly depth: number }
  /** A word of the dispatch's plan. `name` is spelled after what it stands for, and no two words of a program share it. */
  | { readonly kind: "word"; readonly type: "u32"; readonly name: string; readonly word: Word }
  | { readonly kind: "infix"; readonly type: ExprType; readonly op: InfixOp; readonly a: Expr; readonly b: Expr }
  /** A builtin or a function of the prelude. */
  | { readonly kind: "call"; readonly type: ExprType; readonly fn: string; readonly args: readonly Expr[] }
  | { readonly kind: "load"; readonly type: "f32"; readonly memory: Memory; readonly index: Expr };

export type PlanWord = Extract<Expr, { readonly kind: "word" }>;

export type Stmt =
  | { readonly kind: "let"; readonly name: string; readonly value: Expr }
  | { readonly kind: "var"; readonly name: string; readonly value: Expr }
  /** A variable that is an array of known values, for places known only as the kernel runs. */
  | { readonly kind: "array"; readonly name: string; readonly values: readonly Expr[] }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expr }
  | { readonly kind: "store"; readonly memory: Memory; readonly index: Expr; readonly value: Expr }
  | {
      readonly kind: "for";
      readonly name: string;
      readonly from: Expr;
      readonly below: Expr;
      readonly step: Expr;
      readonly body: readonly Stmt[];
    }
  | { readonly kind: "if"; readonly condition: Expr; readonly body: readonly Stmt[] }
  /** Workgroup barrier; with `storage`, what was written to the arena is visible to the workgroup too. */
  | { readonly kind: "barrier"; readonly storage: boolean };

export interface WorkgroupArray {
  readonly name: string;
  readonly size: number;
}

export interface Kernel {
  readonly name: string;
  readonly comment: string;
  readonly workgroupSize: number;
  readonly arrays: readonly WorkgroupArray[];
  /** The number of workgroups is the sum of the products of these. */
  readonly groups: readonly (readonly Count[])[];
  readonly body: readonly Stmt[];
  /** Whether threads hand values to the others of their quad. */
  readonly quads?: boolean;
  /** Of a loop over time: examples a workgroup. */
  readonly rows?: number;
  /** Of a loop over time: elements of a state a thread. */
  readonly own?: number;
  /** Of a product: results of a thread along rows and along columns. */
  readonly height?: number;
  readonly width?: number;
  /** For each of `groups`, where there are kernels to choose from. */
  readonly work?: readonly Work[];
  /** Of a loop over time that is cut into spans, which are blocks of `unit` steps. */
  readonly spans?: { readonly length: string; readonly unit: number };
  /** Of a loop over time: done again for each step of this length, and `others` behind it every time. */
  readonly steps?: { readonly length: string; readonly products: number; readonly others: readonly Kernel[] };
  /** Kernels that it needs done right before it, in order, and right behind it. */
  readonly before?: readonly Kernel[];
  readonly behind?: readonly Kernel[];
}

export const f32 = (value: number): Expr => ({ kind: "literal", type: "f32", value });
export const u32 = (value: number): Expr => ({ kind: "literal", type: "u32", value });
export const variable = (name: string, type: ExprType, depth: number): Expr => ({
  kind: "variable",
  type,
  name,
  depth,
});
export const call = (fn: string, type: ExprType, ...args: readonly Expr[]): Expr => ({
  kind: "call",
  type,
  fn,
  args,
});
export const load = (memory: Memory, index: Expr): Expr => ({ kind: "load", type: "f32", memory, index });

/** Built into every entry point: the thread within its workgroup, and the workgroup's number. */
export const THREAD = variable("thread", "u32", 0);
export const GROUP = variable("group", "u32", 0);
const word = (name: string, of: Word): PlanWord => ({ kind: "word", type: "u32", name, word: of });
/** The batch, a length, or one of `DRAW_WORDS`. */
export const planWord = (name: string): Expr => word(planMember(name), name);
/** An element's place in the arena: so many elements behind the start of a slot. */
export const slotWord = (name: string, slot: number, plus = 0): PlanWord =>
  word(plus === 0 ? `s${slot}_${name}` : `s${slot}_${name}_${plus}`, plus === 0 ? { slot } : { slot, plus });
/** How many steps a loop over this length has done, in a kernel that is done again for each. */
export const stepWord = (length: string): Expr => word(`done_${length}`, { steps: length });
/** A number that is known, as a word all the same: kernels that differ in it alone are one kernel. */
export const knownWord = (name: string, value: number): Expr => word(`${name}_${value}`, value);

/** Lengths begin with a capital, as two reserved words of WGSL do. */
export function planMember(name: string): string {
  return /^(NULL|Self)_*$/.test(name) ? `${name}_` : name;
}

const comparisons: ReadonlySet<InfixOp> = new Set(["<", "<=", ">", ">=", "==", "!=", "&&", "||"]);

/** An infix expression, folded where both sides are known u32 and by the identities of index arithmetic. */
export function infix(op: InfixOp, a: Expr, b: Expr): Expr {
  const type = comparisons.has(op) ? "bool" : a.type;
  if (a.type === "u32") {
    const folded = foldIndex(op, a, b);
    if (folded) return folded;
  }
  return { kind: "infix", type, op, a, b };
}

function foldIndex(op: InfixOp, a: Expr, b: Expr): Expr | undefined {
  const x = a.kind === "literal" ? a.value : undefined;
  const y = b.kind === "literal" ? b.value : undefined;
  switch (op) {
    case "+":
      if (x !== undefined && y !== undefined) return u32(x + y);
      if (x === 0) return b;
      if (y === 0) return a;
      // (m / n) · n + m % n = m: a flattened index taken apart and put together again.
      if (a.kind === "infix" && a.op === "*" && b.kind === "infix" && b.op === "%") {
        const quotient = a.a;
        if (quotient.kind === "infix" && quotient.op === "/" && same(a.b, quotient.b)) {
          if (same(quotient.b, b.b) && same(quotient.a, b.a)) return b.a;
        }
      }
      return undefined;
    case "-":
      if (x !== undefined && y !== undefined && x >= y) return u32(x - y);
      return y === 0 ? a : undefined;
    case "*":
      if (x !== undefined && y !== undefined) return u32(x * y);
      if (x === 0 || y === 0) return u32(0);
      if (x === 1) return b;
      // A constant factor goes last, so that equal products look equal.
      if (y === undefined && x !== undefined) return infix("*", b, a);
      return y === 1 ? a : undefined;
    case "/":
      if (x !== undefined && y !== undefined) return u32(Math.floor(x / y));
      return y === 1 ? a : undefined;
    case "%":
      if (x !== undefined && y !== undefined) return u32(x % y);
      return y === 1 ? u32(0) : undefined;
    default:
      return undefined;
  }
}

export const add = (a: Expr, b: Expr): Expr => infix("+", a, b);
export const mul = (a: Expr, b: Expr): Expr => infix("*", a, b);
export const minus = (a: Expr, b: Expr): Expr => infix("-", a, b);
/** The smaller of two indices. */
export const least = (a: Expr, b: Expr): Expr => call("min", "u32", a, b);

/** A key that is equal for equal expressions. */
export function keyOf(e: Expr): string {
  switch (e.kind) {
    case "literal":
      return `${Object.is(e.value, -0) ? "-0" : e.value}${e.type[0]}`;
    case "variable":
      return e.name;
    case "word":
      return `plan.${e.name}`;
    case "infix":
      return `(${keyOf(e.a)}${e.op}${keyOf(e.b)})`;
    case "call":
      return `${e.fn}(${e.args.map(keyOf).join(",")})`;
    case "load":
      return `${e.memory}[${keyOf(e.index)}]`;
  }
}

export function same(a: Expr, b: Expr): boolean {
  return a === b || keyOf(a) === keyOf(b);
}

/** The innermost scope that an expression names. */
export function depthOf(e: Expr): number {
  switch (e.kind) {
    case "literal":
    case "word":
      return 0;
    case "variable":
      return e.depth;
    case "infix":
      return Math.max(depthOf(e.a), depthOf(e.b));
    case "call":
      return Math.max(0, ...e.args.map(depthOf));
    case "load":
      return depthOf(e.index);
  }
}

/**
 * An index as a sum: products of sums are multiplied out where that parts what lies in different scopes. Exact, since
 * u32 wraps.
 */
export function sumOf(e: Expr): { readonly terms: readonly Expr[]; readonly constant: number } {
  if (e.kind === "literal") return { terms: [], constant: e.value };
  if (e.kind !== "infix" || (e.op !== "+" && e.op !== "*")) return { terms: [e], constant: 0 };
  const a = sumOf(e.a);
  const b = sumOf(e.b);
  if (e.op === "+") return { terms: [...a.terms, ...b.terms], constant: (a.constant + b.constant) >>> 0 };
  if (b.terms.length > 0 && (b.terms.length > 1 || b.constant !== 0)) return { terms: [e], constant: 0 };
  const parted = a.constant !== 0 || new Set(a.terms.map(depthOf)).size > 1;
  if (!parted) return { terms: [e], constant: 0 };
  const factor = b.terms.length === 0 ? u32(b.constant) : b.terms[0];
  const constant = Math.imul(a.constant, b.constant) >>> 0;
  const rest = factor.kind === "literal" || a.constant === 0 ? [] : [mul(u32(a.constant), factor)];
  return { terms: [...a.terms.map((term) => mul(term, factor)), ...rest], constant };
}

/**
 * How far a value differs between the threads of a workgroup: not at all, only between *quads* (four threads that follow
 * one another from a multiple of four on), or anyhow.
 */
export const Spread = { none: 0, quads: 1, threads: 2 } as const;
export type Spread = (typeof Spread)[keyof typeof Spread];

export const QUAD = 4;

/** @param known those of variables; of the others nothing depends on the thread. */
export function spreadOf(e: Expr, known: (name: string) => Spread | undefined): Spread {
  switch (e.kind) {
    case "variable":
      return e === THREAD ? Spread.threads : (known(e.name) ?? Spread.none);
    case "infix": {
      const whole = e.op === "/" && e.a === THREAD && e.b.kind === "literal" && e.b.value % QUAD === 0;
      return whole ? Spread.quads : widest([e.a, e.b], known);
    }
    case "call":
      return widest(e.args, known);
    case "load":
      return spreadOf(e.index, known);
    default:
      return Spread.none;
  }
}

const widest = (parts: readonly Expr[], known: (name: string) => Spread | undefined): Spread =>
  parts.reduce<Spread>((spread, part) => Math.max(spread, spreadOf(part, known)) as Spread, Spread.none);
