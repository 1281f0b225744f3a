/**
 * @file The values with which parameters start, in f64 on the CPU: a seed gives the same on every machine, and a
 * parameter's values depend on nothing but the seed, its name and its own expression.
 */

import type { InitExpr, Manifest, ParameterSpec } from "./manifest.js";
import type { Words } from "./random.js";
import { checkSeed, hashName, threefry, toNormal, toUniform } from "./random.js";
import { countOf } from "./shapes.js";

/** All parameters in the layout of the flat buffer. @param seed a whole number from 0 to 2³²−1. */
export function initialiseParameters({ parameters, layout }: Manifest, seed: number): Float32Array<ArrayBuffer> {
  checkSeed(seed);
  const flat = new Float32Array(layout.total);
  for (const parameter of parameters) {
    const values = initialiseParameter(parameter, seed);
    const bad = values.find((value) => !Number.isFinite(Math.fround(value)));
    if (bad !== undefined) throw new Error(`the parameter \`${parameter.name}\` would start with ${bad}: see its ~`);
    flat.set(values, parameter.offset);
  }
  return flat;
}

/** One parameter, row-major. */
export function initialiseParameter({ name, shape, init }: ParameterSpec, seed: number): Float64Array {
  const key: Words = [seed, hashName(name)];
  if (init.kind === "orthogonal") {
    const [rows, ...rest] = shape;
    return orthogonal(key, rows ?? 1, countOf(rest), init.gain);
  }
  const values = new Float64Array(countOf(shape));
  const element: Element = { index: shape.map(() => 0), draw: () => [0, 0] };
  const evaluate = compile(init.expr);
  for (let at = 0; at < values.length; at++) {
    let draws = 0;
    element.draw = () => threefry(key, [at, draws++]);
    values[at] = evaluate(element);
    advance(element.index, shape);
  }
  return values;
}

/** The next index in row-major order. */
function advance(index: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis]++;
    if (index[axis] < shape[axis]) return;
    index[axis] = 0;
  }
}

/** Where an expression is evaluated: the element's index, and its next random words. */
interface Element {
  readonly index: number[];
  draw: () => Words;
}

type Evaluate = (element: Element) => number;

type Apply = (a: number, b: number) => number;

/** The functions of an expression besides the draws; comparisons give 0 and 1. */
const FUNCTIONS: ReadonlyMap<string, Apply> = new Map<string, Apply>([
  ["neg", (a) => -a],
  ["exp", Math.exp],
  ["log", Math.log],
  ["sqrt", Math.sqrt],
  ["abs", Math.abs],
  ["sign", Math.sign],
  ["sin", Math.sin],
  ["cos", Math.cos],
  ["tanh", Math.tanh],
  ["sigmoid", (a) => 1 / (1 + Math.exp(-a))],
  ["softplus", (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)))],
  // The x whose softplus is a, in the form that keeps its digits for small and for large a.
  ["inv_softplus", (a) => a + Math.log(-Math.expm1(-a))],
  ["erf", erf],
  ["not", (a) => (a === 0 ? 1 : 0)],
  ["to_f32", (a) => a],
  ["to_i32", Math.trunc],
  ["stop_gradient", (a) => a],
  ["add", (a, b) => a + b],
  ["sub", (a, b) => a - b],
  ["mul", (a, b) => a * b],
  ["div", (a, b) => a / b],
  ["pow", (a, b) => a ** b],
  ["max", (a, b) => Math.max(a, b)],
  ["min", (a, b) => Math.min(a, b)],
  ["lt", (a, b) => Number(a < b)],
  ["le", (a, b) => Number(a <= b)],
  ["gt", (a, b) => Number(a > b)],
  ["ge", (a, b) => Number(a >= b)],
  ["eq", (a, b) => Number(a === b)],
  ["ne", (a, b) => Number(a !== b)],
  ["and", (a, b) => Number(a !== 0 && b !== 0)],
  ["or", (a, b) => Number(a !== 0 || b !== 0)],
]);

function compile(expr: InitExpr): Evaluate {
  if ("value" in expr) return () => expr.value;
  if ("axis" in expr) return ({ index }) => index[expr.axis];
  const [first, second, third] = expr.args.map(compile);
  const zero: Evaluate = () => 0;
  const a = first ?? zero;
  const b = second ?? zero;
  const c = third ?? zero;
  switch (expr.op) {
    case "uniform":
      return (element) => {
        const low = a(element);
        return low + (b(element) - low) * toUniform(element.draw());
      };
    case "normal":
      return (element) => a(element) + b(element) * toNormal(element.draw());
    case "select":
      return (element) => (a(element) !== 0 ? b(element) : c(element));
    default: {
      const apply = FUNCTIONS.get(expr.op);
      if (apply === undefined) throw new Error(`the manifest starts a parameter by the unknown function ${expr.op}`);
      return (element) => apply(a(element), b(element));
    }
  }
}

/** The error function to f64 accuracy: its series near zero, the continued fraction of its complement beyond. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 80; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`: the Q of a normal matrix, by
 * Gram–Schmidt, twice for orthogonality in f64. Its R has a positive diagonal, which makes Q uniform.
 */
function orthogonal(key: Words, rows: number, columns: number, gain: number): Float64Array {
  const long = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let each = 0; each < Math.min(rows, columns); each++) {
    const vector = Float64Array.from({ length: long }, (_, at) => toNormal(threefry(key, [each * long + at, 0])));
    for (let pass = 0; pass < 2; pass++) for (const other of vectors) addScaled(vector, other, -dot(vector, other));
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / norm));
  }
  const matrix = new Float64Array(rows * columns);
  const across = rows <= columns;
  vectors.forEach((vector, each) => {
    vector.forEach((value, at) => {
      matrix[across ? each * columns + at : at * columns + each] = gain * value;
    });
  });
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at];
  return sum;
}

function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let at = 0; at < target.length; at++) target[at] += factor * source[at];
}
