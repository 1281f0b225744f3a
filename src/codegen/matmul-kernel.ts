/**
 * @file A contraction as a tiled matrix product. The labels of the result are those of the left side alone (rows),
 * of the right side alone (columns) and of both (one product each); the rest is summed. What feeds the product and is
 * stored nowhere (a table look-up, a one-hot) is computed while a tile is loaded; what follows it at the same element
 * (a bias) before a tile is stored.
 */

import type { Dim, Value } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, storeElement } from "./context.js";
import { add, call, type Expr, f32, GROUP, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { delinear, elementKey, type Index, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

/** Threads are SIDE × SIDE; the results of one lie SIDE apart, so that neighbours touch neighbours. */
const SIDE = 8;
const DEPTH = 8;
const WORKGROUP = SIDE * SIDE;
/** Results a thread has along one side: the more, the fewer reads a product, the fewer workgroups. */
const PATCHES = [8, 4, 2];

/** One side of the product: what is read, and the tile of it in workgroup memory. */
interface Operand {
  readonly array: string;
  readonly value: Value;
  readonly labels: string;
  readonly axis: Axes;
  readonly start: Expr;
  readonly patch: number;
}

interface Axes {
  readonly labels: readonly string[];
  readonly dims: readonly Dim[];
}

export function matmulKernel(name: string, group: Extract<Group, { kind: "matmul" }>, context: KernelContext): Kernel {
  const { anchor, roots } = group;
  const { out } = anchor.attrs;
  // The side that the result ends with makes the columns, so that neighbouring threads store to neighbouring memory.
  const swap = !anchor.attrs.rhs.includes(out[out.length - 1]);
  const [lhs, rhs] = swap ? [anchor.attrs.rhs, anchor.attrs.lhs] : [anchor.attrs.lhs, anchor.attrs.rhs];
  const [a, b] = swap ? [anchor.args[1], anchor.args[0]] : anchor.args;
  const axes = (keep: (label: string) => boolean, labels: string, value: Value): Axes => {
    const kept = [...labels].filter(keep);
    return { labels: kept, dims: kept.map((l) => value.type.shape[labels.indexOf(l)]) };
  };
  const rows = axes((l) => out.includes(l) && !rhs.includes(l), lhs, a);
  const columns = axes((l) => out.includes(l) && !lhs.includes(l), rhs, b);
  const batch = axes((l) => out.includes(l) && rhs.includes(l), lhs, a);
  const depth = axes((l) => !out.includes(l), lhs, a);

  const block = new Block();
  const scalars = new Scalarizer(block, context.definitions, located(context, new Set(roots.map((r) => r.id))));
  const [height, width] = [patch(rows.dims), patch(columns.dims)];
  const across = block.let(tiles(columns.dims, width * SIDE), "across");
  const down = block.let(tiles(rows.dims, height * SIDE), "down");
  const rest = block.let(infix("/", GROUP, across), "rest");
  const column0 = block.let(mul(infix("%", GROUP, across), u32(width * SIDE)), "column0");
  const single = batch.dims.length === 0;
  const row0 = block.let(mul(single ? rest : infix("%", rest, down), u32(height * SIDE)), "row0");
  const which = single ? u32(0) : block.let(infix("/", rest, down), "which");
  const batchIndex = delinear(batch.dims, which);
  const threadRow = block.let(infix("/", THREAD, u32(SIDE)), "thread_row");
  const threadColumn = block.let(infix("%", THREAD, u32(SIDE)), "thread_column");

  /** The index of an array with `labels`, given the flat places along rows or columns, and depth. */
  const indexOf = (labels: string, parts: readonly (readonly [Axes, Index])[]): Index =>
    [...labels].map((label) => {
      for (const [axis, index] of parts) {
        const at = axis.labels.indexOf(label);
        if (at >= 0) return index[at];
      }
      return u32(0);
    });

  const left: Operand = { array: `${name}_left`, value: a, labels: lhs, axis: rows, start: row0, patch: height };
  const right: Operand = { array: `${name}_right`, value: b, labels: rhs, axis: columns, start: column0, patch: width };
  const sums: Expr[][] = [];
  for (let i = 0; i < height; i++) {
    sums.push(Array.from({ length: width }, (_, j) => block.variable(f32(0), `sum_${i}${j}`)));
  }

  const whole = depth.dims.every((d) => typeof d === "number") && product(depth.dims);
  const ragged = !(whole && whole.kind === "literal" && whole.value % DEPTH === 0);

  const loadTile = ({ array, value, labels, axis, start, patch: side }: Operand, k0: Expr) => {
    const tile = side * SIDE;
    // Neighbouring threads read neighbouring memory: along whatever axis the array ends with.
    const alongDepth = depth.labels.includes(labels[labels.length - 1]);
    const fast = alongDepth ? DEPTH : Math.min(tile, WORKGROUP);
    const perPass = WORKGROUP / fast;
    const quick = block.let(infix("%", THREAD, u32(fast)), "quick");
    const slow = block.let(infix("/", THREAD, u32(fast)), "slow");
    for (let pass = 0; pass < (tile * DEPTH) / WORKGROUP; pass++) {
      const other = add(slow, u32(pass * perPass));
      const [place, k] = alongDepth ? [other, quick] : [quick, other];
      const deep = block.let(add(k0, k), "deep");
      const index = indexOf(labels, [
        [batch, batchIndex],
        [axis, delinear(axis.dims, block.let(add(start, place), "place"))],
        [depth, delinear(depth.dims, deep)],
      ]);
      const element = scalars.at({ value, index });
      const safe = ragged ? call("select", "f32", f32(0), element, infix("<", deep, product(depth.dims))) : element;
      block.store(array, add(mul(k, u32(tile)), place), safe);
    }
  };

  block.loop(
    "k0",
    product(depth.dims),
    (k0) => {
      loadTile(left, k0);
      loadTile(right, k0);
      block.barrier(false);
      block.loop("k", u32(DEPTH), (k) => {
        const line = ({ array, patch: side }: Operand, first: Expr) =>
          Array.from({ length: side }, (_, i) =>
            block.read(load(array, add(mul(k, u32(side * SIDE)), add(first, u32(i * SIDE)))), "x"),
          );
        const [column, row] = [line(left, threadRow), line(right, threadColumn)];
        sums.forEach((line, i) => {
          line.forEach((sum, j) => {
            block.assign(sum, add(sum, mul(column[i], row[j])));
          });
        });
      });
      block.barrier(false);
    },
    u32(0),
    u32(DEPTH),
  );

  // Nothing to check where whole tiles fill the result.
  const within = (place: Expr, dims: readonly Dim[], tile: number): Expr | undefined => {
    const limit = product(dims);
    return limit.kind === "literal" && limit.value % tile === 0 ? undefined : infix("<", place, limit);
  };
  const known = single ? undefined : infix("<", which, product(batch.dims));
  block.guarded(known, () => {
    sums.forEach((line, i) => {
      const row = block.let(add(row0, add(threadRow, u32(i * SIDE))), "row");
      block.guarded(within(row, rows.dims, height * SIDE), () => {
        line.forEach((sum, j) => {
          const column = block.let(add(column0, add(threadColumn, u32(j * SIDE))), "column");
          block.guarded(within(column, columns.dims, width * SIDE), () => {
            const index = indexOf(out, [
              [batch, batchIndex],
              [rows, delinear(rows.dims, row)],
              [columns, delinear(columns.dims, column)],
            ]);
            block.remember(elementKey({ value: anchor.results[0], index }), sum);
            for (const value of roots) storeElement(block, context, value, index, scalars.at({ value, index }));
          });
        });
      });
    });
  });
  const size = (a: Axes) => a.dims.join("·");
  return {
    name,
    comment: `${roots.map((r) => r.hint ?? `%${r.id}`).join(", ")}: product [${size(rows)}, ${size(depth)}] × [${size(depth)}, ${size(columns)}]`,
    layout: "step",
    workgroupSize: WORKGROUP,
    arrays: [left, right].map(({ array, patch: side }) => ({ name: array, size: side * SIDE * DEPTH })),
    groups: [[count(batch.dims), count(rows.dims, height * SIDE), count(columns.dims, width * SIDE)]],
    body: block.stmts,
  };
}

/** The largest patch that the extent fills, or nearly: a run-time length is taken to be long. */
function patch(dims: readonly Dim[]): number {
  const { factor, lengths } = count(dims);
  if (lengths.length > 0) return PATCHES[0];
  const waste = (side: number) => Math.ceil(factor / (side * SIDE)) * side * SIDE - factor;
  return PATCHES.find((side) => waste(side) <= factor / 4) ?? PATCHES[PATCHES.length - 1];
}

function tiles(dims: readonly Dim[], tile: number): Expr {
  const { factor, lengths } = count(dims);
  if (lengths.length === 0) return u32(Math.ceil(factor / tile));
  return infix("/", add(product(dims), u32(tile - 1)), u32(tile));
}
