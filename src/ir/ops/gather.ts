/** @file Table look-up. */

import { invariant } from "../../support/assert.js";
import type { Builder } from "../builder.js";
import { ndarray, numel } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { stackAxis } from "../shape.js";
import type { Dim, Type, Value } from "../types.js";
import { expectArity, expectType, moveAxis, moveLoopAxis } from "./shared.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** Label of the loop's axis. */
const STEP = "S";

const gather: OpRule<"gather"> = {
  lowering: "gather",
  type(_, args) {
    expectArity("gather", args, 2);
    const [table, index] = args;
    expectType(table.shape.length > 0, "gather", args, "the table has no axis");
    expectType(index.elem === "i32", "gather", args, "the index is not i32");
    return [{ elem: table.elem, shape: [...index.shape, ...table.shape.slice(1)] }];
  },
  evaluate(_, [table, index]) {
    const [rows, ...rest] = table.shape;
    const width = numel(rest);
    const out = ndarray([...index.shape, ...rest]);
    index.data.forEach((row, i) => {
      invariant(row >= 0 && row < rows, "interpret", `gather reads row ${row} of a table of ${rows}`);
      out.data.set(table.data.subarray(row * width, (row + 1) * width), i * width);
    });
    return [out];
  },
  /** A contraction with the index as one-hot rows, so that no scatter is needed (the scheduler inlines them). */
  vjp(b, { args: [table, index] }, [g]) {
    if (g === undefined) return [undefined, undefined];
    const place = LETTERS.slice(0, index.type.shape.length);
    const rest = LETTERS.slice(place.length, g.type.shape.length);
    return [b.contract(oneHot(b, index, table.type.shape[0]), g, `${place}V`, place + rest, `V${rest}`), undefined];
  },
  /** Where the tables of the steps are read at the same places, the steps stand beside the rows. */
  lift(b, { args: [table, index], results: [out] }, [tables, places]) {
    const rank = index.type.shape.length;
    if (!tables.stacked) {
      const all = b.op("gather", {}, [tables.value, places.value], out.hint);
      return [moveLoopAxis(b, all, stackAxis(index.type), out.type)];
    }
    if (!places.stacked) {
      const rows = moveAxis(b, tables.value, stackAxis(table.type), 1);
      return [moveLoopAxis(b, b.op("gather", {}, [rows, places.value], out.hint), rank, out.type)];
    }
    const place = LETTERS.slice(0, rank);
    const rest = LETTERS.slice(rank, out.type.shape.length);
    const labels = (step: Type, own: string) => own.slice(0, stackAxis(step)) + STEP + own.slice(stackAxis(step));
    const [hot, all] = [labels(index.type, place), labels(out.type, place + rest)];
    const ids = table.type.elem === "i32";
    const rows = ids ? b.unary("to_f32", tables.value) : tables.value;
    const kept = oneHot(b, places.value, table.type.shape[0]);
    const read = b.contract(kept, rows, `${hot}V`, labels(table.type, `V${rest}`), all, out.hint);
    return [ids ? b.unary("to_i32", read) : read];
  },
};

/** 1 where the last axis is at the index, else 0. */
function oneHot(b: Builder, index: Value, rows: Dim): Value {
  const places = index.type.shape;
  const shape = [...places, rows];
  const wide = b.broadcast(
    index,
    shape,
    places.map((_, axis) => axis),
  );
  return b.unary("to_f32", b.binary("eq", wide, b.iota(shape, places.length)));
}

export const gathers = { gather };
