/** @file What is known at one place of the lowering: the values of bindings, indices and lengths. */

import type { Binding, Block, Call, Dim as CheckedDim, Index, Lengths, Parameter, TypedExpr } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import type { Dim, Value, ValueId } from "../ir/types.js";
import { present } from "../support/assert.js";
import { type Label, type Labelled, named } from "./labelled.js";
import { type Perturb, type Probe, probeOf } from "./probes.js";

function isParameter(binding: Binding): binding is Parameter {
  return binding.kind === "param";
}

/** Gives out labels, and streams of random numbers; one a module. */
export class LabelSource {
  #rank = 1;
  #streams = 0;

  nextStream(): number {
    return this.#streams++;
  }

  /**
   * @param ends the own lengths of the examples, i32 [batch], of each ragged length.
   * @param pasts of each length whose steps count on from those before: how many there were, i32 [batch].
   */
  constructor(
    readonly ends: ReadonlyMap<Dim, Value>,
    readonly pasts: ReadonlyMap<Dim, Value> = new Map(),
  ) {}

  next(name: string, extent: Dim): Label {
    return { name, ...this.axis(extent), rank: this.#rank++ };
  }

  /** An axis of this extent. */
  axis(extent: Dim): Omit<Label, "name" | "rank"> {
    const [end, past] = [this.ends.get(extent), this.pasts.get(extent)];
    return { extent, ...(end && { end }), ...(past && { past }) };
  }
}

/** The surroundings of the steps of one block at one of its calls. */
export class Environment {
  readonly values = new Map<Binding, Labelled>();
  readonly indices = new Map<Index, Label>();
  /** Calls and shared arguments have one value however often they are read. */
  readonly calls = new Map<Call, readonly Labelled[]>();
  readonly shared = new Map<TypedExpr, Labelled>();
  /** In the body of a loop: which step it is, from 0, as an i32 scalar. */
  loopStep: Value | undefined;
  /** In the body of a loop: the states and what else each step is given. */
  loopGiven: ReadonlySet<ValueId> = new Set();
  /** Where named values are noted, if they are. */
  probes: Probe[] | undefined;
  /** Outside of loops, if states are to be perturbed. */
  perturb: Perturb | undefined;

  constructor(
    readonly builder: Builder,
    readonly labels: LabelSource,
    /** By path. */
    readonly parameters: ReadonlyMap<string, Labelled>,
    /** Of the block's own lengths. */
    readonly lengths: ReadonlyMap<string, Dim>,
    /** Lowers an expression. Here so that the parts of the lowering need not import each other. */
    readonly expressions: (env: Environment, expr: TypedExpr) => Labelled,
  ) {}

  lower(expr: TypedExpr): Labelled {
    return this.expressions(this, expr);
  }

  /** Steps of a block in order, each value under its name, after `settle`. */
  lowerSteps(block: Block, part: "prelude" | "steps", settle = (_: Binding, value: Labelled) => value): void {
    for (const { binding, value } of block[part]) {
      const settled = named(this.builder, settle(binding, this.lower(value)), binding.name);
      this.values.set(binding, settled);
      this.probes?.push(probeOf(block, binding, settled));
    }
  }

  dim(dim: CheckedDim): Dim {
    const { extent } = dim;
    if (typeof extent === "string") return present(this.lengths.get(extent), "lower", `the length ${extent}`);
    return present(extent, "lower", `the size ${dim.text}`);
  }

  read(binding: Binding): Labelled {
    if (isParameter(binding))
      return present(this.parameters.get(binding.path), "lower", `the parameter ${binding.path}`);
    return present(this.values.get(binding), "lower", `the value of ${binding.name}`);
  }

  label(index: Index): Label {
    return present(this.indices.get(index), "lower", `the index ${index.name}`);
  }

  /** Labels for indices that come into scope. */
  bind(indices: readonly Index[]): readonly Label[] {
    return indices.map((index) => {
      const label = this.labels.next(index.name, this.dim(index.extent));
      this.indices.set(index, label);
      return label;
    });
  }

  /** For the body of a block called from here. */
  inside(lengths: Lengths, builder: Builder = this.builder): Environment {
    const resolved = new Map([...lengths].map(([name, dim]) => [name, this.dim(dim)]));
    const inner = new Environment(builder, this.labels, this.parameters, resolved, this.expressions);
    inner.loopStep = this.loopStep;
    inner.loopGiven = this.loopGiven;
    inner.probes = this.probes;
    inner.perturb = this.perturb;
    return inner;
  }

  /** The same block in a nested region: everything known here is known there. */
  nested(builder: Builder): Environment {
    const inner = new Environment(builder, this.labels, this.parameters, this.lengths, this.expressions);
    for (const [binding, value] of this.values) inner.values.set(binding, value);
    inner.probes = this.probes && [];
    return inner;
  }
}
