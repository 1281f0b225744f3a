/**
 * @file The time loop inside one dispatch: a workgroup owns a few rows of the batch for the whole sequence, states in
 * registers and workgroup memory. The forward loop and the loop of its derivative are the same kernel to this file.
 */

import type { Work } from "../../runtime/manifest.js";
import { stackAxis } from "../ir/builder.js";
import { BATCH, type Dim, type Instr, type Value, type ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { Block } from "./block.js";
import { count, type KernelContext, located, scanTitle, storeElement } from "./context.js";
import {
  add,
  call,
  type Expr,
  GROUP,
  infix,
  type Kernel,
  keyOf,
  load,
  mul,
  planWord,
  QUAD,
  THREAD,
  u32,
  type WorkgroupArray,
} from "./kernel-ir.js";
import {
  type Accumulating,
  delinear,
  type Element,
  encode,
  type Index,
  isKnown,
  linear,
  product,
  Scalarizer,
} from "./scalarize.js";
import {
  elementIndex,
  isUnrolled,
  type Piece,
  rowShape,
  type ScanPlan,
  staticSize,
  WORKGROUP_MEMORY,
} from "./scan-plan.js";
import { walk } from "./walk.js";

/** An array that the threads of a workgroup share: one region a row, `copies` of it for states. */
interface Shared {
  readonly memory: string;
  /** Where a row of the workgroup has its region, or that of a copy. */
  readonly region: (row: number, copy: Expr) => Expr;
}

export class ScanKernel {
  readonly #block = new Block();
  readonly #arrays: WorkgroupArray[] = [];
  readonly #shared = new Map<ValueId, Shared>();
  /** Registers of private states: by state, row and slot. */
  readonly #registers = new Map<string, Expr>();
  readonly #scalars: Scalarizer;
  readonly #states: readonly Value[];
  readonly #nexts: readonly Value[];
  readonly #rows: readonly { readonly index: Expr; readonly valid: Expr }[];
  #spilled = false;
  /** The step that is being emitted; absent before and after the loop. */
  #time: { readonly t: Expr; readonly parity: Expr; readonly phase: number; readonly slot: number } | undefined;

  constructor(
    readonly name: string,
    readonly instr: Instr<"scan">,
    readonly context: KernelContext,
    readonly plan: ScanPlan,
    readonly rows: number,
    readonly byFours: boolean,
  ) {
    const { body, states } = instr.attrs;
    this.#states = body.params.slice(0, states);
    this.#nexts = body.results.slice(0, states);
    const own = new Set([...body.params, ...body.instrs.flatMap((i) => i.results)].map((v) => v.id));
    const outer = located(context, own);
    const sequences = new Map(body.params.slice(states).map((p, i) => [p.id, instr.args[states + i]]));
    const locate = (element: Element) => {
      const sequence = sequences.get(element.value.id);
      if (sequence) return this.#step(element, sequence);
      return own.has(element.value.id) ? this.#inside(element) : outer(element);
    };
    this.#scalars = new Scalarizer(this.#block, context.definitions, locate, false, byFours);
    const first = this.#block.let(mul(GROUP, u32(this.rows)), "first_row");
    this.#rows = Array.from({ length: this.rows }, (_, r) => {
      const place = this.#block.let(add(first, u32(r)), "place");
      const last = infix("-", planWord(BATCH), u32(1));
      return {
        // Rows past the end compute what the last one does and store nothing.
        index: this.#block.let(call("min", "u32", place, last), "row"),
        valid: this.#block.let(infix("<", place, planWord(BATCH)), "valid"),
      };
    });
  }

  kernel(): Kernel {
    const { plan, instr } = this;
    this.#allot();
    this.#start();
    const steps = planWord(instr.attrs.length);
    this.#block.loop("step", steps, (step) => {
      const t = instr.attrs.reverse ? infix("-", infix("-", steps, u32(1)), step) : step;
      const parity = infix("%", step, u32(2));
      const time = { t: this.#block.let(t, "t"), parity: this.#block.let(parity, "parity") };
      this.#snapshot();
      plan.phases.forEach((pieces, phase) => {
        for (const space of bySpace(pieces)) {
          this.#time = { ...time, phase, slot: 0 };
          this.#accumulateTogether(space);
          this.#slots(space[0].shape, (own, slot) => {
            this.#time = { ...time, phase, slot };
            this.#compute(space, own);
          });
        }
        if (this.#shared.size > 0) this.#block.barrier(this.#spilled);
      });
    });
    this.#time = undefined;
    this.#finish();
    return {
      name: this.name,
      comment: `${scanTitle(instr)}; ${this.rows} rows a workgroup`,
      workgroupSize: plan.workgroupSize,
      rows: this.rows,
      own: plan.own,
      quads: this.#block.quads,
      work: [this.#work()],
      arrays: this.#arrays,
      groups: [[{ factor: 1, lengths: [BATCH], divisor: this.rows }]],
      body: this.#block.stmts,
    };
  }

  /** Weights lie in buffers, states in memory of the workgroup: a quad of threads reads them together where it can. */
  #work(): Work {
    const { plan, rows } = this;
    const weights = plan.own * Math.max(1, plan.sums);
    return {
      terms: count([this.instr.attrs.length]),
      reads: weights,
      shared: this.#block.quads ? rows / QUAD : rows,
      products: weights * rows,
      turns: this.#block.quads ? 1 / QUAD : 1,
    };
  }

  /** Gives each shared value its memory: the workgroup's where it fits, smallest first, else the arena. */
  #allot(): void {
    const { plan } = this;
    const bodyValues = new Map(
      [...this.instr.attrs.body.params, ...this.instr.attrs.body.instrs.flatMap((i) => i.results)].map((v) => [
        v.id,
        v,
      ]),
    );
    const ids = [...plan.sharedStates, ...plan.shared.keys()];
    const wanted = ids
      .map((id) => {
        const value = present(bodyValues.get(id), "scan-kernel", "shared value");
        const size = staticSize(rowShape(value)) ?? Number.POSITIVE_INFINITY;
        const copies = plan.sharedStates.has(id) ? 2 : 1;
        return { id, value, copies, total: size * copies * this.rows };
      })
      .sort((a, b) => (a.total === b.total ? a.id - b.id : a.total - b.total));
    let free = WORKGROUP_MEMORY;
    for (const { id, value, copies, total } of wanted) {
      const shape = rowShape(value);
      if (total <= free) {
        free -= total;
        const memory = `${this.name}_${this.#block.name(value.hint ?? "v")}`;
        this.#arrays.push({ name: memory, size: total });
        const region = (row: number, copy: Expr) => mul(add(mul(copy, u32(this.rows)), u32(row)), product(shape));
        this.#shared.set(id, { memory, region });
      } else {
        // Rows past the end have the region of the last one, to which they write the same.
        this.#spilled = true;
        const offset = this.context.scratch(value.hint ?? "v", [BATCH, copies, ...shape]);
        const bases = this.#rows.map(({ index }) => {
          return this.#block.let(add(offset, mul(index, mul(product(shape), u32(copies)))), "base");
        });
        const region = (row: number, copy: Expr) => add(bases[row], mul(copy, product(shape)));
        this.#shared.set(id, { memory: "arena", region });
      }
    }
  }

  #sharedIndex(shared: Shared, row: number, copy: Expr, value: Value, own: Index): Expr {
    return add(shared.region(row, copy), linear(rowShape(value), own));
  }

  /** Elements that a thread owns in an array of a row: each in a scope of its own. */
  #slots(shape: readonly Dim[], body: (own: Index, slot: number) => void): void {
    const { workgroupSize } = this.plan;
    const n = staticSize(shape);
    if (n === undefined || !isUnrolled(shape, workgroupSize)) {
      this.#block.loop("e", product(shape), (e) => body(delinear(shape, e), 0), THREAD, u32(workgroupSize));
      return;
    }
    for (let slot = 0; slot * workgroupSize < n; slot++) {
      const element = add(THREAD, u32(slot * workgroupSize));
      const guard = (slot + 1) * workgroupSize > n ? infix("<", element, u32(n)) : undefined;
      this.#block.guarded(guard, () => body(this.#place(shape, slot), slot));
    }
  }

  #place(shape: readonly Dim[], slot: number): Index {
    return delinear(shape, this.#block.let(add(THREAD, u32(slot * this.plan.workgroupSize)), "e"));
  }

  #start(): void {
    this.#states.forEach((state, i) => {
      const shape = rowShape(state);
      const shared = this.#shared.get(state.id);
      const initial = this.instr.args[i];
      if (shared) {
        this.#slots(shape, (own) => {
          this.#rows.forEach(({ index }, r) => {
            const value = this.#scalars.at({ value: initial, index: [index, ...own] });
            this.#block.store(shared.memory, this.#sharedIndex(shared, r, u32(0), state, own), encode(value));
          });
        });
        return;
      }
      const size = present(staticSize(shape), "scan-kernel", "size of a register's state");
      for (let slot = 0; slot * this.plan.workgroupSize < size; slot++) {
        const own = delinear(shape, this.#block.let(add(THREAD, u32(slot * this.plan.workgroupSize)), "e"));
        this.#rows.forEach(({ index }, r) => {
          const value = this.#scalars.at({ value: initial, index: [index, ...own] });
          this.#registers.set(register(state, r, slot), this.#block.variable(value, state.hint ?? "state"));
        });
      }
    });
    if (this.#shared.size > 0) this.#block.barrier(this.#spilled);
  }

  /** Names the registers' values at the start of a step, since they change within it. */
  #snapshot(): void {
    for (const [key, held] of this.#registers) {
      if (held.kind !== "variable") continue;
      this.#block.remember(key, this.#block.snapshot(held, "now"));
    }
  }

  #step({ value, index }: Element, sequence: Value): Expr {
    const { t } = present(this.#time, "scan-kernel", "step");
    const axis = stackAxis(value.type);
    return this.#scalars.at({ value: sequence, index: [...index.slice(0, axis), t, ...index.slice(axis)] });
  }

  #rowOf(index: Index): number {
    const key = keyOf(index[0]);
    return this.#rows.findIndex((row) => keyOf(row.index) === key);
  }

  /** States and shared values of the loop: where an element of them is at this point of the step. */
  #inside(element: Element) {
    const { value, index } = element;
    const shared = this.#shared.get(value.id);
    if (!shared && !this.#states.some((state) => state.id === value.id)) return undefined;
    const { phase, parity, slot } = present(this.#time, "scan-kernel", "step");
    const row = this.#rowOf(index);
    if (shared) {
      const isState = this.plan.sharedStates.has(value.id);
      if (!isState && (this.plan.shared.get(value.id) ?? 0) >= phase) return undefined;
      const place = this.#sharedIndex(shared, row, isState ? parity : u32(0), value, index.slice(1));
      return { memory: shared.memory, index: place, changing: true };
    }
    return this.#block.recall(register(value, row, slot));
  }

  /** The sums of all places of the thread in common loops, so that what several of them read is read once. */
  #accumulateTogether(pieces: readonly Piece[]): void {
    const { workgroupSize } = this.plan;
    const [{ shape }] = pieces;
    const n = staticSize(shape);
    if (n === undefined || n <= workgroupSize || n % workgroupSize > 0 || !isUnrolled(shape, workgroupSize)) return;
    const places = Array.from({ length: n / workgroupSize }, (_, slot) => this.#place(shape, slot));
    this.#accumulate(pieces, places);
  }

  #accumulate(pieces: readonly Piece[], places: readonly Index[]): void {
    // By depth: what is accumulated within another sum (a softmax's maximum) has to be there first.
    const requests: { instr: Accumulating; index: Index }[][] = [];
    this.#rows.forEach(({ index }, r) => {
      for (const piece of piecesOf(pieces, r)) {
        // What the body gives on as it is was computed before the loop.
        if (this.#isAtHand(piece.value)) continue;
        for (const own of places) {
          walk({ value: piece.value, index: elementIndex(piece.batchAxis, index, own) }, this.#scalars.definitions, {
            stored: (value) => this.#isAtHand(value),
            reached: () => undefined,
            accumulated: (accumulating, place, depth) => {
              for (let d = requests.length; d <= depth; d++) requests.push([]);
              if (isKnown(place)) requests[depth].push({ instr: accumulating, index: place });
            },
          });
        }
      }
    });
    for (const level of requests.reverse()) this.#scalars.accumulate(level);
  }

  /** The pieces of one shape at one place of the thread: sums first, in common loops, then all that follows. */
  #compute(pieces: readonly Piece[], own: Index): void {
    this.#accumulate(pieces, [own]);
    this.#rows.forEach(({ index, valid }, r) => {
      const results = piecesOf(pieces, r).map((piece) => {
        const element = { value: piece.value, index: elementIndex(piece.batchAxis, index, own) };
        return { piece, result: this.#scalars.at(element) };
      });
      for (const { piece, result } of results) this.#keep(piece, r, own, result);
      this.#block.if(valid, () => {
        for (const { piece, result } of results) if (piece.batchAxis >= 0) this.#output(piece, index, own, result);
      });
      this.#block.if(infix("==", GROUP, u32(0)), () => {
        for (const { piece, result } of results) if (piece.batchAxis < 0) this.#output(piece, index, own, result);
      });
    });
  }

  #isAtHand(value: Value): boolean {
    const level = this.plan.shared.get(value.id);
    if (level !== undefined) return level < present(this.#time, "scan-kernel", "step").phase;
    return this.context.readAddress(value) !== undefined;
  }

  /** Puts an element where later phases and the next step find it. */
  #keep(piece: Piece, row: number, own: Index, element: Expr): void {
    const { parity, slot } = present(this.#time, "scan-kernel", "step");
    const at = own.map((e, axis) => add(e, u32(piece.start[axis])));
    const shared = this.plan.shared.has(piece.target.id) ? this.#shared.get(piece.target.id) : undefined;
    if (shared) {
      this.#block.store(shared.memory, this.#sharedIndex(shared, row, u32(0), piece.target, at), encode(element));
    }
    this.#states.forEach((state, i) => {
      if (this.#nexts[i].id !== piece.target.id) return;
      const memory = this.#shared.get(state.id);
      if (memory) {
        const other = infix("-", u32(1), parity);
        this.#block.store(memory.memory, this.#sharedIndex(memory, row, other, state, at), encode(element));
      } else {
        const held = present(this.#registers.get(register(state, row, slot)), "scan-kernel", "register");
        this.#block.assign(held, element);
      }
    });
  }

  #output(piece: Piece, row: Expr, own: Index, element: Expr): void {
    const { states, body } = this.instr.attrs;
    const { t } = present(this.#time, "scan-kernel", "step");
    const at = own.map((e, axis) => add(e, u32(piece.start[axis])));
    body.results.slice(states).forEach((value, i) => {
      if (value.id !== piece.target.id) return;
      const place = elementIndex(piece.batchAxis, row, at);
      const axis = stackAxis(value.type);
      const index = [...place.slice(0, axis), t, ...place.slice(axis)];
      storeElement(this.#block, this.context, this.instr.results[states + i], index, element);
    });
  }

  /** Writes the last states that somebody reads. */
  #finish(): void {
    const parity = infix("%", planWord(this.instr.attrs.length), u32(2));
    this.#states.forEach((state, i) => {
      const result = this.instr.results[i];
      if (this.context.writeAddresses(result).length === 0) return;
      const shared = this.#shared.get(state.id);
      this.#slots(rowShape(state), (own, slot) => {
        this.#rows.forEach(({ index, valid }, r) => {
          this.#block.if(valid, () => {
            const value = shared
              ? this.#block.read(load(shared.memory, this.#sharedIndex(shared, r, parity, state, own)), "last")
              : present(this.#registers.get(register(state, r, slot)), "scan-kernel", "register");
            storeElement(this.#block, this.context, result, [index, ...own], value);
          });
        });
      });
    });
  }
}

const register = (state: Value, row: number, slot: number) => `register of %${state.id}, row ${row}, slot ${slot}`;

/** What a row computes: the first also what is the same for all. */
const piecesOf = (pieces: readonly Piece[], row: number) =>
  row === 0 ? pieces : pieces.filter((p) => p.batchAxis >= 0);

function bySpace(pieces: readonly Piece[]): readonly (readonly Piece[])[] {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const key = piece.shape.join("×");
    groups.set(key, [...(groups.get(key) ?? []), piece]);
  }
  return [...groups.values()];
}
