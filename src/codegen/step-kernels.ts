/**
 * @file A loop over time as a few dispatches a step, for states that meet all of themselves and are too wide for a
 * workgroup to read the weights alone (the alternating form of FlashRNN, Pöppel et al. 2024; Appleyard et al. 2016).
 *
 * The body is scheduled like any graph, and its groups become kernels done again for each step, which differ in a word of
 * their plan alone. The states lie in the arena, two copies in turn: the present is read, the next is written.
 */

import { IdSource, stackAxis } from "../ir/builder.js";
import type { Dim, Instr, Value, ValueId } from "../ir/types.js";
import { InternalError, present } from "../support/assert.js";
import { alongside } from "./compose.js";
import { type Address, type KernelContext, placeOf } from "./context.js";
import { dotsKernel } from "./dots-kernel.js";
import { add, type Expr, infix, type Kernel, mul, planWord, stepWord, u32 } from "./kernel-ir.js";
import { mapKernel } from "./map-kernel.js";
import { isMatmul } from "./matmul-axes.js";
import {
  type Accumulating,
  accumulation,
  type Element,
  isAccumulating,
  linear,
  product,
  termsOf,
} from "./scalarize.js";
import { type Group, scheduleStep } from "./schedule.js";
import { planStages } from "./stages.js";
import { type StepGraph, stepGraph } from "./step-graph.js";

/** Products over fewer terms than this are not worth a dispatch a step. */
export const WIDE = 128;

/** @returns nothing where no product of a step sums over at least `wide` terms. */
export function stepKernels(
  name: string,
  instr: Instr<"scan">,
  context: KernelContext,
  wide = WIDE,
): readonly Kernel[] {
  const { body } = instr.attrs;
  const products = body.instrs.filter(isMatmul);
  if (body.instrs.some(({ op }) => op === "scan")) return [];
  if (!products.some((each) => termsOf(accumulation(each).dims) >= wide)) return [];
  return [new StepEmitter(name, instr, context).kernel()];
}

class StepEmitter {
  readonly #step: StepGraph;
  readonly #definitions: ReadonlyMap<ValueId, Instr>;
  readonly #ids: IdSource;
  readonly #sequences: ReadonlyMap<ValueId, Value>;
  /** Where the values of a step lie; of the states before it. */
  readonly #homes = new Map<ValueId, Address[]>();
  readonly #t: Expr;

  constructor(
    readonly name: string,
    readonly instr: Instr<"scan">,
    readonly context: KernelContext,
  ) {
    const { length, reverse, states, body } = instr.attrs;
    this.#ids = new IdSource(1 + lastId(context.definitions.values()));
    this.#step = stepGraph(body, this.#ids);
    const own = this.#step.graph.instrs.map((each) => [each.results[0].id, each] as const);
    this.#definitions = new Map([...context.definitions, ...own]);
    this.#sequences = new Map(body.params.slice(states).map((p, i) => [p.id, instr.args[states + i]]));
    const done = stepWord(length);
    this.#t = reverse ? infix("-", infix("-", planWord(length), u32(1)), done) : done;
  }

  kernel(): Kernel {
    const { length, reverse, states, body } = this.instr.attrs;
    const scheduled = scheduleStep(this.#step);
    const held = body.params.slice(0, states).map((state) => {
      const offset = this.context.scratch(state.hint ?? "state", [2, ...state.type.shape]);
      const copy = (which: Expr): Address => ({
        memory: "arena",
        offset: add(offset, mul(which, product(state.type.shape))),
      });
      return { state, copy };
    });
    const parity = infix("%", stepWord(length), u32(2));
    held.forEach(({ state, copy }, i) => {
      this.#homes.set(state.id, [copy(parity)]);
      this.#house(this.#step.results[i], copy(infix("-", u32(1), parity)));
    });
    this.#placeOutputs();
    this.#placeParts();
    this.#placeRest(scheduled.groups, scheduled.reads);

    const stages = planStages(scheduled, false);
    const kernels = stages.map(({ groups }, stage) => {
      const name = `${this.name}_step_${stage}`;
      const parts = groups.map((at) => this.#groupKernel(name, scheduled.groups[at]));
      return parts.length === 1 ? parts[0] : alongside(name, parts);
    });
    const first = this.#copies(
      `${this.name}_first`,
      held.map(({ copy }, i) => ({ from: this.instr.args[i], to: [copy(u32(0))] })),
    );
    const end = infix("%", planWord(length), u32(2));
    const last = held.flatMap(({ state, copy }, i) => {
      const to = this.context.writeAddresses(this.instr.results[i]);
      return to.length === 0 ? [] : [{ from: state, at: copy(end), to }];
    });
    const [main, ...others] = kernels;
    return {
      ...main,
      comment: `scan${reverse ? " reverse" : ""} over ${length}, a step: ${main.comment}`,
      steps: { length, products: this.#products(), others },
      before: first,
      behind: this.#copies(`${this.name}_last`, last),
    };
  }

  /** Where a value of the step is read: not where it is stored as f16. */
  #readable({ id }: Value): Address | undefined {
    return this.#homes.get(id)?.find(({ memory }) => memory === "arena");
  }

  #house(value: Value, address: Address): void {
    this.#homes.set(value.id, [...(this.#homes.get(value.id) ?? []), address]);
  }

  /** What the loop gives at every step, at its step. */
  #placeOutputs(): void {
    const { states, body } = this.instr.attrs;
    body.results.slice(states).forEach((result, i) => {
      const stacked = this.instr.results[states + i];
      const axis = stackAxis(result.type);
      for (const address of this.context.writeAddresses(stacked)) {
        this.#house(this.#step.results[states + i], {
          ...address,
          place: (index) => linear(stacked.type.shape, index.toSpliced(axis, 0, this.#t)),
        });
      }
    });
  }

  /** Parts of a concat are where the concat is. */
  #placeParts(): void {
    for (const [id, parts] of this.#step.parts) {
      const whole = present(this.#definitions.get(id), "step-kernels", "a concat").results[0];
      if (this.#readable(whole) === undefined) this.#house(whole, this.#scratch(whole));
      for (const address of this.#homes.get(id) ?? []) {
        for (const { value, axis, start } of parts) {
          const moved = (index: readonly Expr[]) => index.map((e, i) => (i === axis ? add(e, u32(start)) : e));
          const place = (index: readonly Expr[]) => placeOf({ ...address, offset: u32(0) }, whole, moved(index));
          this.#house(value, { ...address, place });
        }
      }
    }
  }

  /** What another kernel of the step reads and no result holds. */
  #placeRest(groups: readonly Group[], reads: readonly ReadonlySet<ValueId>[]): void {
    for (const { roots } of groups) {
      for (const root of roots) {
        const isRead = reads.some((ids) => ids.has(root.id));
        if (isRead && this.#readable(root) === undefined) this.#house(root, this.#scratch(root));
      }
    }
  }

  #scratch({ hint = "v", type: { shape } }: Value): Address {
    return { memory: "arena", offset: this.context.scratch(hint, shape) };
  }

  #groupKernel(name: string, group: Group): Kernel {
    const own = new Set(group.roots.map(({ id }) => id));
    const context: KernelContext = {
      ...this.context,
      definitions: this.#definitions,
      readAddress: (value) => this.#readable(value) ?? this.context.readAddress(value),
      writeAddresses: (value) => (own.has(value.id) ? (this.#homes.get(value.id) ?? []) : []),
      outside: ({ value, index }) => this.#outside(value, index),
    };
    if (group.kind === "dots") return dotsKernel(name, group, context);
    if (group.kind === "map") return mapKernel(name, group, context);
    throw new InternalError("step-kernels", `a ${group.kind} within a step`);
  }

  /** A step of a sequence as an element of the whole. */
  #outside(value: Value, index: readonly Expr[]): Element | undefined {
    const sequence = this.#sequences.get(value.id);
    return sequence && { value: sequence, index: index.toSpliced(stackAxis(value.type), 0, this.#t) };
  }

  /** Arrays that become others as they are, in one kernel. @param from or what lies at `at`. */
  #copies(
    name: string,
    copies: readonly { readonly from: Value; readonly at?: Address; readonly to: readonly Address[] }[],
  ): readonly Kernel[] {
    const parts = copies.map(({ from, at, to }) => {
      const { shape } = from.type;
      const copy: Value = {
        id: this.#ids.next(),
        type: from.type,
        ...(from.hint !== undefined && { hint: from.hint }),
      };
      const axes = shape.map((_, axis) => axis);
      const moved: Instr = { op: "broadcast", attrs: { shape, axes }, args: [from], results: [copy] };
      return mapKernel(
        name,
        { kind: "map", shape, roots: [copy] },
        {
          ...this.context,
          definitions: new Map([...this.#definitions, [copy.id, moved]]),
          readAddress: (value) => (value.id === from.id && at ? at : this.context.readAddress(value)),
          writeAddresses: (value) => (value.id === copy.id ? to : []),
        },
      );
    });
    return parts.length > 1 ? [alongside(name, parts)] : parts;
  }

  /** Products of a step, for each example. */
  #products(): number {
    const sums = this.#step.graph.instrs.filter((each): each is Accumulating => isAccumulating(each));
    const size = (dims: readonly Dim[]) => dims.reduce((n: number, d) => (typeof d === "number" ? n * d : n), 1);
    return sums.reduce((n, each) => n + size(each.results[0].type.shape) * size(accumulation(each).dims), 0);
  }
}

function lastId(instrs: Iterable<Instr>): number {
  let last = -1;
  for (const { op, attrs, args, results } of instrs) {
    const params = op === "scan" ? attrs.body.params : [];
    for (const { id } of [...args, ...results, ...params]) last = Math.max(last, id);
  }
  return last;
}
