/**
 * @file What kernels of a matrix product share: which results a thread has, how the elements behind them are indexed, and how
 * results are stored, with all that follows from them at the same element.
 */

import type { Work } from "../../runtime/manifest.js";
import type { Dim } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, namesOf, storeElement } from "./context.js";
import { add, call, type Expr, GROUP, infix, type Kernel, mul, THREAD, u32 } from "./kernel-ir.js";
import { type Axes, type MatmulAxes, matmulAxes, type Side } from "./matmul-axes.js";
import { delinear, type Element, elementKey, type Index, product, Scalarizer } from "./scalarize.js";
import type { Group } from "./schedule.js";

/** Threads of a workgroup, and results of each. */
export interface Tile {
  /** Results of a thread lie next to each other, so that it uses all of a cache line; else those of neighbouring threads do. */
  readonly together: boolean;
  readonly down: number;
  readonly across: number;
  readonly height: number;
  readonly width: number;
}

/** A part of a divided sum has no fewer terms, and a multiple of the last. */
const LEAST_PART = 256;
const PART_UNIT = 16;

export class MatmulFrame {
  readonly block = new Block();
  readonly scalars: Scalarizer;
  readonly axes: MatmulAxes;
  /** The first row and column of the workgroup. */
  readonly row0: Expr;
  readonly column0: Expr;
  readonly #threadRow: Expr;
  readonly #threadColumn: Expr;
  /** Which product, where there are several. */
  readonly #which: Expr;
  readonly #batchIndex: Index;

  constructor(
    readonly group: Extract<Group, { kind: "matmul" }>,
    readonly context: KernelContext,
    readonly tile: Tile,
  ) {
    const { block } = this;
    const own = new Set(group.roots.map((r) => r.id));
    this.scalars = new Scalarizer(block, context.definitions, located(context, own));
    this.axes = matmulAxes(group.anchor);
    const { batch, left, right } = this.axes;
    const [height, width] = [tile.height * tile.down, tile.width * tile.across];
    const across = block.let(tiles(right.axis.dims, width), "across");
    const down = block.let(tiles(left.axis.dims, height), "down");
    const rest = block.let(infix("/", GROUP, across), "rest");
    this.column0 = block.let(mul(infix("%", GROUP, across), u32(width)), "column0");
    const single = batch.dims.length === 0;
    this.row0 = block.let(mul(single ? rest : infix("%", rest, down), u32(height)), "row0");
    this.#which = single ? u32(0) : block.let(infix("/", rest, down), "which");
    this.#batchIndex = delinear(batch.dims, this.#which);
    this.#threadRow = block.let(infix("/", THREAD, u32(tile.across)), "thread_row");
    this.#threadColumn = block.let(infix("%", THREAD, u32(tile.across)), "thread_column");
  }

  /** A place within the tile of the i-th row that the thread has, and of the j-th column. */
  row(i: Expr): Expr {
    const { together, down, height } = this.tile;
    return together ? add(mul(this.#threadRow, u32(height)), i) : add(this.#threadRow, mul(i, u32(down)));
  }

  column(j: Expr): Expr {
    const { together, across, width } = this.tile;
    return together ? add(mul(this.#threadColumn, u32(width)), j) : add(this.#threadColumn, mul(j, u32(across)));
  }

  /** What one side gives to a term of the sum, at a flat place along its rows or columns. */
  factor({ value, labels, axis }: Side, place: Expr, term: Expr): Element {
    const { depth } = this.axes;
    const index = this.#indexOf(labels, [
      [axis, delinear(axis.dims, place)],
      [depth, delinear(depth.dims, term)],
    ]);
    return { value, index };
  }

  get terms(): Expr {
    return product(this.axes.depth.dims);
  }

  /** From which term to which the sum goes; where only a part of it is asked for, none if the sum ends before. */
  range(): readonly [from: Expr, end: Expr] {
    const { block, terms } = this;
    const { batch, part } = this.axes;
    if (part === undefined) return [u32(0), terms];
    const at = batch.labels.indexOf(part);
    const parts = Number(batch.dims[at]);
    const equal = infix("/", add(terms, u32(parts - 1)), u32(parts));
    const whole = mul(infix("/", add(equal, u32(PART_UNIT - 1)), u32(PART_UNIT)), u32(PART_UNIT));
    const each = block.let(call("max", "u32", whole, u32(LEAST_PART)), "each");
    const from = block.let(mul(this.#batchIndex[at], each), "from");
    return [from, block.let(call("min", "u32", terms, add(from, each)), "end")];
  }

  /** In a scope of its own, of which nothing is left where tiles fill the result. @param tile rows of the workgroup. */
  withinRows(place: Expr, body: () => void): void {
    this.block.guarded(within(place, this.axes.left.axis.dims, this.tile.height * this.tile.down), body);
  }

  withinColumns(place: Expr, body: () => void): void {
    this.block.guarded(within(place, this.axes.right.axis.dims, this.tile.width * this.tile.across), body);
  }

  /** Workgroups may be more than there are tiles where run-time lengths count them. */
  withinProducts(body: () => void): void {
    const { batch, left, right } = this.axes;
    const known = [batch, left.axis, right.axis].every(({ dims }) => count(dims).lengths.length === 0);
    const needless = batch.dims.length === 0 || known;
    this.block.guarded(needless ? undefined : infix("<", this.#which, product(batch.dims)), body);
  }

  /** Stores what is made of the sum at a flat row and column. */
  store(row: Expr, column: Expr, sum: Expr): void {
    const { block, context, scalars } = this;
    const { anchor, roots } = this.group;
    const { left, right } = this.axes;
    const index = this.#indexOf(anchor.attrs.out, [
      [left.axis, delinear(left.axis.dims, row)],
      [right.axis, delinear(right.axis.dims, column)],
    ]);
    block.remember(elementKey({ value: anchor.results[0], index }), sum);
    for (const value of roots) storeElement(block, context, value, index, scalars.at({ value, index }));
  }

  kernel(name: string, work: Omit<Work, "terms">): Omit<Kernel, "arrays"> {
    const { tile, block } = this;
    const { batch, left, right, depth, part } = this.axes;
    const { roots } = this.group;
    const size = (a: Axes) => a.dims.join("·");
    const parts = part === undefined ? 1 : Number(batch.dims[batch.labels.indexOf(part)]);
    const shape = `[${size(left.axis)}, ${size(depth)}] × [${size(depth)}, ${size(right.axis)}]`;
    return {
      name,
      comment: `${namesOf(roots)}: product ${shape}`,
      workgroupSize: tile.down * tile.across,
      height: tile.height,
      width: tile.width,
      quads: block.quads,
      groups: [
        [
          count(batch.dims),
          count(left.axis.dims, tile.height * tile.down),
          count(right.axis.dims, tile.width * tile.across),
        ],
      ],
      work: [{ terms: count(depth.dims, parts), ...work }],
      body: block.stmts,
    };
  }

  /** The index of an array with `labels`, given that along some axes. */
  #indexOf(labels: string, parts: readonly (readonly [Axes, Index])[]): Index {
    const known: typeof parts = [[this.axes.batch, this.#batchIndex], ...parts];
    return [...labels].map((label) => {
      for (const [axis, index] of known) {
        const at = axis.labels.indexOf(label);
        if (at >= 0) return index[at];
      }
      return u32(0);
    });
  }
}

/** Nothing to check where whole tiles fill the result. */
function within(place: Expr, dims: readonly Dim[], tile: number): Expr | undefined {
  const limit = product(dims);
  return limit.kind === "literal" && limit.value % tile === 0 ? undefined : infix("<", place, limit);
}

function tiles(dims: readonly Dim[], tile: number): Expr {
  const { factor, lengths } = count(dims);
  if (lengths.length === 0) return u32(Math.ceil(factor / tile));
  return infix("/", add(product(dims), u32(tile - 1)), u32(tile));
}
