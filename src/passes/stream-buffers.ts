/**
 * @file What a stream keeps of past steps, the axis of steps in front: caches of all of them, in order of the steps, and
 * buffers of the last few, of which the newest stands last. Both are written and read by what the IR has anyway.
 */

import type { Builder } from "../ir/builder.js";
import { type OpAttrs, PAST, ROOM, type Value } from "../ir/types.js";

/** The axis moved to the front. */
export function stepsFirst(b: Builder, value: Value, axis: number): Value {
  const { shape } = value.type;
  const order = [axis, ...shape.flatMap((_, i) => (i === axis ? [] : [i]))];
  return b.broadcast(
    value,
    order.map((i) => shape[i]),
    shape.map((_, i) => order.indexOf(i)),
  );
}

/** The first axis moved to `axis`. */
export function stepsAt(b: Builder, value: Value, axis: number): Value {
  const [first, ...rest] = value.type.shape;
  const places = rest.map((_, i) => (i < axis ? i : i + 1));
  return b.broadcast(value, rest.toSpliced(axis, 0, first), [axis, ...places]);
}

/** The cache with the steps at hand, `rows`, at their places. */
export function cacheWith(b: Builder, cache: Value, rows: Value, length: string): Value {
  const from = b.binary("sub", b.iota([ROOM], 0), b.op("length", { name: PAST }, []));
  const isNew = b.binary("and", atLeast(b, from, 0), b.binary("lt", from, b.op("length", { name: length }, [])));
  return b.select(repeated(b, isNew, cache), taken(b, rows, from), cache);
}

/** The buffer's last steps once the steps at hand, `rows`, have come. */
export function bufferWith(b: Builder, buffer: Value, rows: Value, length: string): Value {
  const size = sizeOf(buffer);
  const shift = b.binary("sub", b.op("length", { name: length }, []), b.constant(size, "i32"));
  return relative(b, b.binary("add", b.iota([size], 0), shift), buffer, rows);
}

/** For each step at hand the one `offset` steps before. */
export function delayed(b: Builder, buffer: Value, rows: Value, offset: number, length: string): Value {
  return relative(b, b.binary("sub", b.iota([length], 0), b.constant(offset, "i32")), buffer, rows);
}

/** As `delayed`, of `x` as it is; its derivative is a shift, for where the buffer is no function of what is trained. */
export function shifted(b: Builder, buffer: Value, x: Value, attrs: OpAttrs["shift"], hint?: string): Value {
  const { axis, offset } = attrs;
  const { shape } = x.type;
  const step = b.iota([shape[axis]], 0);
  const before = taken(b, buffer, b.binary("add", step, b.constant(sizeOf(buffer) - offset, "i32")));
  const early = b.binary("lt", step, b.constant(offset, "i32"));
  return b.select(b.broadcast(early, shape, [axis]), stepsAt(b, before, axis), b.op("shift", attrs, [x]), hint);
}

/** Steps by their number relative to the first at hand; those before it stand in the buffer. */
function relative(b: Builder, step: Value, buffer: Value, rows: Value): Value {
  const isNew = atLeast(b, step, 0);
  const before = taken(b, buffer, b.binary("add", step, b.constant(sizeOf(buffer), "i32")));
  return b.select(repeated(b, isNew, before), taken(b, rows, step), before);
}

const sizeOf = (buffer: Value) => Number(buffer.type.shape[0]);

const atLeast = (b: Builder, value: Value, least: number) => b.binary("ge", value, b.constant(least, "i32"));

/** Rows of a table; numbers outside of it give its first or last. */
function taken(b: Builder, table: Value, row: Value): Value {
  const [rows] = table.type.shape;
  const count = typeof rows === "number" ? b.constant(rows, "i32") : b.op("length", { name: rows }, []);
  const last = b.binary("sub", count, b.constant(1, "i32"));
  const inside = b.binary("max", b.binary("min", row, last), b.constant(0, "i32"));
  return b.op("gather", {}, [table, inside]);
}

/** One value a row, for all of the row. */
function repeated(b: Builder, value: Value, rows: Value): Value {
  return b.broadcast(value, rows.type.shape, [0]);
}
