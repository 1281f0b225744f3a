/**
 * @file A contraction as a tiled matrix product. What feeds the product and is stored nowhere (a table look-up, a one-hot)
 * is computed while a tile is loaded; what follows it at the same element (a bias) before a tile is stored.
 */

import type { Dim } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, storeElement } from "./context.js";
import { add, call, type Expr, f32, GROUP, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { type Axes, matmulAxes, SIDE, type Side, tilesOf } from "./matmul-axes.js";
import { delinear, elementKey, type Index, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

/** Terms of the sums that lie in workgroup memory at a time: the more, the fewer barriers. */
const DEPTH = 16;
/** Terms for which the code of loading is written out. */
const SLAB = 8;
const WORKGROUP = SIDE * SIDE;

/** A part of a divided sum has no fewer terms. */
const LEAST_PART = 256;

/** What is read of one side: a tile of it lies in workgroup memory. */
interface Operand extends Side {
  readonly array: string;
  readonly start: Expr;
}

export function matmulKernel(name: string, group: Extract<Group, { kind: "matmul" }>, context: KernelContext): Kernel {
  const { anchor, roots } = group;
  const { out } = anchor.attrs;
  const { batch, depth, part, ...sides } = matmulAxes(anchor);
  const [rows, columns] = [sides.left.axis, sides.right.axis];
  const [height, width] = [sides.left.patch, sides.right.patch];

  const block = new Block();
  const scalars = new Scalarizer(block, context.definitions, located(context, new Set(roots.map((r) => r.id))));
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

  const left: Operand = { ...sides.left, array: `${name}_left`, start: row0 };
  const right: Operand = { ...sides.right, array: `${name}_right`, start: column0 };
  const sums: Expr[][] = [];
  for (let i = 0; i < height; i++) {
    sums.push(Array.from({ length: width }, (_, j) => block.variable(f32(0), `sum_${i}${j}`)));
  }

  const terms = product(depth.dims);
  const deepness = terms.kind === "literal" && terms.value <= SLAB ? SLAB : DEPTH;
  const ragged = !(terms.kind === "literal" && terms.value % deepness === 0);

  const loadTile = ({ array, value, labels, axis, start, patch: side }: Operand, k0: Expr, slab: Expr) => {
    const tile = side * SIDE;
    // Neighbouring threads read neighbouring memory: along whatever axis the array ends with.
    const alongDepth = depth.labels.includes(labels[labels.length - 1]);
    const fast = alongDepth ? SLAB : Math.min(tile, WORKGROUP);
    const perPass = WORKGROUP / fast;
    const quick = block.let(infix("%", THREAD, u32(fast)), "quick");
    const slow = block.let(infix("/", THREAD, u32(fast)), "slow");
    for (let pass = 0; pass < (tile * SLAB) / WORKGROUP; pass++) {
      const other = add(slow, u32(pass * perPass));
      const [place, within] = alongDepth ? [other, quick] : [quick, other];
      const k = add(slab, within);
      const deep = block.let(add(k0, k), "deep");
      const index = indexOf(labels, [
        [batch, batchIndex],
        [axis, delinear(axis.dims, block.let(add(start, place), "place"))],
        [depth, delinear(depth.dims, deep)],
      ]);
      const element = scalars.at({ value, index });
      const safe = ragged ? call("select", "f32", f32(0), element, infix("<", deep, terms)) : element;
      block.store(array, add(mul(k, u32(tile)), place), safe);
    }
  };

  const [from, end] = part === undefined ? [u32(0), terms] : range(block, terms, batch, batchIndex, part);
  block.loop(
    "k0",
    end,
    (k0) => {
      const loadSlab = (slab: Expr) => {
        loadTile(left, k0, slab);
        loadTile(right, k0, slab);
      };
      if (deepness === SLAB) loadSlab(u32(0));
      else block.loop("slab", u32(deepness / SLAB), (i) => loadSlab(mul(i, u32(SLAB))));
      block.barrier(false);
      block.loop("k", u32(deepness), (k) => {
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
    from,
    u32(deepness),
  );

  // Nothing to check where whole tiles fill the result.
  const within = (place: Expr, dims: readonly Dim[], tile: number): Expr | undefined => {
    const limit = product(dims);
    return limit.kind === "literal" && limit.value % tile === 0 ? undefined : infix("<", place, limit);
  };
  const known = single || tilesOf(anchor) !== undefined ? undefined : infix("<", which, product(batch.dims));
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
    arrays: [left, right].map(({ array, patch: side }) => ({ name: array, size: side * SIDE * deepness })),
    groups: [[count(batch.dims), count(rows.dims, height * SIDE), count(columns.dims, width * SIDE)]],
    body: block.stmts,
  };
}

/** From which term to which a part of the sum goes; none where the sum ends before. */
function range(block: Block, terms: Expr, batch: Axes, index: Index, part: string): readonly [Expr, Expr] {
  const at = batch.labels.indexOf(part);
  const equal = infix("/", add(terms, u32(Number(batch.dims[at]) - 1)), u32(Number(batch.dims[at])));
  const whole = mul(infix("/", add(equal, u32(DEPTH - 1)), u32(DEPTH)), u32(DEPTH));
  const each = block.let(call("max", "u32", whole, u32(LEAST_PART)), "each");
  const from = block.let(mul(index[at], each), "from");
  return [from, block.let(call("min", "u32", terms, add(from, each)), "end")];
}

function tiles(dims: readonly Dim[], tile: number): Expr {
  const { factor, lengths } = count(dims);
  if (lengths.length === 0) return u32(Math.ceil(factor / tile));
  return infix("/", add(product(dims), u32(tile - 1)), u32(tile));
}
