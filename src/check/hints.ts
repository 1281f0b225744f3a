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
  const at = axis < 0 ? axes.length + axis : axis;
  if (!(at in axes)) return undefined;
  const names = indexNames(context, axes);
  const left = keeps ? names : names.toSpliced(at, 1);
  const reduced = `${op}[${names[at]}](${element(nameFor(arg, "x"), names)})`;
  if (left.length === 0) return reduced;
  return `${element(resultName(arg), left)} = ${reduced}`;
}
