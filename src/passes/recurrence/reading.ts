/**
 * @file What a value of a loop's body is of the states of one group: of which degree, and at which of their indices it
 * reads them. Found by abstract interpretation; a value that reads none has no `Reading`.
 */

import type { Dim, Instr, Value, ValueId } from "../../ir/types.js";

/** `linear`: no term without a state. `affine`: linear and such a term. Ordered: each includes those before it. */
export const DEGREES = ["free", "linear", "affine", "nonlinear"] as const;
export type Degree = (typeof DEGREES)[number];

/** The index on a state's axis is the reader's own on its axis `axis`, plus `offset`. */
export interface AxisRead {
  readonly axis: number;
  readonly offset: number;
}

/** The narrowest array on the way from a state to its reader, counted in elements a channel. */
export interface Bottleneck {
  readonly value: ValueId;
  readonly width: number;
  /** The value in which places of the state first came together. */
  readonly met: ValueId;
}

/** One way in which a value reads a state. */
export interface Access {
  /** Position of the state in the loop. */
  readonly state: number;
  /** For each axis of the state; undefined where other indices than one that goes with the reader's are read. */
  readonly axes: readonly (AxisRead | undefined)[];
  /** Where some axis is undefined. */
  readonly through?: Bottleneck;
}

export interface Reading {
  readonly degree: Degree;
  /** Whether what multiplies the states differs from step to step. */
  readonly varies: boolean;
  readonly accesses: readonly Access[];
}

export interface Facts {
  reading(value: Value): Reading | undefined;
  /** Whether a value of the body differs from step to step. */
  varies(value: Value): boolean;
  isZero(value: Value): boolean;
}

/** Beyond this many ways of reading a state nothing is told apart. */
const MOST_ACCESSES = 64;

/** What the result of an instruction is; it has at least one argument that reads a state. */
export function readingOf(instr: Instr, facts: Facts): Reading {
  const [out] = instr.results;
  const accesses = instr.args.flatMap((arg, i) =>
    (facts.reading(arg)?.accesses ?? []).map((access) => moved(access, instr, i)),
  );
  const factors = multipliers(instr).filter((arg) => facts.reading(arg) === undefined);
  return {
    degree: out.type.elem === "f32" ? degreeOf(instr, facts) : "nonlinear",
    varies: factors.some(facts.varies) || instr.args.some((arg) => facts.reading(arg)?.varies ?? false),
    accesses: merge(accesses),
  };
}

/** The arguments by which others are multiplied, or which choose among others. */
function multipliers({ op, args }: Instr): readonly Value[] {
  switch (op) {
    case "mul":
    case "contract":
      return args;
    case "div":
    case "gather":
      return [args[1]];
    case "select":
      return [args[0]];
    default:
      return [];
  }
}

function degreeOf(instr: Instr, facts: Facts): Degree {
  const { op, args } = instr;
  const degree = (arg: Value): Degree => facts.reading(arg)?.degree ?? "free";
  const free = (arg: Value) => degree(arg) === "free";
  const sum = (terms: readonly Value[]) =>
    terms
      .filter((term) => !facts.isZero(term))
      .map(degree)
      .reduce(join);
  switch (op) {
    case "neg":
    case "stop_gradient":
    case "to_f32":
    case "broadcast":
    case "slice":
      return degree(args[0]);
    case "add":
    case "sub":
    case "concat":
      return sum(args);
    case "select":
      return free(args[0]) ? sum(args.slice(1)) : "nonlinear";
    case "mul":
    case "contract":
      return free(args[0]) ? degree(args[1]) : free(args[1]) ? degree(args[0]) : "nonlinear";
    case "div":
    case "gather":
      return free(args[1]) ? degree(args[0]) : "nonlinear";
    case "reduce":
      return instr.attrs.kind === "sum" ? degree(args[0]) : "nonlinear";
    case "shift":
      return instr.attrs.fill === 0 ? degree(args[0]) : join(degree(args[0]), "free");
    default:
      return "nonlinear";
  }
}

/** Of a sum. */
function join(a: Degree, b: Degree): Degree {
  if (a === b) return a;
  const larger = DEGREES[Math.max(DEGREES.indexOf(a), DEGREES.indexOf(b))];
  return larger === "linear" ? "affine" : larger;
}

/** An access of argument `position`, as an access of the result. */
function moved({ state, axes, through }: Access, instr: Instr, position: number): Access {
  const map = axisMap(instr, position);
  const there = axes.map((read) => read && map(read));
  if (!there.includes(undefined)) return { state, axes: there };
  const [out] = instr.results;
  const width = widthBeside(out.type.shape, there);
  if (through !== undefined && through.width <= width) return { state, axes: there, through };
  return { state, axes: there, through: { value: out.id, width, met: through?.met ?? out.id } };
}

/** Elements along the axes of a shape that go with no axis of the state. */
function widthBeside(shape: readonly Dim[], axes: Access["axes"]): number {
  const taken = new Set(axes.map((read) => read?.axis));
  return shape.reduce<number>((n, dim, axis) => (taken.has(axis) ? n : n * extentOf(dim)), 1);
}

/** A length has no bound. */
export function extentOf(dim: Dim): number {
  return typeof dim === "number" ? dim : Number.POSITIVE_INFINITY;
}

type AxisMap = (read: AxisRead) => AxisRead | undefined;

/** Where an index on an axis of argument `position` stands in the result. */
function axisMap(instr: Instr, position: number): AxisMap {
  const offsetOn =
    (along: number, by: number): AxisMap =>
    ({ axis, offset }) => ({ axis, offset: axis === along ? offset + by : offset });
  const renumber =
    (to: (axis: number) => number): AxisMap =>
    ({ axis, offset }) =>
      to(axis) < 0 ? undefined : { axis: to(axis), offset };
  switch (instr.op) {
    case "broadcast":
      return renumber((axis) => instr.attrs.axes[axis]);
    case "reduce": {
      const { axes } = instr.attrs;
      return renumber((axis) => (axes.includes(axis) ? -1 : axis - axes.filter((a) => a < axis).length));
    }
    case "contract": {
      const { lhs, rhs, out } = instr.attrs;
      return renumber((axis) => out.indexOf((position === 0 ? lhs : rhs)[axis]));
    }
    case "gather": {
      const rank = instr.args[1].type.shape.length;
      return position === 1 ? (read) => read : renumber((axis) => (axis === 0 ? -1 : rank + axis - 1));
    }
    case "slice":
      return offsetOn(instr.attrs.axis, instr.attrs.start);
    case "shift":
      return offsetOn(instr.attrs.axis, -instr.attrs.offset);
    case "concat": {
      const { axis } = instr.attrs;
      const before = instr.args.slice(0, position).map(({ type }) => extentOf(type.shape[axis]));
      return offsetOn(axis, -before.reduce((sum, n) => sum + n, 0));
    }
    case "scan":
      return () => undefined;
    default:
      return (read) => read;
  }
}

function merge(accesses: readonly Access[]): readonly Access[] {
  const distinct = [...new Map(accesses.map((access) => [keyOf(access), access])).values()];
  if (distinct.length <= MOST_ACCESSES) return distinct;
  const anywhere = distinct.map(({ state, axes }): [number, Access] => [
    state,
    { state, axes: axes.map(() => undefined) },
  ]);
  return [...new Map(anywhere).values()];
}

function keyOf({ state, axes, through }: Access): string {
  return `${state}:${axes.map((read) => (read ? `${read.axis}+${read.offset}` : "*"))}:${through?.value ?? ""}:${through?.met ?? ""}`;
}
