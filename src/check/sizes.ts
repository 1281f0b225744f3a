/** @file Axes and shapes: when two agree, and how they are shown to the user. */

import type { RelatedSpan } from "../diagnostics/diagnostic.js";
import type { Span } from "../support/span.js";
import type { ArrayType, Dim, Elem, Lengths, Type } from "./typed.js";

export const ERROR: Type = { kind: "error" };
export const F32: Elem = { kind: "f32" };
export const BOOL: Elem = { kind: "bool" };
export const SCALAR: ArrayType = { kind: "array", elem: F32, axes: [] };

export function arrayOf(axes: readonly Dim[], elem: Elem = F32): ArrayType {
  return { kind: "array", elem, axes };
}

export function literalDim(extent: number, span: Span): Dim {
  return { extent, text: String(extent), span };
}

/** Kernels count places in 32 bits. */
export const MOST_ELEMENTS = 2 ** 31 - 1;

/** For each example and step: the product of the extents that are known. */
export function elementsOf(axes: readonly Dim[]): number {
  return axes.reduce((product, { extent }) => product * (typeof extent === "number" ? extent : 1), 1);
}

/** An unknown extent agrees with every other. */
export function sameDim(a: Dim, b: Dim): boolean {
  return a.extent === undefined || b.extent === undefined || a.extent === b.extent;
}

export function sameAxes(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, b[i]));
}

export function sameElem(a: Elem, b: Elem): boolean {
  if (a.kind === "id" && b.kind === "id") return sameDim(a.count, b.count);
  return a.kind === b.kind;
}

/** Of two axes that agree, the one that is known. */
export function knownDim(a: Dim, b: Dim): Dim {
  return a.extent === undefined ? b : a;
}

export function isLength(dim: Dim): boolean {
  return typeof dim.extent === "string";
}

/** `[4*H, I] = [256, 32]`, or `[256, 32]` where nothing but numbers was written; a scalar is `a scalar`. */
export function showAxes(axes: readonly Dim[], symbolic: boolean): string {
  if (axes.length === 0) return "a scalar";
  const written = `[${axes.map((d) => d.text).join(", ")}]`;
  const values = `[${axes.map((d) => d.extent ?? "?").join(", ")}]`;
  return symbolic || written === values ? written : `${written} = ${values}`;
}

export function showDim(dim: Dim, symbolic: boolean): string {
  const value = String(dim.extent ?? "?");
  return symbolic || dim.text === value ? `\`${dim.text}\`` : `\`${dim.text}\` = ${value}`;
}

export function showElem(elem: Elem): string {
  if (elem.kind === "f32") return "numbers";
  return elem.kind === "bool" ? "truth values" : `ids in id(${elem.count.text})`;
}

/** The place where a size was written, for the side notes of a mismatch. */
export function fixedHere(dim: Dim, symbolic: boolean): RelatedSpan {
  const value = symbolic || dim.extent === undefined || dim.text === String(dim.extent) ? "" : ` as ${dim.extent}`;
  return { span: dim.span, message: `\`${dim.text}\` is fixed here${value}` };
}

/** The two first axes at which shapes disagree, as side notes. */
export function disagreement(a: readonly Dim[], b: readonly Dim[], symbolic: boolean): RelatedSpan[] {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x !== undefined && y !== undefined && sameDim(x, y)) continue;
    return [x, y].filter((dim) => dim !== undefined).map((dim) => fixedHere(dim, symbolic));
  }
  return [];
}

/** The axis as the caller of a block sees it. */
export function substitute(dim: Dim, lengths: Lengths): Dim {
  return typeof dim.extent === "string" ? (lengths.get(dim.extent) ?? dim) : dim;
}

export function substituteType(type: Type, lengths: Lengths): Type {
  return type.kind === "error" ? type : { ...type, axes: type.axes.map((dim) => substitute(dim, lengths)) };
}
