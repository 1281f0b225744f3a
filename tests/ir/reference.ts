/** @file The meaning of each op once more, as plain loops over multi-indices: shares no code with the registry. */

import type { NdArray } from "../../src/ir/ndarray.js";
import type { BinaryOp, Dim, Instr, Op, UnaryOp } from "../../src/ir/types.js";
import { LENGTHS } from "./random.js";

type Index = readonly number[];

export function size(dim: Dim): number {
  return typeof dim === "number" ? dim : LENGTHS[dim];
}

/** The array whose element at each index is `element(index)`. */
export function build(shape: readonly number[], element: (index: Index) => number): NdArray {
  const data: number[] = [];
  const visit = (index: Index) => {
    if (index.length === shape.length) data.push(element(index));
    else for (let i = 0; i < shape[index.length]; i++) visit([...index, i]);
  };
  visit([]);
  return { shape, data: Float64Array.from(data) };
}

/** The element at an index. */
export function at(array: NdArray, index: Index): number {
  return array.data[index.reduce((position, i, axis) => position * array.shape[axis] + i, 0)];
}

/** ∫₀ˣ e^(−t²) dt · 2/√π by Simpson's rule. */
function integratedErf(x: number): number {
  const n = 400;
  let sum = 0;
  for (let i = 0; i <= n; i++) sum += (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-(((x * i) / n) ** 2));
  return ((2 / Math.sqrt(Math.PI)) * sum * x) / (3 * n);
}

const unary: { readonly [K in UnaryOp]: (x: number) => number } = {
  neg: (x) => 0 - x,
  exp: (x) => Math.E ** x,
  log: (x) => Math.log2(x) * Math.LN2,
  sqrt: (x) => x ** 0.5,
  abs: (x) => (x < 0 ? -x : x),
  sign: (x) => (x < 0 ? -1 : x > 0 ? 1 : 0),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.sin(x + Math.PI / 2),
  tanh: (x) => (Math.exp(2 * x) - 1) / (Math.exp(2 * x) + 1),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => Math.log(1 + Math.exp(x)),
  erf: integratedErf,
  not: (x) => (x === 0 ? 1 : 0),
  to_f32: (x) => x,
  to_i32: (x) => (x < 0 ? Math.ceil(x) : Math.floor(x)),
  stop_gradient: (x) => x,
};

const binary: { readonly [K in BinaryOp]: (x: number, y: number) => number } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow: (x, y) => Math.exp(y * Math.log(x)),
  max: (x, y) => [x, y].toSorted((p, q) => q - p)[0],
  min: (x, y) => [x, y].toSorted((p, q) => p - q)[0],
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(!(x > y)),
  gt: (x, y) => Number(x > y),
  ge: (x, y) => Number(!(x < y)),
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  and: (x, y) => Number(x === 1 && y === 1),
  or: (x, y) => Number(x === 1 || y === 1),
};

function isUnary(op: Op): op is UnaryOp {
  return Object.hasOwn(unary, op);
}

function isBinary(op: Op): op is BinaryOp {
  return Object.hasOwn(binary, op);
}

/** The result of an instruction (not of a scan). */
export function reference(instr: Instr, args: readonly NdArray[]): NdArray {
  const [a, b, c] = args;
  const { op } = instr;
  if (isUnary(op)) return build(a.shape, (i) => unary[op](at(a, i)));
  if (isBinary(op)) return build(a.shape, (i) => binary[op](at(a, i), at(b, i)));
  switch (instr.op) {
    case "select":
      return build(a.shape, (i) => (at(a, i) ? at(b, i) : at(c, i)));
    case "const":
      return build([], () => instr.attrs.value);
    case "iota":
      return build(instr.attrs.shape.map(size), (i) => i[instr.attrs.axis]);
    case "length":
      return build([], () => LENGTHS[instr.attrs.name]);
    case "training":
      return build([], () => 0);
    case "random":
      return build(a.shape, (i) => uniform([LENGTHS._seed, instr.attrs.stream], [LENGTHS._step, at(a, i)]));
    case "broadcast":
      return build(instr.attrs.shape.map(size), (i) =>
        at(
          a,
          instr.attrs.axes.map((axis) => i[axis]),
        ),
      );
    case "reduce":
      return reduced(instr, a);
    case "contract":
      return contracted(instr, a, b);
    case "slice": {
      const { axis, start, size } = instr.attrs;
      return build(a.shape.with(axis, size), (i) => at(a, i.with(axis, i[axis] + start)));
    }
    case "concat":
      return joined(instr.attrs.axis, args);
    case "shift": {
      const { axis, offset, fill } = instr.attrs;
      return build(a.shape, (i) => {
        const from = i[axis] - offset;
        return from < 0 || from >= a.shape[axis] ? fill : at(a, i.with(axis, from));
      });
    }
    case "gather":
      return build([...b.shape, ...a.shape.slice(1)], (i) =>
        at(a, [at(b, i.slice(0, b.shape.length)), ...i.slice(b.shape.length)]),
      );
    default:
      throw new Error(`no reference for ${instr.op}`);
  }
}

/** Threefry-2x32-20 as its paper gives it, in big integers. */
function uniform(key: readonly [number, number], counter: readonly [number, number]): number {
  const word = (x: bigint) => BigInt.asUintN(32, x);
  const ks = [BigInt(key[0]), BigInt(key[1]), 0x1bd11bdan ^ BigInt(key[0]) ^ BigInt(key[1])];
  const distances = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];
  let [x, y] = [word(BigInt(counter[0]) + ks[0]), word(BigInt(counter[1]) + ks[1])];
  for (let round = 0; round < 20; round++) {
    const by = distances[round % 8];
    x = word(x + y);
    y = (word(y << by) | (y >> (32n - by))) ^ x;
    const group = (round + 1) / 4;
    if (!Number.isInteger(group)) continue;
    x = word(x + ks[group % 3]);
    y = word(y + ks[(group + 1) % 3] + BigInt(group));
  }
  return Number(x >> 8n) / 16777216;
}

function reduced({ attrs: { kind, axes } }: Instr<"reduce">, a: NdArray): NdArray {
  const kept = a.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return build(
    kept.map((axis) => a.shape[axis]),
    (i) => {
      const found: number[] = [];
      build(a.shape, (j) => {
        if (kept.every((axis, k) => j[axis] === i[k])) found.push(at(a, j));
        return 0;
      });
      if (kind === "sum") return found.reduce((sum, x) => sum + x);
      return found.toSorted((x, y) => (kind === "max" ? y - x : x - y))[0];
    },
  );
}

function contracted({ attrs: { lhs, rhs, out } }: Instr<"contract">, a: NdArray, b: NdArray): NdArray {
  const extent = new Map<string, number>();
  [...lhs].forEach((label, axis) => {
    extent.set(label, a.shape[axis]);
  });
  [...rhs].forEach((label, axis) => {
    extent.set(label, b.shape[axis]);
  });
  const labels = [...out, ...[...extent.keys()].filter((label) => !out.includes(label))];
  const extents = labels.map((label) => extent.get(label) ?? 0);
  const result = build(extents.slice(0, out.length), () => 0);
  build(extents, (i) => {
    const pick = (own: string) => [...own].map((label) => i[labels.indexOf(label)]);
    const position = i.slice(0, out.length).reduce((p, x, axis) => p * extents[axis] + x, 0);
    result.data[position] += at(a, pick(lhs)) * at(b, pick(rhs));
    return 0;
  });
  return result;
}

function joined(axis: number, parts: readonly NdArray[]): NdArray {
  const places = parts.flatMap((part) => Array.from({ length: part.shape[axis] }, (_, i) => ({ part, i })));
  return build(parts[0].shape.with(axis, places.length), (i) => {
    const { part, i: inside } = places[i[axis]];
    return at(part, i.with(axis, inside));
  });
}
