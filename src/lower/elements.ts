/** @file Reads elements: plain indices name axes, constants slice, shifts shift, everything else is looked up. */

import type { Affine, ExprOf, Subscript } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { Dim, Value } from "../ir/types.js";
import type { Environment } from "./environment.js";
import { extentsOf, type Label, type Labelled, openAxes, ownShape, pointwise, spread } from "./labelled.js";
import { type Axis, extentOf, positionAlong } from "./ragged.js";
import { reduceLabels } from "./reductions.js";

/** A value with its first subscripts read, and where they all lay inside. */
interface Partial {
  readonly read: Labelled;
  readonly inside: Labelled | undefined;
}

export function lowerElement(env: Environment, expr: ExprOf<"element">): Labelled {
  const b = env.builder;
  const { otherwise } = expr;
  const base = env.lower(expr.base);
  // Ids shift as numbers do, and the number outside is one of them.
  const ids = otherwise !== undefined && base.value.type.elem === "i32";
  const table = ids ? pointwise([base], b, (x) => b.unary("to_f32", x)) : base;
  const read = readElement(env, expr, table);
  return ids ? pointwise([read], b, (x) => b.unary("to_i32", x)) : read;
}

function readElement(env: Environment, expr: ExprOf<"element">, base: Labelled): Labelled {
  const b = env.builder;
  const { otherwise, subscripts } = expr;
  // A shift fills with a constant by itself; any other value is chosen afterwards.
  const fill = otherwise?.kind === "number" ? otherwise.value : undefined;
  let state: Partial = { read: base, inside: undefined };
  for (const subscript of subscripts) {
    const alone = subscripts.length === 1 || subscripts.every((s) => s === subscript || s.kind === "index");
    state = readAxis(env, state, subscript, otherwise !== undefined, alone ? fill : undefined);
  }
  if (otherwise === undefined || state.inside === undefined) return state.read;
  const given = env.lower(otherwise);
  const elsewhere = given.value.type.elem === "i32" ? pointwise([given], b, (x) => b.unary("to_f32", x)) : given;
  return pointwise([state.inside, state.read, elsewhere], b, (inside, x, y) => b.select(inside, x, y));
}

/** Reads the first own axis. */
function readAxis(
  env: Environment,
  { read, inside }: Partial,
  subscript: Subscript,
  mayLeave: boolean,
  fill: number | undefined,
): Partial {
  const b = env.builder;
  if (subscript.kind === "value") return { read: lookUp(env, read, env.lower(subscript.expr)), inside };
  if (subscript.kind === "index") {
    const label = env.label(subscript.index);
    if (!read.labels.includes(label)) return { read: openAxes(read, [label]), inside };
    const position: Labelled = { value: b.iota([label.extent], 0), labels: [label] };
    return { read: lookUp(env, read, position), inside };
  }
  const { form } = subscript;
  const [extent] = ownShape(read);
  const axis = read.labels.length;
  const constant = form.terms.length === 0 ? form.constant : undefined;
  if (constant !== undefined && typeof extent === "number" && constant >= 0 && constant < extent) {
    const slice = b.slice(read.value, axis, constant, 1);
    return { read: { value: b.reduce("sum", slice, [axis]), labels: read.labels }, inside };
  }
  const run = windowOf(env, form);
  const fits = ({ starts, size }: Window) =>
    typeof extent === "number" && starts.every((start) => start >= 0 && start + size <= extent);
  const window = run !== undefined && (!mayLeave || fits(run)) ? run : undefined;
  if (window?.labels.every((label) => !read.labels.includes(label))) {
    const parts = window.starts.map((start) => b.slice(read.value, axis, start, window.size));
    return {
      read: openAxes({ value: stackParts(b, parts, axis, window.labels), labels: read.labels }, window.labels),
      inside,
    };
  }
  // What never looks ahead meets no end.
  const back = looksBack(env, form, extent);
  const along: Axis = back ? { extent } : env.labels.axis(extent);
  const shift = read.value.type.elem === "f32" ? shiftOf(env, form, extent) : undefined;
  if (shift?.labels.every((label) => !read.labels.includes(label))) {
    const parts = shift.offsets.map((offset) => b.op("shift", { axis, offset, fill: fill ?? 0 }, [read.value]));
    const opened = openAxes({ value: stackParts(b, parts, axis, shift.labels), labels: read.labels }, shift.labels);
    if (fill !== undefined && along.end === undefined) return { read: opened, inside };
    const position = lowerAffine(env, form, false);
    return { read: opened, inside: both(b, inside, back ? begun(b, position) : within(b, position, along)) };
  }
  const position = lowerAffine(env, form, along.end !== undefined);
  if (!mayLeave) return { read: lookUp(env, read, position), inside };
  const clamped = pointwise([position, extentOf(b, along)], b, (p, n) => {
    const last = b.binary("sub", n, b.constant(1, "i32"));
    return b.binary("max", b.binary("min", p, last), b.constant(0, "i32"));
  });
  return { read: lookUp(env, read, clamped), inside: both(b, inside, within(b, position, along)) };
}

/** Beyond this many shifts or slices a look-up is smaller. */
const MOST_PARTS = 64;

/** Shifts of an axis: `t + 2` is one shift, `t - k` one for each k, along an axis of k in front of that of t. */
interface Shift {
  readonly labels: readonly Label[];
  readonly offsets: readonly number[];
}

function shiftOf(env: Environment, form: Affine, extent: Dim): Shift | undefined {
  const terms = form.terms.flatMap(({ of, factor }) =>
    typeof of === "string" ? [] : [{ label: env.label(of), factor }],
  );
  const along = terms.find(({ label, factor }) => factor === 1 && label.extent === extent);
  if (along === undefined || terms.length !== form.terms.length || terms.length > 2) return undefined;
  const tap = terms.find((term) => term !== along);
  if (tap === undefined) return { labels: [along.label], offsets: [-form.constant] };
  const taps = tap.label.extent;
  if (typeof taps !== "number" || taps > MOST_PARTS) return undefined;
  const offsets = Array.from({ length: taps }, (_, k) => -form.constant - tap.factor * k);
  return { labels: [tap.label, along.label], offsets };
}

/** Runs of an axis of known size, one after another: `n*K + k` is K elements for each n. */
interface Window {
  readonly labels: readonly Label[];
  readonly starts: readonly number[];
  readonly size: number;
}

function windowOf(env: Environment, form: Affine): Window | undefined {
  const terms = form.terms.flatMap(({ of, factor }) => {
    const label = typeof of === "string" ? undefined : env.label(of);
    return typeof label?.extent === "number" ? [{ label, size: label.extent, factor }] : [];
  });
  const inner = terms.find(({ factor }) => factor === 1);
  if (inner === undefined || terms.length !== form.terms.length || terms.length > 2) return undefined;
  const { size } = inner;
  const outer = terms.find((term) => term !== inner);
  if (outer === undefined) return { labels: [inner.label], starts: [form.constant], size };
  if (outer.size > MOST_PARTS) return undefined;
  const starts = Array.from({ length: outer.size }, (_, n) => form.constant + outer.factor * n);
  return { labels: [outer.label, inner.label], starts, size };
}

/** With two labels the parts become an axis in front of `axis`. */
function stackParts(b: Builder, parts: readonly Value[], axis: number, labels: readonly Label[]): Value {
  if (labels.length === 1) return parts[0];
  const rows = parts.map((part) => {
    const { shape } = part.type;
    return b.broadcast(
      part,
      shape.toSpliced(axis, 0, 1),
      shape.map((_, from) => (from < axis ? from : from + 1)),
    );
  });
  return b.concat(rows, axis);
}

function both(b: Builder, x: Labelled | undefined, y: Labelled): Labelled {
  return x === undefined ? y : pointwise([x, y], b, (p, q) => b.binary("and", p, q));
}

function begun(b: Builder, position: Labelled): Labelled {
  return pointwise([position], b, (p) => b.binary("ge", p, b.constant(0, "i32")));
}

function within(b: Builder, position: Labelled, axis: Axis): Labelled {
  return pointwise([position, extentOf(b, axis)], b, (p, n) => {
    const low = b.binary("ge", p, b.constant(0, "i32"));
    return b.binary("and", low, b.binary("lt", p, n));
  });
}

/** Whether the form is at most an index along this axis. */
function looksBack(env: Environment, { constant, terms }: Affine, extent: Dim): boolean {
  if (constant > 0 || terms.some(({ of }) => typeof of === "string")) return false;
  const ahead = terms.filter(({ factor }) => factor > 0);
  return (
    ahead.length === 1 &&
    ahead.every(({ of, factor }) => factor === 1 && typeof of !== "string" && env.label(of).extent === extent)
  );
}

/** The value of an affine form as i32. With `staying`, indices stay at the last place past an example's end. */
function lowerAffine(env: Environment, form: Affine, staying: boolean): Labelled {
  const b = env.builder;
  const constant = (n: number): Labelled => ({ value: b.constant(n, "i32"), labels: [] });
  const terms = form.terms.map(({ of, factor }): Labelled => {
    const value =
      typeof of === "string"
        ? extentOf(b, env.labels.axis(env.dim({ extent: of, text: of, span: NOWHERE })))
        : positionAlong(b, env.label(of), staying);
    return factor === 1 ? value : pointwise([value, constant(factor)], b, (x, y) => b.binary("mul", x, y));
  });
  const all = form.constant === 0 && terms.length > 0 ? terms : [...terms, constant(form.constant)];
  return all.reduce((x, y) => pointwise([x, y], b, (p, q) => b.binary("add", p, q)));
}

const NOWHERE = { file: { name: "", text: "" }, start: 0, end: 0 };

/** table[position] along the first own axis; the position's own axes take its place. */
function lookUp(env: Environment, table: Labelled, position: Labelled): Labelled {
  const b = env.builder;
  const shared = position.labels.some((label) => table.labels.includes(label));
  if (shared || table.value.type.elem === "bool") return select(env, table, position);
  const [rows, ...rest] = ownShape(table);
  const { labels } = table;
  const first = [rows, ...extentsOf(labels), ...rest];
  const places = [...labels.map((_, i) => i + 1), 0, ...rest.map((_, i) => labels.length + 1 + i)];
  const gathered = b.op("gather", {}, [b.broadcast(table.value, first, places), position.value]);
  if (labels.length === 0) return { value: gathered, labels: position.labels };
  // [position labels, position axes, table labels, rest] to [position labels, table labels, position axes, rest]
  const [outer, axes] = [position.labels.length, ownShape(position).length];
  const target = [
    ...position.labels.map((_, i) => i),
    ...ownShape(position).map((_, i) => outer + labels.length + i),
    ...labels.map((_, i) => outer + i),
    ...rest.map((_, i) => outer + labels.length + axes + i),
  ];
  const shape: Label["extent"][] = [];
  for (const [from, to] of target.entries()) shape[to] = gathered.type.shape[from];
  return { value: b.broadcast(gathered, shape, target), labels: [...position.labels, ...labels] };
}

/** A look-up where table and position vary together: the one row that matches is kept, the rest adds nothing. */
function select(env: Environment, table: Labelled, position: Labelled): Labelled {
  const b = env.builder;
  const [rows] = ownShape(table);
  const row = env.labels.next("row", rows);
  const places = ownShape(position).map((extent, axis) => env.labels.next(`place ${axis}`, extent));
  const truth = table.value.type.elem === "bool";
  const numbers: Value = truth ? b.unary("to_i32", table.value) : table.value;
  const opened = openAxes({ value: numbers, labels: table.labels }, [row]);
  const rowNumber: Labelled = { value: b.iota([rows], 0), labels: [row] };
  const hit = pointwise([rowNumber, openAxes(position, places)], b, (r, p) => b.binary("eq", r, p));
  const zero: Labelled = { value: b.constant(0, numbers.type.elem), labels: [] };
  const kept = pointwise([hit, opened, zero], b, (h, x, z) => b.select(h, x, z));
  const sum = reduceLabels(b, "sum", kept, [row]);
  const value = spread(b, sum, [...sum.labels.filter((label) => !places.includes(label)), ...places]);
  const labels = sum.labels.filter((label) => !places.includes(label));
  return { value: truth ? b.binary("ne", value, b.constant(0, "i32")) : value, labels };
}
