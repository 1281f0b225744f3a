/**
 * @file Makes instructions: infers the result types by the registry and gives out ids.
 * Lowering, derivative rules and passes all write IR through this class and nothing else.
 */

import { invariant } from "../support/assert.js";
import { registry } from "./registry.js";
import { unstack } from "./shape.js";
import type {
  BinaryOp,
  Dim,
  Elem,
  Instr,
  Op,
  OpAttrs,
  ReduceKind,
  Region,
  Type,
  UnaryOp,
  Value,
  ValueId,
} from "./types.js";

export { stack, stackAxis, unstack } from "./shape.js";

/** The ids of one module, shared by nested builders so that ids stay unique across regions. */
export class IdSource {
  #next: number;
  constructor(first = 0) {
    this.#next = first;
  }
  next(): ValueId {
    return this.#next++ as ValueId;
  }
}

export class Builder {
  readonly instrs: Instr[] = [];

  constructor(readonly ids: IdSource = new IdSource()) {}

  /** A value without a defining instruction: an argument of a graph or a region. */
  fresh(type: Type, hint?: string): Value {
    return hint === undefined ? { id: this.ids.next(), type } : { id: this.ids.next(), type, hint };
  }

  /** Adds an instruction with all of its results. */
  emit<K extends Op>(op: K, attrs: OpAttrs[K], args: readonly Value[], hints: readonly (string | undefined)[] = []) {
    const types = registry[op].type(
      attrs,
      args.map((a) => a.type),
    );
    const results = types.map((type, i) => this.fresh(type, hints[i]));
    // The union over K is what this builds one member of; TypeScript cannot see that op and attrs belong together.
    this.instrs.push({ op, attrs, args, results } as Instr);
    return results;
  }

  /** Adds an instruction with one result. */
  op<K extends Op>(op: K, attrs: OpAttrs[K], args: readonly Value[], hint?: string): Value {
    const results = this.emit(op, attrs, args, [hint]);
    invariant(results.length === 1, "builder", `${op} has ${results.length} results`);
    return results[0];
  }

  unary(op: UnaryOp, a: Value, hint?: string): Value {
    return this.op(op, {}, [a], hint);
  }

  /** Both arguments of equal shape, or one of them a scalar (shape []), which is repeated. */
  binary(op: BinaryOp, a: Value, b: Value, hint?: string): Value {
    const [x, y] = this.#agree(a, b);
    return this.op(op, {}, [x, y], hint);
  }

  /** As `binary`: scalars are repeated. */
  select(condition: Value, a: Value, b: Value, hint?: string): Value {
    const widest = [condition, a, b].reduce((w, v) => (v.type.shape.length > w.type.shape.length ? v : w));
    const wide = [condition, a, b].map((v) => this.#agree(v, widest)[0]);
    return this.op("select", {}, wide, hint);
  }

  #agree(a: Value, b: Value): readonly [Value, Value] {
    const [m, n] = [a.type.shape.length, b.type.shape.length];
    if (m === 0 && n > 0) return [this.repeat(a, b.type.shape), b];
    if (n === 0 && m > 0) return [a, this.repeat(b, a.type.shape)];
    return [a, b];
  }

  constant(value: number, elem: Elem = "f32"): Value {
    return this.op("const", { value, elem }, []);
  }

  /** An array of one value. */
  fill(value: number, shape: readonly Dim[], elem: Elem = "f32"): Value {
    return this.repeat(this.constant(value, elem), shape);
  }

  /** A scalar at every place of `shape`. */
  repeat(scalar: Value, shape: readonly Dim[]): Value {
    invariant(scalar.type.shape.length === 0, "builder", "repeat wants a scalar");
    return shape.length === 0 ? scalar : this.op("broadcast", { shape, axes: [] }, [scalar]);
  }

  /** Axis i of `a` becomes axis `axes[i]` of `shape`. The identity adds nothing. */
  broadcast(a: Value, shape: readonly Dim[], axes: readonly number[], hint?: string): Value {
    const same = axes.length === shape.length && axes.every((axis, i) => axis === i);
    return same ? a : this.op("broadcast", { shape, axes }, [a], hint);
  }

  iota(shape: readonly Dim[], axis: number): Value {
    return this.op("iota", { shape, axis }, []);
  }

  reduce(kind: ReduceKind, a: Value, axes: readonly number[], hint?: string): Value {
    return axes.length === 0 ? a : this.op("reduce", { kind, axes }, [a], hint);
  }

  contract(a: Value, b: Value, lhs: string, rhs: string, out: string, hint?: string): Value {
    return this.op("contract", { lhs, rhs, out }, [a, b], hint);
  }

  slice(a: Value, axis: number, start: number, size: number, hint?: string): Value {
    return start === 0 && size === a.type.shape[axis] ? a : this.op("slice", { axis, start, size }, [a], hint);
  }

  concat(parts: readonly Value[], axis: number, hint?: string): Value {
    return parts.length === 1 ? parts[0] : this.op("concat", { axis }, parts, hint);
  }

  /**
   * Adds a scan. `body` is called with the states and the step values and a builder for the region; it gives the next
   * states and the step outputs.
   * @returns last states, then stacked outputs.
   */
  scan(
    loop: { readonly length: string; readonly reverse: boolean },
    initial: readonly Value[],
    sequences: readonly Value[],
    body: (
      b: Builder,
      states: readonly Value[],
      steps: readonly Value[],
    ) => { readonly next: readonly Value[]; readonly outputs: readonly Value[] },
    hints: readonly (string | undefined)[] = [],
  ): { readonly last: readonly Value[]; readonly stacked: readonly Value[] } {
    const inner = new Builder(this.ids);
    const states = initial.map((v) => inner.fresh(v.type, v.hint));
    const steps = sequences.map((v) => inner.fresh(unstack(v.type, loop.length), v.hint));
    const { next, outputs } = body(inner, states, steps);
    const region: Region = {
      params: [...states, ...steps],
      instrs: inner.instrs,
      results: [...next, ...outputs],
    };
    const results = this.emit(
      "scan",
      { ...loop, states: states.length, body: region },
      [...initial, ...sequences],
      hints,
    );
    return { last: results.slice(0, states.length), stacked: results.slice(states.length) };
  }
}
