/** @file Table look-up. */

import { invariant } from "../../support/assert.js";
import { ndarray, numel } from "../ndarray.js";
import type { OpRule } from "../rule.js";
import { stackAxis } from "../shape.js";
import { expectArity, expectType, moveLoopAxis } from "./shared.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

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
    const places = index.type.shape;
    const shape = [...places, table.type.shape[0]];
    const wide = b.broadcast(
      index,
      shape,
      places.map((_, axis) => axis),
    );
    const oneHot = b.unary("to_f32", b.binary("eq", wide, b.iota(shape, places.length)));
    const place = LETTERS.slice(0, places.length);
    const rest = LETTERS.slice(places.length, g.type.shape.length);
    return [b.contract(oneHot, g, `${place}V`, place + rest, `V${rest}`), undefined];
  },
  /** Only where all steps read one table. */
  lift(b, { args: [, index], results: [out] }, [table, wide]) {
    if (table.stacked) return undefined;
    const all = b.op("gather", {}, [table.value, wide.value], out.hint);
    return [moveLoopAxis(b, all, stackAxis(index.type), out.type)];
  },
};

export const gathers = { gather };
