/**
 * @file Work with an accumulation along what lies side by side in memory (a softmax, a norm, a cross-entropy), several
 * threads an element: they take neighbouring terms, join what they have in a tree, and all go on with the result. A thread
 * an element (`map-kernel.ts`) would read far apart from its neighbours, and one after another.
 */

import type { Work } from "../../runtime/manifest.js";
import type { ValueId } from "../ir/types.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, namesOf, storeElement } from "./context.js";
import { joinInTree } from "./join-tree.js";
import { add, call, GROUP, infix, type Kernel, load, mul, THREAD, u32, type WorkgroupArray } from "./kernel-ir.js";
import { reductions } from "./scalar-ops.js";
import {
  type Accumulating,
  type Accumulation,
  accumulation,
  decode,
  delinear,
  elementKey,
  encode,
  type Index,
  product,
  Scalarizer,
  termsOf,
} from "./scalarize.js";
import type { Group } from "./schedule.js";
import { ownIndex, walk } from "./walk.js";

const WORKGROUP = 64;
/** Threads an element; fewer terms are not worth a tree. */
const LANES = 16;
const LEAST_TERMS = 2 * LANES;

type MapGroup = Extract<Group, { kind: "map" }>;

/** The sums of a group's elements that several threads may share: long, and not within another sum. */
export function sharedSums({ roots }: MapGroup, { definitions, readAddress }: KernelContext): readonly Accumulation[] {
  if (roots.some(({ id }) => !definitions.has(id))) return [];
  const own = new Set(roots.map(({ id }) => id));
  const found: Accumulation[] = [];
  for (const value of roots) {
    walk({ value, index: ownIndex(value.type.shape) }, definitions, {
      stored: (read) => !own.has(read.id) && readAddress(read) !== undefined,
      reached: () => undefined,
      accumulated: (instr, _, depth) => {
        if (depth === 0 && endsInSum(instr)) found.push(accumulation(instr));
      },
    });
  }
  return found.filter(({ dims }) => termsOf(dims) >= LEAST_TERMS);
}

/** Whether the terms of a sum stand side by side in (one of) what it sums. */
function endsInSum(instr: Accumulating): boolean {
  if (instr.op === "reduce") return instr.attrs.axes.includes(instr.args[0].type.shape.length - 1);
  const { lhs, rhs, out } = instr.attrs;
  return [lhs, rhs].some((labels) => labels.length > 0 && !out.includes(labels[labels.length - 1]));
}

/** What these sums of an element are to its threads, all of them together. */
export function workOfSums(sums: readonly Accumulation[], lanes: 1 | typeof LANES): Work {
  const each = { reads: sums.length, shared: 0, products: sums.length, turns: 1 };
  return { terms: count(sums[0].dims, lanes), ...each, ...(lanes === 1 && { apart: true }) };
}

/** @param sums those that its threads share, at least one. */
export function rowKernel(
  name: string,
  group: MapGroup,
  sums: readonly Accumulation[],
  context: KernelContext,
): Kernel {
  const { shape, roots } = group;
  const rows = WORKGROUP / LANES;
  const block = new Block();
  const lane = block.let(infix("%", THREAD, u32(LANES)), "lane");
  const place = block.let(add(mul(GROUP, u32(rows)), infix("/", THREAD, u32(LANES))), "place");
  const elements = product(shape);
  // Threads past the end do the last element again, for the barriers' sake.
  const index = delinear(shape, block.let(call("min", "u32", place, infix("-", elements, u32(1))), "element"));
  const scalars = new RowScalarizer(block, context, new Set(roots.map((root) => root.id)), name, lane);
  const results = roots.map((value) => scalars.at({ value, index }));
  const writes = infix("&&", infix("==", lane, u32(0)), infix("<", place, elements));
  block.if(writes, () => {
    for (const [i, value] of roots.entries()) storeElement(block, context, value, index, results[i]);
  });
  return {
    name,
    comment: `${namesOf(roots)} over [${shape.join(", ")}], ${LANES} threads an element`,
    workgroupSize: WORKGROUP,
    arrays: scalars.arrays,
    groups: [[count(shape, rows)]],
    work: [workOfSums(sums, LANES)],
    body: block.stmts,
  };
}

class RowScalarizer extends Scalarizer {
  readonly arrays: WorkgroupArray[] = [];

  constructor(
    block: Block,
    context: KernelContext,
    own: ReadonlySet<ValueId>,
    private readonly name: string,
    private readonly lane: ReturnType<typeof u32>,
  ) {
    super(block, context.definitions, located(context, own));
  }

  /** Sums within sums stay a thread's own. */
  override accumulate(requests: readonly { readonly instr: Accumulating; readonly index: Index }[]): void {
    const isShared = ({ instr }: { readonly instr: Accumulating }) =>
      this.block.depth === 0 && termsOf(accumulation(instr).dims) >= LEAST_TERMS;
    super.accumulate(requests.filter((request) => !isShared(request)));
    for (const { instr, index } of requests.filter(isShared)) this.#share(instr, index);
  }

  #share(instr: Accumulating, index: Index): void {
    const { block, lane } = this;
    const key = elementKey({ value: instr.results[0], index });
    if (block.recall(key)) return;
    const { dims, kind, type, factors } = accumulation(instr);
    const { start, join } = reductions[kind];
    const partial = block.variable(start(type), "partial");
    block.loop(
      "term",
      product(dims),
      (term) => block.assign(partial, join(partial, this.product(factors(index, delinear(dims, term))))),
      lane,
      u32(LANES),
    );
    const memory = `${this.name}_parts_${this.arrays.length}`;
    this.arrays.push({ name: memory, size: WORKGROUP });
    block.store(memory, THREAD, encode(partial));
    joinInTree(block, lane, LANES, 1, [{ memory, kind }]);
    block.barrier(false);
    const first = infix("-", THREAD, lane);
    block.remember(key, decode(block.read(load(memory, first), "total"), instr.results[0].type));
  }
}
