/** @file What to write in place of something common from other languages, said with the names at hand. */

import type { Context } from "./scope.js";
import { isLength } from "./sizes.js";
import type { Dim, ReduceName, TypedExpr } from "./typed.js";

/** An index for each axis: the small letter of its name, where that is free. */
function indexNames(context: Context, axes: readonly Dim[]): readonly string[] {
  const taken = new Set<string>(context.scope.names());
  return axes.map(({ text }) => {
    const letter = /^[A-Za-z]\w*$/.test(text) ? [text[0].toLowerCase()] : [];
    const name = [...letter, ..."ijklmn"].find((candidate) => !taken.has(candidate)) ?? "i";
    taken.add(name);
    return name;
  });
}

function axesOf(expr: TypedExpr): readonly Dim[] {
  return expr.type.kind === "array" ? expr.type.axes : [];
}

/** Of the axis counted from the front or, below zero, from the back; undefined where there is none. */
function position(axes: readonly Dim[], axis: number): number | undefined {
  const at = axis < 0 ? axes.length + axis : axis;
  return at in axes ? at : undefined;
}

/** The expression's name, if it has one that can be indexed. */
function nameFor(expr: TypedExpr, otherwise: string): string {
  const { file, start, end } = expr.span;
  const text = file.text.slice(start, end);
  return /^[A-Za-z][\w.]*'?$/.test(text) ? text : otherwise;
}

/** A name for what is made of these. */
function resultName(...operands: readonly TypedExpr[]): string {
  return operands.some((operand) => nameFor(operand, "") === "y") ? "z" : "y";
}

function element(name: string, indices: readonly string[]): string {
  return `${name}[${indices.join(", ")}]`;
}

/** `y[t, i] = sum[j](A[i, j] * x[t, j])` for two arrays that share an axis; the steps come first in what it makes. */
export function productHint(context: Context, left: TypedExpr, right: TypedExpr): string | undefined {
  const [a, b] = [axesOf(left), axesOf(right)];
  const pairs = [...a.keys()].flatMap((i) => [...b.keys()].map((j) => [i, j] as const)).reverse();
  const shared = pairs.find(([i, j]) => a[i].extent !== undefined && a[i].extent === b[j].extent);
  if (shared === undefined) return undefined;
  const [i, j] = shared;
  const [restA, restB] = [a.toSpliced(i, 1), b.toSpliced(j, 1)];
  const [inner, ...names] = indexNames(context, [a[i], ...restA, ...restB]);
  const [namesA, namesB] = [names.slice(0, restA.length), names.slice(restA.length)];
  const [freeA, freeB] = [
    restA.map((dim, k) => ({ dim, name: namesA[k] })),
    restB.map((dim, k) => ({ dim, name: namesB[k] })),
  ];
  const free = b.length > a.length ? [...freeB, ...freeA] : [...freeA, ...freeB];
  const [steps, sizes] = [free.filter(({ dim }) => isLength(dim)), free.filter(({ dim }) => !isLength(dim))];
  const factors = [
    element(nameFor(left, "a"), namesA.toSpliced(i, 0, inner)),
    element(nameFor(right, "b"), namesB.toSpliced(j, 0, inner)),
  ];
  const sum = `sum[${inner}](${factors.join(" * ")})`;
  if (free.length === 0) return sum;
  const indices = [...steps, ...sizes].map(({ name }) => name);
  return `${element(resultName(left, right), indices)} = ${sum}`;
}

/** `y[t] = mean[d](x[t, d])`: a reduction over one axis, counted from the front or, below zero, from the back. */
export function reductionHint(
  context: Context,
  op: ReduceName,
  keeps: boolean,
  arg: TypedExpr,
  axis: number,
): string | undefined {
  const axes = axesOf(arg);
  const at = position(axes, axis);
  if (at === undefined) return undefined;
  const names = indexNames(context, axes);
  const left = keeps ? names : names.toSpliced(at, 1);
  const reduced = `${op}[${names[at]}](${element(nameFor(arg, "x"), names)})`;
  if (left.length === 0) return reduced;
  return `${element(resultName(arg), left)} = ${reduced}`;
}

/** `y[d, k] = W[k, d]`: the last two axes exchanged. */
export function transposeHint(context: Context, arg: TypedExpr): string | undefined {
  const axes = axesOf(arg);
  if (axes.length < 2) return undefined;
  const names = indexNames(context, axes);
  const [row, column] = names.slice(-2);
  const exchanged = element(resultName(arg), [...names.slice(0, -2), column, row]);
  return `there is no transpose: exchange the indices, \`${exchanged} = ${element(nameFor(arg, "x"), names)}\``;
}

/** The place of an extremum, along the last axis unless `axis` says otherwise. */
function placeHint(extremum: "max" | "min") {
  return (context: Context, arg: TypedExpr, axis = -1): string | undefined => {
    const axes = axesOf(arg);
    const at = position(axes, axis);
    if (at === undefined) return undefined;
    const names = indexNames(context, [...axes, axes[at]]);
    const [outer, inner] = [names.slice(0, -1), names.slice(0, -1).with(at, names[axes.length])];
    const read = (indices: readonly string[]) => element(nameFor(arg, "x"), indices);
    const value = `min[${outer[at]}](where(${read(outer)} == ${extremum}[${inner[at]}](${read(inner)}), ${outer[at]}, inf))`;
    const left = outer.toSpliced(at, 1);
    const line = left.length === 0 ? value : `${element(resultName(arg), left)} = ${value}`;
    return `the first place of the ${extremum === "max" ? "largest" : "smallest"}, as a number: \`${line}\``;
  };
}

/** A running sum, along the first axis unless `axis` says otherwise. */
function runningSumHint(context: Context, arg: TypedExpr, axis = 0): string | undefined {
  const axes = axesOf(arg);
  const at = position(axes, axis);
  if (at === undefined) return undefined;
  const names = indexNames(context, [...axes, axes[at]]);
  const [outer, inner] = [names.slice(0, -1), names[axes.length]];
  const left = element(resultName(arg), outer.with(at, `${outer[at]}: ${axes[at].text}`));
  const read = element(nameFor(arg, "x"), outer.with(at, inner));
  return `sum what a comparison leaves: \`${left} = sum[${inner}](where(${inner} <= ${outer[at]}, ${read}, 0))\``;
}

const foreign: ReadonlyMap<string, (context: Context, arg: TypedExpr, axis?: number) => string | undefined> = new Map([
  ["argmax", placeHint("max")],
  ["argmin", placeHint("min")],
  ["cumsum", runningSumHint],
  ["transpose", transposeHint],
]);

/** What stands for a function of other languages, of an array and perhaps along the axis of a number. */
export function foreignHint(context: Context, name: string, arg: TypedExpr, axis?: number): string | undefined {
  return foreign.get(name)?.(context, arg, axis);
}
