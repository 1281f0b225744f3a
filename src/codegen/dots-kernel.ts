/**
 * @file Sums of one step of a loop: an element's terms are shared by threads of a workgroup, and a thread does several
 * examples at a time, so that a weight is read once for them. Sums of one shape and depth (all gates of a cell) stand in one
 * kernel, with what follows them at the same element.
 *
 * Unlike a tiled product it needs no more than a few examples to fill a device, and one barrier in all.
 */

import { BATCH } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, namesOf, storeElement } from "./context.js";
import { add, call, type Expr, GROUP, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { reductions } from "./scalar-ops.js";
import {
  type Accumulating,
  accumulation,
  decode,
  delinear,
  elementKey,
  encode,
  extent,
  type Index,
  product,
  Scalarizer,
  termsOf,
} from "./scalarize.js";
import type { Group } from "./schedule.js";

const WORKGROUP = 256;
/** Threads that share the terms of an element: their reads, or those of as many neighbouring elements, are of one piece. */
const LANES = 16;
const COLUMNS = WORKGROUP / LANES;
/** Sums of a thread. */
const MOST_SUMS = 16;
/** Examples of a thread. */
const MOST_ROWS = 4;
/** Terms that are written out, so that as many reads are under way. */
const UNROLLED = 4;

export function dotsKernel(name: string, group: Extract<Group, { kind: "dots" }>, context: KernelContext): Kernel {
  const { anchors, roots, shape } = group;
  const accumulations = anchors.map(accumulation);
  const { dims } = accumulations[0];
  const batch = shape.indexOf(BATCH);
  const shares = batch >= 0 && anchors.some((anchor) => anchor.args.some(({ type }) => !type.shape.includes(BATCH)));
  const rows = shares ? Math.min(MOST_ROWS, Math.floor(MOST_SUMS / anchors.length)) : 1;
  const across = shares ? shape.toSpliced(batch, 1) : shape;

  const block = new Block();
  const scalars = new Scalarizer(block, context.definitions, located(context, new Set(roots.map((r) => r.id))));
  const width = product(across);
  const tiles = block.let(infix("/", add(width, u32(COLUMNS - 1)), u32(COLUMNS)), "tiles");
  const column0 = block.let(mul(shares ? infix("%", GROUP, tiles) : GROUP, u32(COLUMNS)), "column0");
  const row0 = block.let(mul(infix("/", GROUP, tiles), u32(rows)), "row0");
  const last = (size: Expr) => infix("-", size, u32(1));
  const indexAt = (row: Expr, column: Expr): Index => {
    const index = delinear(across, column);
    return shares ? [...index.slice(0, batch), row, ...index.slice(batch)] : index;
  };

  const [fast, slow] = [infix("%", THREAD, u32(LANES)), infix("/", THREAD, u32(LANES))];
  const along = readsAlong(anchors[0]);
  const lane = block.let(along ? fast : slow, "lane");
  const column = block.let(along ? slow : fast, "column");
  const mine = block.let(call("min", "u32", add(column0, column), last(width)), "column");
  const indices = Array.from({ length: rows }, (_, r) => {
    const row = shares ? block.let(call("min", "u32", add(row0, u32(r)), last(extent(BATCH))), "row") : u32(0);
    return indexAt(row, mine);
  });
  const sums = accumulations.map((a) => indices.map(() => block.variable(reductions[a.kind].start(a.type), "partial")));
  const terms = termsOf(dims);
  const unrolled = terms % (UNROLLED * LANES) === 0 ? UNROLLED : 1;
  block.loop(
    "term",
    product(dims),
    (first) => {
      for (let u = 0; u < unrolled; u++) {
        const term = delinear(dims, add(first, u32(u * LANES)));
        accumulations.forEach((a, i) => {
          indices.forEach((index, r) => {
            block.assign(sums[i][r], reductions[a.kind].join(sums[i][r], scalars.product(a.factors(index, term))));
          });
        });
      }
    },
    lane,
    u32(unrolled * LANES),
  );

  const memory = `${name}_partial`;
  const spot = block.let(add(mul(lane, u32(COLUMNS)), column), "spot");
  sums.forEach((line, i) => {
    line.forEach((sum, r) => {
      block.store(memory, add(u32((i * rows + r) * WORKGROUP), spot), encode(sum));
    });
  });
  block.barrier(false);

  const [row, own] = [infix("/", THREAD, u32(COLUMNS)), infix("%", THREAD, u32(COLUMNS))];
  const inside = [infix("<", THREAD, u32(rows * COLUMNS)), infix("<", add(column0, own), width)];
  if (shares) inside.push(infix("<", add(row0, row), extent(BATCH)));
  const all = inside.reduce((a, b) => infix("&&", a, b));
  block.if(all, () => {
    // Named here, so that what follows from them is read by these threads alone.
    const index = indexAt(block.snapshot(add(row0, row), "row"), block.snapshot(add(column0, own), "column"));
    const first = block.snapshot(add(mul(row, u32(WORKGROUP)), own), "first");
    const part = (i: number, from: Expr) => {
      const at = add(u32(i * rows * WORKGROUP), add(first, mul(from, u32(COLUMNS))));
      return decode(block.read(load(memory, at), "part"), anchors[i].results[0].type);
    };
    const totals = accumulations.map((_, i) => block.variable(part(i, u32(0)), "total"));
    const join = (from: Expr) => {
      accumulations.forEach(({ kind }, i) => {
        block.assign(totals[i], reductions[kind].join(totals[i], part(i, from)));
      });
    };
    block.loop("from", u32(LANES), join, u32(1));
    totals.forEach((total, i) => {
      block.remember(elementKey({ value: anchors[i].results[0], index }), total);
    });
    for (const value of roots) storeElement(block, context, value, index, scalars.at({ value, index }));
  });
  return {
    name,
    comment: `${namesOf(roots)} [${shape.join(", ")}]: ${anchors.length} sums over [${dims.join(", ")}]`,
    workgroupSize: WORKGROUP,
    arrays: [{ name: memory, size: WORKGROUP * rows * anchors.length }],
    groups: [[...(shares ? [count([BATCH], rows)] : []), count(across, COLUMNS)]],
    work: [
      {
        terms: count(dims, LANES),
        reads: anchors.length * (rows + 1),
        shared: 0,
        products: anchors.length * rows,
        turns: 1 / unrolled,
      },
    ],
    body: block.stmts,
  };
}

/** Whether neighbouring terms of the larger factor are neighbours in memory. */
function readsAlong(anchor: Accumulating): boolean {
  if (anchor.op === "reduce") return anchor.attrs.axes.includes(anchor.args[0].type.shape.length - 1);
  const { lhs, rhs, out } = anchor.attrs;
  const weights = anchor.args[0].type.shape.includes(BATCH) ? rhs : lhs;
  return !out.includes(weights[weights.length - 1]);
}
