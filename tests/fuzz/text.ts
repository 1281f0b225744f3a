/** @file Pieces of a spec's text with what their place in a larger expression depends on. */

/** An axis by its text: axes of equal text are equal. `most` bounds its extent. */
export interface Axis {
  readonly text: string;
  readonly most: number;
  readonly isLength: boolean;
}

/** How tightly an expression binds; from the loosest to the tightest. */
export const LEVEL = { comparison: 0, sum: 1, product: 2, sign: 3, power: 4, otherwise: 5, atom: 6 } as const;

export interface Piece {
  readonly text: string;
  readonly level: number;
  /** No element is larger than about this, so that random specs stay well conditioned. */
  readonly bound: number;
}

export function atom(text: string, bound: number): Piece {
  return { text, level: LEVEL.atom, bound };
}

export function number(value: number): Piece {
  return atom(String(value), Math.abs(value));
}

/** The text where at least `level` is wanted. */
export function within(piece: Piece, level: number): string {
  return piece.level >= level ? piece.text : `(${piece.text})`;
}

export function call(name: string, bound: number, ...args: readonly Piece[]): Piece {
  return atom(`${name}(${args.map((arg) => arg.text).join(", ")})`, bound);
}

export function add(a: Piece, b: Piece): Piece {
  return {
    text: `${within(a, LEVEL.sum)} + ${within(b, LEVEL.product)}`,
    level: LEVEL.sum,
    bound: a.bound + b.bound,
  };
}

export function sub(a: Piece, b: Piece): Piece {
  return {
    text: `${within(a, LEVEL.sum)} - ${within(b, LEVEL.product)}`,
    level: LEVEL.sum,
    bound: a.bound + b.bound,
  };
}

export function mul(a: Piece, b: Piece): Piece {
  return {
    text: `${within(a, LEVEL.product)} * ${within(b, LEVEL.sign)}`,
    level: LEVEL.product,
    bound: a.bound * b.bound,
  };
}

/** `least` is what the divisor is never smaller than. */
export function div(a: Piece, b: Piece, least: number): Piece {
  return {
    text: `${within(a, LEVEL.product)} / ${within(b, LEVEL.sign)}`,
    level: LEVEL.product,
    bound: a.bound / least,
  };
}

export function matmul(a: Piece, b: Piece, inner: number): Piece {
  return {
    text: `${within(a, LEVEL.product)} @ ${within(b, LEVEL.sign)}`,
    level: LEVEL.product,
    bound: a.bound * b.bound * inner,
  };
}

export function negate(a: Piece): Piece {
  return { text: `-${within(a, LEVEL.sign)}`, level: LEVEL.sign, bound: a.bound };
}

export function power(a: Piece, exponent: string, bound: number): Piece {
  return { text: `${within(a, LEVEL.otherwise)} ** ${exponent}`, level: LEVEL.power, bound };
}

/** An element that may lie outside, with what stands there. */
export function orElse(element: string, outside: Piece, bound: number): Piece {
  const simple = outside.level === LEVEL.sign && /^-[\w.]+$/.test(outside.text);
  return {
    text: `${element} else ${simple ? outside.text : within(outside, LEVEL.atom)}`,
    level: LEVEL.otherwise,
    bound: Math.max(bound, outside.bound),
  };
}

export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis.text === b[i].text);
}

export function showType(axes: readonly Axis[], elem = "f32"): string {
  if (axes.length === 0) return elem;
  return `[${axes.map((axis) => axis.text).join(", ")}]${elem === "f32" ? "" : ` ${elem}`}`;
}
