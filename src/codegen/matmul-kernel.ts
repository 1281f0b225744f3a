/**
 * @file A contraction as a tiled matrix product. What feeds the product and is stored nowhere (a table look-up, a one-hot)
 * is computed while a tile is loaded; what follows it at the same element (a bias) before a tile is stored.
 */

import type { KernelContext } from "./context.js";
import { dotsKernel } from "./dots-kernel.js";
import { add, call, type Expr, f32, infix, type Kernel, load, mul, THREAD, u32 } from "./kernel-ir.js";
import { isOpen, matmulAxes, SIDE, type Side } from "./matmul-axes.js";
import { MatmulFrame } from "./matmul-frame.js";
import { registersKernels } from "./matmul-registers.js";
import type { Group } from "./schedule.js";

/** Terms of the sums that lie in workgroup memory at a time: the more, the fewer barriers. */
const DEPTH = 16;
/** Terms for which the code of loading is written out. */
const SLAB = 8;
const WORKGROUP = SIDE * SIDE;

/** What is read of one side: a tile of it lies in workgroup memory. */
interface Operand extends Side {
  readonly array: string;
  readonly start: Expr;
}

/** The default comes first, under the plain name. */
export function matmulKernels(
  name: string,
  group: Extract<Group, { kind: "matmul" }>,
  context: KernelContext,
): readonly Kernel[] {
  const usual = [tiledKernel(name, group, context), ...registersKernels(name, group, context)];
  if (!isOpen(matmulAxes(group.anchor).left)) return usual;
  const { anchor, roots, shape } = group;
  return [...usual, dotsKernel(`${name}_dots`, { kind: "dots", shape, anchors: [anchor], roots }, context)];
}

function tiledKernel(name: string, group: Extract<Group, { kind: "matmul" }>, context: KernelContext): Kernel {
  const sides = matmulAxes(group.anchor);
  const [height, width] = [sides.left.patch, sides.right.patch];
  const frame = new MatmulFrame(group, context, { together: false, down: SIDE, across: SIDE, height, width });
  const { block, scalars, terms } = frame;
  const left: Operand = { ...sides.left, array: `${name}_left`, start: frame.row0 };
  const right: Operand = { ...sides.right, array: `${name}_right`, start: frame.column0 };
  const sums: Expr[][] = [];
  for (let i = 0; i < height; i++) {
    sums.push(Array.from({ length: width }, (_, j) => block.variable(f32(0), `sum_${i}${j}`)));
  }
  const deepness = terms.kind === "literal" && terms.value <= SLAB ? SLAB : DEPTH;
  const ragged = !(terms.kind === "literal" && terms.value % deepness === 0);

  const loadTile = (operand: Operand, k0: Expr, slab: Expr) => {
    const { array, labels, start, patch: side } = operand;
    const tile = side * SIDE;
    // Neighbouring threads read neighbouring memory: along whatever axis the array ends with.
    const alongDepth = sides.depth.labels.includes(labels[labels.length - 1]);
    const fast = alongDepth ? SLAB : Math.min(tile, WORKGROUP);
    const perPass = WORKGROUP / fast;
    const quick = block.let(infix("%", THREAD, u32(fast)), "quick");
    const slow = block.let(infix("/", THREAD, u32(fast)), "slow");
    for (let pass = 0; pass < (tile * SLAB) / WORKGROUP; pass++) {
      const other = add(slow, u32(pass * perPass));
      const [place, within] = alongDepth ? [other, quick] : [quick, other];
      const k = add(slab, within);
      const deep = block.let(add(k0, k), "deep");
      const element = scalars.at(frame.factor(operand, block.let(add(start, place), "place"), deep));
      const safe = ragged ? call("select", "f32", f32(0), element, infix("<", deep, terms)) : element;
      block.store(array, add(mul(k, u32(tile)), place), safe);
    }
  };

  const [from, end] = frame.range();
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
        const line = ({ array, patch: side }: Operand, place: (i: Expr) => Expr) =>
          Array.from({ length: side }, (_, i) =>
            block.read(load(array, add(mul(k, u32(side * SIDE)), place(u32(i)))), "x"),
          );
        const column = line(left, (i) => frame.row(i));
        const row = line(right, (j) => frame.column(j));
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

  frame.withinProducts(() => {
    sums.forEach((line, i) => {
      const row = block.let(add(frame.row0, frame.row(u32(i))), "row");
      frame.withinRows(row, () => {
        line.forEach((sum, j) => {
          const column = block.let(add(frame.column0, frame.column(u32(j))), "column");
          frame.withinColumns(column, () => frame.store(row, column, sum));
        });
      });
    });
  });
  // A tile is read once for all threads, and put into memory of the workgroup.
  const fill = (height + width) / SIDE;
  return {
    ...frame.kernel(name, { reads: fill, shared: height + width + fill, products: height * width, turns: 1 }),
    arrays: [left, right].map(({ array, patch: side }) => ({ name: array, size: side * SIDE * deepness })),
  };
}
