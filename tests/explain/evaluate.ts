/** @file Evaluates the equations that are shown, term by term and example by example: an arithmetic of its own. */

import type { Line, Section } from "../../src/explain/explain.js";
import type { Name, Term } from "../../src/explain/term.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { forEachIndex, type NdArray, ndarray, numel, strides } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { BATCH, type Value } from "../../src/ir/types.js";

export type Arrays = Record<string, NdArray>;
export type Lengths = Readonly<Record<string, number>>;

/** Everything that the IR of a section computes, for random arguments. */
export function evaluateSection({ derivation }: Section, args: Arrays, lengths: Lengths): Arrays {
  return evaluateGraph(derivation.graph, args, lengths);
}

const keyOf = ({ text, adjoint }: Name) => (adjoint ? `d ${text}` : text);

/** What one example sees under each name. */
type Scope = Map<string, NdArray>;

/**
 * The left sides of all equations, one array an example (adjoints under `d h`); sums are the same for all examples.
 */
export function evaluateEquations(section: Section, args: Arrays, lengths: Lengths): readonly Scope[] {
  const { graph, introduced } = section.derivation;
  const computed = evaluateSection(section, args, lengths);
  const written = new Set(introduced.map(({ name }) => name.text));
  const given: readonly { name: string; value: Value; array: NdArray }[] = [
    ...graph.args.map(({ name, value }) => ({ name, value, array: args[name] })),
    ...graph.results.flatMap(({ kind, name, value }) =>
      kind === "output" && !written.has(name) ? [{ name, value, array: computed[`output:${name}`] }] : [],
    ),
  ];
  const shapes = new Map(graph.results.map(({ kind, name, value }) => [kind === "grad" ? `d ${name}` : name, value]));
  const scopes = Array.from({ length: lengths[BATCH] }, (_, example): Scope => {
    return new Map(given.map(({ name, value, array }) => [name, exampleOf(value, array, example)]));
  });
  for (const line of section.lines) if (line.kind === "equation") define(line, scopes, shapes, lengths);
  return scopes;
}

/** The array of one example of a batched value, or the array itself. */
export function exampleOf(value: Value, array: NdArray, example: number): NdArray {
  const axis = value.type.shape.indexOf(BATCH);
  if (axis < 0) return array;
  const shape = array.shape.toSpliced(axis, 1);
  const part = ndarray(shape);
  const from = strides(array.shape);
  forEachIndex(shape, (index, i) => {
    const full = [...index].toSpliced(axis, 0, example);
    part.data[i] = array.data[full.reduce((sum, at, k) => sum + at * from[k], 0)];
  });
  return part;
}

function define(
  { equation }: Extract<Line, { readonly kind: "equation" }>,
  scopes: readonly Scope[],
  shapes: ReadonlyMap<string, Value>,
  lengths: Lengths,
): void {
  const { left, indices, right, adds, summed } = equation;
  const keys = left.map(keyOf);
  const known = shapes.get(keys[0]);
  const perExample = scopes.map((scope) => {
    const evaluator = new Evaluator(scope, lengths);
    if (indices.length === 0) return evaluator.array(right, known && withoutBatch(known, lengths));
    const shape = known ? withoutBatch(known, lengths) : indices.map((index) => evaluator.extent(index, right));
    const array = ndarray(shape);
    forEachIndex(shape, (index, i) => {
      array.data[i] = evaluator.number(right, new Map(indices.map((name, axis) => [name, index[axis]])));
    });
    return array;
  });
  const values = summed ? scopes.map(() => total(perExample)) : perExample;
  for (const key of keys) {
    for (const [i, scope] of scopes.entries()) {
      const before = scope.get(key);
      scope.set(key, adds && before !== undefined ? total([before, values[i]]) : values[i]);
    }
  }
}

function withoutBatch(value: Value, lengths: Lengths): number[] {
  return extents(
    value.type.shape.filter((dim) => dim !== BATCH),
    lengths,
  );
}

function total(arrays: readonly NdArray[]): NdArray {
  return ndarray(
    arrays[0].shape,
    arrays[0].data.map((_, i) => arrays.reduce((sum, array) => sum + array.data[i], 0)),
  );
}

type Indices = ReadonlyMap<string, number>;

class Evaluator {
  constructor(
    readonly scope: Scope,
    readonly lengths: Lengths,
  ) {}

  /** With `shape`, a scalar is repeated. */
  array(term: Term, shape?: readonly number[]): NdArray {
    const value = this.#value(term, new Map());
    if (shape === undefined || value.shape.length === shape.length) return value;
    return ndarray(shape, new Float64Array(numel(shape)).fill(value.data[0]));
  }

  number(term: Term, indices: Indices): number {
    const value = this.#value(term, indices);
    if (value.shape.length > 0) throw new Error(`an array of [${value.shape.join(", ")}] where a number should be`);
    return value.data[0];
  }

  /** How far an index runs: along the axis of a value that it stands on alone. */
  extent(index: string, term: Term): number {
    const found = [...reads(term)].flatMap(({ name, at }) => {
      const axis = at.findIndex((subscript) => subscript.kind === "symbol" && subscript.text === index);
      return axis < 0 ? [] : [this.#read(name).shape[axis]];
    });
    if (found.length === 0) throw new Error(`no axis shows how far ${index} runs`);
    return found[0];
  }

  #read(name: Name): NdArray {
    const array = this.scope.get(keyOf(name));
    if (array === undefined) throw new Error(`${keyOf(name)} is read before it is defined`);
    return array;
  }

  #value(term: Term, indices: Indices): NdArray {
    const value = (of: Term) => this.#value(of, indices);
    switch (term.kind) {
      case "number":
        return scalar(term.value);
      case "symbol": {
        const number =
          indices.get(term.text) ?? (term.text === "batch" ? this.lengths[BATCH] : this.lengths[term.text]);
        if (number === undefined) throw new Error(`${term.text} means nothing`);
        return scalar(number);
      }
      case "read":
        return this.#element(term, indices);
      case "part": {
        const [from, to] = [this.number(term.from, indices), this.number(term.to, indices)];
        return ndarray([to - from], value(term.of).data.subarray(from, to));
      }
      case "sum":
        return term.terms.map(value).reduce((x, y) => pointwise((p, q) => p + q, x, y));
      case "negative":
        return pointwise((p) => -p, value(term.arg));
      case "product":
        return term.factors.map(value).reduce((x, y) => pointwise((p, q) => p * q, x, y));
      case "quotient":
        return pointwise((p, q) => p / q, value(term.over), value(term.under));
      case "power":
        return pointwise((p, q) => p ** q, value(term.base), value(term.exponent));
      case "relation":
        return pointwise(relations[term.op], value(term.left), value(term.right));
      case "call": {
        const args = term.args.map(value);
        if (term.function === "concat") {
          const data = args.flatMap((arg) => [...arg.data]);
          return ndarray([data.length], data);
        }
        const meaning = functions[term.function];
        if (meaning === undefined) throw new Error(`there is no function ${term.function}`);
        return pointwise(meaning, ...args);
      }
      case "transpose": {
        const { shape, data } = value(term.arg);
        const turned = ndarray([shape[1], shape[0]]);
        forEachIndex(turned.shape, ([i, j], at) => {
          turned.data[at] = data[j * shape[1] + i];
        });
        return turned;
      }
      case "matmul": {
        const [matrix, vector] = [value(term.left), value(term.right)];
        const [rows, columns] = matrix.shape;
        if (vector.shape.length !== 1 || vector.shape[0] !== columns) throw new Error("the product does not fit");
        const row = (i: number) => vector.data.reduce((sum, x, j) => sum + matrix.data[i * columns + j] * x, 0);
        return ndarray(
          [rows],
          Array.from({ length: rows }, (_, i) => row(i)),
        );
      }
      case "outer": {
        const [x, y] = [value(term.left), value(term.right)];
        return ndarray(
          [x.data.length, y.data.length],
          [...x.data].flatMap((p) => [...y.data].map((q) => p * q)),
        );
      }
      case "reduce":
        return this.#reduced(term, indices);
    }
  }

  #element(term: Extract<Term, { readonly kind: "read" }>, indices: Indices): NdArray {
    const array = this.#read(term.name);
    if (term.at.length === 0) return array;
    const index = term.at.map((subscript) => this.number(subscript, indices));
    const inside = index.every((at, axis) => at >= 0 && at < array.shape[axis]);
    if (!inside && term.otherwise === undefined) return scalar(Number.NaN);
    const steps = strides(array.shape);
    return scalar(inside ? array.data[index.reduce((sum, at, axis) => sum + at * steps[axis], 0)] : term.otherwise!);
  }

  #reduced({ function: name, over, arg }: Extract<Term, { readonly kind: "reduce" }>, indices: Indices): NdArray {
    const both = { sum: (x: number, y: number) => x + y, max: Math.max, min: Math.min }[name];
    if (over.length === 0) return scalar(this.#value(arg, indices).data.reduce((x, y) => both(x, y)));
    const values: number[] = [];
    forEachIndex(
      over.map((index) => this.extent(index, arg)),
      (at) => values.push(this.number(arg, new Map([...indices, ...over.map((n, i) => [n, at[i]] as const)]))),
    );
    return scalar(values.reduce((x, y) => both(x, y)));
  }
}

const scalar = (value: number) => ndarray([], [value]);

function pointwise(meaning: (...numbers: number[]) => number, ...args: readonly NdArray[]): NdArray {
  const widest = args.reduce((w, arg) => (arg.shape.length > w.shape.length ? arg : w));
  for (const { shape } of args) {
    if (shape.length > 0 && shape.join() !== widest.shape.join()) throw new Error("the shapes differ");
  }
  const at = (arg: NdArray, i: number) => arg.data[arg.shape.length === 0 ? 0 : i];
  return ndarray(
    widest.shape,
    widest.data.map((_, i) => meaning(...args.map((arg) => at(arg, i)))),
  );
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const functions: Readonly<Record<string, (...numbers: number[]) => number>> = {
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
  softplus: (x) => Math.log1p(Math.exp(x)),
  max: Math.max,
  min: Math.min,
  where: (c, x, y) => (c === 0 ? y : x),
};

const relations: Readonly<Record<string, (x: number, y: number) => number>> = {
  "<": (x, y) => Number(x < y),
  "<=": (x, y) => Number(x <= y),
  ">": (x, y) => Number(x > y),
  ">=": (x, y) => Number(x >= y),
  "==": (x, y) => Number(x === y),
  "!=": (x, y) => Number(x !== y),
};

function* reads(term: unknown): Generator<Extract<Term, { readonly kind: "read" }>> {
  if (typeof term !== "object" || term === null) return;
  if ("kind" in term && term.kind === "read") yield term as Extract<Term, { readonly kind: "read" }>;
  for (const child of Object.values(term)) yield* reads(child);
}
