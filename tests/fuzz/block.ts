/** @file What a random block has so far: the names in scope, its declarations and its statements. */

import type { Tape } from "./tape.js";
import { type Axis, showType } from "./text.js";

/** A named array of numbers: `x`, `h'`, `rnn.W`. */
export interface Named {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly bound: number;
}

/** A named array of ids. */
export interface Ids {
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly classes: Axis;
}

/** An index that an expression may use; `alone` once it stood by itself on an axis, so that its extent can be inferred. */
export interface Index {
  readonly name: string;
  readonly axis: Axis;
  alone: boolean;
}

/** A function of the text: what it takes and how large its value gets. */
export interface Fn {
  readonly name: string;
  readonly arity: number;
  readonly bound: number;
  /** Its first argument is a function. */
  readonly higher: boolean;
}

/** A declared layer or cell, over its own sizes and lengths. */
export interface Template {
  readonly kind: "layer" | "cell";
  readonly name: string;
  readonly sizes: readonly Axis[];
  readonly inputs: readonly (readonly Axis[])[];
  /** Inputs of ids, after those of numbers. */
  readonly ids: readonly Ids[];
  readonly contexts: readonly (readonly Axis[])[];
  readonly states: readonly Named[];
  readonly outputs: readonly Named[];
  readonly params: readonly Named[];
  /** One of its inputs or contexts has a length of its own. */
  readonly takesLength: boolean;
  /** Takes a function besides its sizes. */
  readonly takesFunction: boolean;
  readonly text: string;
}

/** An instance of a template in a block: the same with the block's sizes in place. */
export interface Instance {
  readonly template: Template;
  readonly name: string;
  readonly count: number | undefined;
  readonly inputs: readonly (readonly Axis[])[];
  readonly ids: readonly Ids[];
  readonly contexts: readonly (readonly Axis[])[];
  readonly states: readonly Named[];
  readonly outputs: readonly Named[];
}

/** A record of last states; `sizes` are the types of the states. */
export interface End {
  readonly name: string;
  readonly template: Template;
  readonly count: number | undefined;
  readonly sizes: string;
}

/** Names that no other thing of a spec has. */
export class Names {
  #next = 0;

  fresh(stem: string): string {
    return `${stem}${this.#next++}`;
  }
}

export const UNARY = [
  "tanh",
  "sigmoid",
  "sin",
  "cos",
  "silu",
  "gelu",
  "softplus",
  "elu",
  "relu",
  "abs",
  "sign",
  "exp",
] as const;

export class Block {
  readonly declarations: string[] = [];
  readonly statements: string[] = [];
  readonly values: Named[] = [];
  readonly params: Named[] = [];
  readonly ids: Ids[] = [];
  readonly flags: { readonly name: string; readonly axes: readonly Axis[] }[] = [];
  readonly layers: Instance[] = [];
  readonly lengths: Axis[] = [];
  /** Records of last states. */
  readonly ends: End[] = [];
  /** Of one argument: given as parameters of the declaration. */
  readonly functions: string[] = [];

  constructor(
    readonly tape: Tape,
    readonly names: Names,
    readonly kind: "layer" | "cell" | "model" | "fn",
    readonly sizes: readonly Axis[],
    readonly fns: readonly Fn[],
  ) {}

  /** A size, or seldom a multiple of one. */
  size(): Axis {
    const { tape } = this;
    const axis = tape.pick(this.sizes);
    return tape.flag(12) ? multiple(axis, 2) : axis;
  }

  shape(mostAxes: number): Axis[] {
    return Array.from({ length: this.tape.below(mostAxes + 1) }, () => this.size());
  }

  param(axes: readonly Axis[], bound = 1): Named {
    const { tape } = this;
    const name = this.names.fresh("W");
    const [start, indexed] = this.#start(axes);
    const mark = tape.flag(8) ? " frozen" : tape.flag(10) ? " no_decay" : "";
    this.declarations.push(`param ${name}${indexed}: ${showType(axes)}${start}${mark}`);
    const param = { name, axes, bound };
    this.params.push(param);
    this.values.push(param);
    return param;
  }

  /** What stands after `~`, and the indices that it uses. */
  #start(axes: readonly Axis[]): [start: string, indexed: string] {
    const { tape } = this;
    const plain = ["normal", "zeros", "ones", "uniform", "uniform(-0.5, 0.5)", "normal(0, 0.1)"];
    const matrix = ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal"];
    if (axes.length > 0 && tape.flag(12)) {
      const [indices, last] = [axes.map(() => this.names.fresh("i")), axes.length - 1];
      return [` ~ log(${indices[last]} + 1) + uniform(-0.1, 0.1)`, `[${indices.join(", ")}]`];
    }
    return [` ~ ${tape.pick(axes.length === 2 ? [...plain, ...matrix] : plain)}`, ""];
  }

  /** Declares an input of ids. */
  idInput(axes: readonly Axis[], classes: Axis): Ids {
    const ids = { name: this.names.fresh("token"), axes, classes };
    this.declarations.push(`input ${ids.name}: ${showType(axes, `id(${classes.text})`)}`);
    this.ids.push(ids);
    return ids;
  }

  /** Adds a statement and what it defines. */
  define(statement: string, ...values: readonly Named[]): void {
    this.statements.push(statement);
    this.values.push(...values);
  }

  get body(): string {
    return [...this.declarations, ...this.statements].map((line) => `  ${line}\n`).join("");
  }
}

export function multiple(axis: Axis, factor: number): Axis {
  return { text: `${factor} * ${axis.text}`, most: factor * axis.most, isLength: false };
}
