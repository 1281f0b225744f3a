/**
 * @file A matrix product without memory of the workgroup: each thread has a large tile of the result in registers and reads
 * its rows and columns from the buffers. For software adapters, to which memory of a workgroup is as far away as any other
 * and barriers are dear; so is reading, hence the large tile, and quads of threads that share what they read.
 */

import type { KernelContext } from "./context.js";
import { dot, fourOf } from "./fours.js";
import { add, call, type Expr, f32, infix, type Kernel, load, mul, QUAD, u32 } from "./kernel-ir.js";
import { isOpen, matmulAxes, patchOf, type Side } from "./matmul-axes.js";
import { MatmulFrame, type Tile } from "./matmul-frame.js";
import type { Group } from "./schedule.js";

const WORKGROUP = 32;

/** Quads lie along rows of the result, of which all their threads read the same; along columns where there are few. */
function tileOf(left: Side, right: Side): Tile {
  const wide = patchOf(right.axis.dims, QUAD, [8, 4]);
  const across = right.axis.dims.every((d) => typeof d === "number") && product(right.axis.dims) < 2 * QUAD ? 1 : QUAD;
  const width = across === 1 ? product(right.axis.dims) : wide;
  const down = WORKGROUP / across;
  return { together: true, down, across, height: patchOf(left.axis.dims, down, [16, 8, 4, 2]), width };
}

/** Rows of a thread where there are few: products that nothing needs cost less than reading what they are of. */
const FEW = 4;

/** For few rows all threads lie along columns: what rows are multiplied by is read once for all of them. */
function fewRowsTile(right: Side): Tile {
  const width = patchOf(right.axis.dims, WORKGROUP, [8, 4, 2, 1]);
  return { together: true, down: 1, across: WORKGROUP, height: FEW, width };
}

/** The kernel for any number of rows; where only the run says how many there are, one for few. */
export function registersKernels(
  name: string,
  group: Extract<Group, { kind: "matmul" }>,
  context: KernelContext,
): readonly Kernel[] {
  const { left, right } = matmulAxes(group.anchor);
  const make = (suffix: string, tile: Tile) => registersKernel(`${name}_${suffix}`, group, context, tile);
  return [make("registers", tileOf(left, right)), ...(isOpen(left) ? [make("few", fewRowsTile(right))] : [])];
}

const product = (dims: readonly (number | string)[]) => dims.reduce((n: number, d) => n * Number(d), 1);

function registersKernel(
  name: string,
  group: Extract<Group, { kind: "matmul" }>,
  context: KernelContext,
  tile: Tile,
): Kernel {
  const { left, right } = matmulAxes(group.anchor);
  const { height, width } = tile;
  const frame = new MatmulFrame(group, context, tile);
  const { block, scalars, terms } = frame;
  const places = (n: number, place: (i: Expr) => Expr) => Array.from({ length: n }, (_, i) => place(u32(i)));
  const rows = places(height, (i) => block.let(add(frame.row0, frame.row(i)), "row"));
  const columns = places(width, (j) => block.let(add(frame.column0, frame.column(j)), "column"));
  const sums = rows.map(() => columns.map(() => block.variable(f32(0), "sum")));

  const ragged = !(terms.kind === "literal" && terms.value % QUAD === 0);
  const [from, end] = frame.range();
  block.loop(
    "k",
    end,
    (k) => {
      // Behind the last term it is read again, and counts nothing.
      const safe = (term: Expr) => {
        const last = infix("-", terms, u32(1));
        return ragged ? block.let(call("min", "u32", term, last), "term") : term;
      };
      const four = (side: Side, place: Expr) =>
        fourOf(block, scalars, (term) => frame.factor(side, place, safe(term)), k);
      const counts = [0, 1, 2, 3].map((i) => call("f32", "f32", infix("<", add(k, u32(i)), terms)));
      const counted = ragged ? block.let(call("vec4<f32>", "vec4<f32>", ...counts), "counted") : undefined;
      const factors = columns.map((column) => {
        const all = four(right, column);
        return counted === undefined ? all : block.let(mul(all, counted), "four");
      });
      rows.forEach((row, i) => {
        const others = four(left, row);
        sums[i].forEach((sum, j) => {
          block.assign(sum, add(sum, dot(others, factors[j])));
        });
      });
    },
    from,
    u32(QUAD),
  );

  const held = block.array(sums.flat(), "sums");
  frame.withinProducts(() => {
    block.loop("i", u32(height), (i) => {
      const row = block.let(add(frame.row0, frame.row(i)), "row");
      frame.withinRows(row, () => {
        columns.forEach((column, j) => {
          frame.withinColumns(column, () => {
            frame.store(row, column, block.read(load(held, add(mul(i, u32(width)), u32(j))), "sum"));
          });
        });
      });
    });
  });
  const [shared, own] = tile.across === 1 ? [width, height] : [height, width];
  const reads = own + shared / QUAD;
  return { ...frame.kernel(name, { reads, shared: 0, products: height * width, turns: 1 / QUAD }), arrays: [] };
}
