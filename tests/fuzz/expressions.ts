/** @file Random expressions of a wanted shape: whole arrays, and elements where indices are in scope. */

import { type Block, type Index, type Named, UNARY } from "./block.js";
import { affine, place, subscripts } from "./elements.js";
import {
  type Axis,
  add,
  atom,
  call,
  div,
  LEVEL,
  matmul,
  mul,
  negate,
  number,
  orElse,
  type Piece,
  power,
  sameAxes,
  sub,
  within,
} from "./text.js";

/** Larger values are squashed, so that products and recurrences stay well conditioned. */
const MOST = 4;

/** Where kinks lie: odd offsets that no other constant cancels. */
const KINKS = [0.137, 0.219, 0.353];

export class Expressions {
  readonly #block: Block;

  constructor(block: Block) {
    this.#block = block;
  }

  /** An expression with these axes; `depth` bounds how far it nests. */
  make(axes: readonly Axis[], depth: number, indices: readonly Index[] = []): Piece {
    const { tape } = this.#block;
    if (depth <= 0) return this.leaf(axes, indices);
    const sub_ = (shape: readonly Axis[] = axes) => this.make(shape, depth - 1, indices);
    const options: (() => Piece)[] = [
      () => this.leaf(axes, indices),
      () => add(sub_(), sub_()),
      () => mul(sub_(), sub_()),
      () => this.#unary(sub_()),
      () => sub(sub_(), sub_()),
      () => this.#unary(sub_()),
      () => negate(sub_()),
      () => this.#positive(sub_()),
      () => this.#divided(sub_(), sub_()),
      () => this.#power(sub_()),
      () => call("clamp", 1, sub_(), number(-0.713), number(0.831)),
      () => this.#choice(sub_(), sub_(), axes, indices),
      () => this.#called(axes, depth, indices),
    ];
    if (this.#block.kind === "fn") return this.#limited(tape.pick(options)());
    options.push(
      () => this.#withScalar(sub_(), sub_([])),
      () => this.#reduced(axes, depth, indices),
      () => this.#reduced(axes, depth, indices),
    );
    if (axes.length > 0) {
      const [kinds, last] = [["softmax", "log_softmax"], axes[axes.length - 1]];
      options.push(() => {
        const arg = sub_();
        const kind = tape.pick(kinds);
        return call(kind, kind === "softmax" ? 1 : 2 * arg.bound + 2, arg);
      });
      options.push(
        () => this.#product(axes, depth, indices),
        () => this.#product(axes, depth, indices),
      );
      const half = /^2 \* (\w+)$/.exec(last.text);
      if (half !== null) {
        const part = { text: half[1], most: last.most / 2, isLength: false };
        const parts = [...axes.slice(0, -1), part];
        options.push(() => joined(sub_(parts), sub_(parts)));
      }
    } else options.push(() => this.#whole(depth, indices));
    if (indices.length > 0) options.push(() => this.#softmaxOver(axes, depth, indices));
    return this.#limited(tape.pick(options)());
  }

  /** A name, an element of one, or a number. */
  leaf(axes: readonly Axis[], indices: readonly Index[]): Piece {
    const block = this.#block;
    const { tape } = block;
    const fits = block.values.filter((value) => {
      const extra = value.axes.length - axes.length;
      return extra >= 0 && sameAxes(value.axes.slice(extra), axes);
    });
    const rank = axes.length;
    const known = (value: Named) =>
      value.axes.slice(0, value.axes.length - rank).every((axis) => indices.some((i) => i.axis.text === axis.text));
    const good = fits.filter(known);
    const table = block.ids.length > 0 && tape.flag(10) ? this.#lookup(axes, indices) : undefined;
    if (table !== undefined) return table;
    if (axes.length === 0 && tape.flag(15)) return this.#scalar(indices);
    const chosen = good.length > 0 && !tape.flag(10) ? good : fits;
    // The latest first, so that statements build on each other.
    if (chosen.length > 0 && (block.kind === "fn" || !tape.flag(10)))
      return this.#read(tape.pick([...chosen].reverse()), rank, indices);
    if (axes.every((axis) => !axis.isLength)) return this.#read(block.param(axes), rank, indices);
    return this.#built(axes);
  }

  /** A value of its own for a shape that nothing in scope has. */
  #built(axes: readonly Axis[]): Piece {
    const block = this.#block;
    const name = block.names.fresh("v");
    const own = axes.map((axis): Index => ({ name: block.names.fresh("i"), axis, alone: false }));
    const body = this.#limited(this.make([], 1, own));
    const left = own.map((index) => this.binder(index)).join(", ");
    block.define(`${name}[${left}] = ${body.text}`, { name, axes, bound: body.bound });
    return atom(name, body.bound);
  }

  /** An index where it is bound: with its extent where that has to be said, and sometimes where not. */
  binder({ name, axis, alone }: Index): string {
    return alone && !this.#block.tape.flag(20) ? name : `${name}: ${axis.text}`;
  }

  #limited(piece: Piece): Piece {
    if (piece.bound <= MOST) return piece;
    if (piece.bound <= 4 * MOST && this.#block.tape.flag(30)) return mul(number(0.25), piece);
    return call("tanh", 1, piece);
  }

  #squashed(piece: Piece, most: number): Piece {
    return piece.bound <= most ? piece : call(this.#block.tape.pick(["tanh", "sin"]), 1, piece);
  }

  #unary(arg: Piece): Piece {
    const { tape, functions } = this.#block;
    if (functions.length > 0 && tape.flag(30)) return call(tape.pick(functions), arg.bound + 1, arg);
    if (tape.flag(2)) return call("stop_gradient", arg.bound, arg);
    if (tape.flag(3)) return this.#dropped(arg);
    const name = tape.pick(UNARY);
    switch (name) {
      case "tanh":
      case "sigmoid":
      case "sin":
      case "cos":
        return call(name, 1, arg);
      case "relu":
      case "abs":
      case "sign":
      case "elu":
        return call(name, arg.bound + 1, add(arg, number(tape.pick(KINKS))));
      case "exp":
        return call("exp", Math.exp(Math.min(arg.bound, 1.5)), this.#squashed(arg, 1.5));
      default:
        return call(name, arg.bound + 1, arg);
    }
  }

  #dropped(arg: Piece): Piece {
    const rate = this.#block.tape.pick([0.25, 0.5]);
    return call("dropout", arg.bound / (1 - rate), arg, number(rate));
  }

  /** A positive expression and the least it can be. */
  #above(arg: Piece): { readonly piece: Piece; readonly least: number } {
    const forms: (() => { readonly piece: Piece; readonly least: number })[] = [
      () => ({ piece: add(power(arg, "2", arg.bound ** 2), number(0.5)), least: 0.5 }),
      () => ({ piece: add(call("softplus", arg.bound + 1, arg), number(0.4)), least: 0.4 }),
      () => ({ piece: sub(number(2), call("sin", 1, arg)), least: 1 }),
      () => ({ piece: call("exp", Math.E, this.#squashed(arg, 1)), least: 0.36 }),
      () => ({ piece: add(call("sigmoid", 1, arg), number(0.5)), least: 0.5 }),
    ];
    return this.#block.tape.pick(forms)();
  }

  #positive(arg: Piece): Piece {
    const { piece } = this.#above(arg);
    return call(this.#block.tape.pick(["sqrt", "log"]), Math.max(1, piece.bound), piece);
  }

  #divided(a: Piece, b: Piece): Piece {
    const { piece, least } = this.#above(b);
    return div(a, piece, least);
  }

  #power(arg: Piece): Piece {
    const { tape } = this.#block;
    const small = this.#squashed(arg, 2);
    const { piece, least } = this.#above(arg);
    const forms: (() => Piece)[] = [
      () => power(small, "2", small.bound ** 2),
      () => power(small, "3", small.bound ** 3),
      () => power(piece, "0.5", piece.bound ** 0.5),
      () => power(piece, "-1", 1 / least),
      () => power(number(2), within(this.#squashed(small, 1.5), LEVEL.otherwise), 2.9),
      () => power(call("exp", Math.E, this.#squashed(arg, 1)), "-0.5", 1.7),
    ];
    return tape.pick(forms)();
  }

  #choice(a: Piece, b: Piece, axes: readonly Axis[], indices: readonly Index[]): Piece {
    const { tape } = this.#block;
    const bound = Math.max(a.bound, b.bound) + 1;
    const moved = add(b, number(tape.pick(KINKS)));
    const forms: (() => Piece)[] = [
      () => call("max", bound, a, moved),
      () => call("min", bound, a, moved),
      () => atom(`where(${this.#condition(axes, indices)}, ${a.text}, ${b.text})`, bound),
      () => atom(`where(${this.#condition(axes, indices)}, ${a.text}, ${b.text})`, bound),
    ];
    return tape.pick(forms)();
  }

  /** A truth value of these axes, or a single one where all indices are in scope. */
  #condition(axes: readonly Axis[], indices: readonly Index[]): string {
    const { tape, flags, ids } = this.#block;
    const compare = () => tape.pick(["<", "<=", ">", ">="]);
    const forms: (() => string)[] = [
      () => {
        const left = within(this.leaf(axes, indices), LEVEL.sum);
        return `${left} ${compare()} ${within(add(this.leaf(axes, indices), number(tape.pick(KINKS))), LEVEL.sum)}`;
      },
    ];
    if (axes.length === 0 && indices.length > 0) {
      const one = () => tape.pick(indices).name;
      forms.push(() => `${one()} ${tape.pick(["<", "<=", "==", "!=", ">"])} ${tape.flag(50) ? "1" : one()}`);
      for (const { name, axes: own } of [...flags, ...ids]) {
        const isFlag = flags.some((flag) => flag.name === name);
        forms.push(() => {
          const places = place(this.#block, name, own, indices, isFlag ? "(0 < 1)" : "0");
          return isFlag ? places : `${places} ${tape.pick(["==", "!="])} 0`;
        });
      }
    }
    return tape.pick(forms)();
  }

  #withScalar(array: Piece, scalar: Piece): Piece {
    const { tape } = this.#block;
    const join = tape.pick([mul, add, sub]);
    return tape.flag(50) ? join(scalar, array) : join(array, scalar);
  }

  /** A call of a function of the text, or of a layer whose output ends as wanted. */
  #called(axes: readonly Axis[], depth: number, indices: readonly Index[]): Piece {
    const block = this.#block;
    const { tape, fns } = block;
    const fitting = block.layers.flatMap((layer) => {
      if (layer.count !== undefined || layer.outputs.length !== 1) return [];
      const own = layer.outputs[0].axes;
      const lead = axes.length - own.length;
      if (lead < 0 || !sameAxes(axes.slice(lead), own)) return [];
      const needsMore = layer.ids.length > 0 || layer.inputs.some((input) => input.some((axis) => axis.isLength));
      return needsMore ? [] : [{ layer, lead }];
    });
    if (fitting.length > 0 && (fns.length === 0 || tape.flag(50))) {
      const { layer, lead } = tape.pick(fitting);
      const args = layer.inputs.map((input, i) => {
        const leading = i > 0 && tape.flag(30) ? [] : axes.slice(0, lead);
        return this.#squashed(this.make([...leading, ...input], depth - 1, indices), 1);
      });
      return call(layer.name, layer.outputs[0].bound, ...args);
    }
    if (fns.length === 0) return this.#unary(this.make(axes, depth - 1, indices));
    const fn = tape.pick(fns);
    const args = Array.from({ length: fn.arity }, () => this.#squashed(this.make(axes, depth - 1, indices), 2));
    return call(
      fn.name,
      fn.bound,
      ...(fn.higher ? [atom(tape.pick(["tanh", "sin", "softplus", "gelu"]), 0)] : []),
      ...args,
    );
  }

  /** A matrix by a vector or a matrix. */
  #product(axes: readonly Axis[], depth: number, indices: readonly Index[]): Piece {
    const block = this.#block;
    const inner = block.lengths.length > 0 && block.tape.flag(15) ? block.tape.pick(block.lengths) : block.size();
    const [rows, ...columns] = axes;
    if (columns.length > 1) return this.leaf(axes, indices);
    const left = this.make([rows, inner], Math.min(depth - 1, 1), indices);
    return matmul(left, this.make([inner, ...columns], depth - 1, indices), inner.most);
  }

  /** A reduction over indices that it binds. */
  #reduced(axes: readonly Axis[], depth: number, indices: readonly Index[]): Piece {
    const block = this.#block;
    const { tape } = block;
    const own = Array.from({ length: tape.flag(20) ? 2 : 1 }, (): Index => {
      const axis = block.lengths.length > 0 && tape.flag(40) ? tape.pick(block.lengths) : block.size();
      return { name: block.names.fresh("i"), axis, alone: false };
    });
    const arg = this.make(axes, depth - 1, [...indices, ...own]);
    const kind = tape.pick(["sum", "sum", "sum", "mean", "max", "min", "logsumexp", "norm"]);
    const count = own.reduce((n, { axis }) => n * axis.most, 1);
    const bound = kind === "sum" || kind === "norm" ? arg.bound * count + 1 : arg.bound + 3;
    const inside = kind === "norm" ? add(arg, number(1.5)) : arg;
    return atom(`${kind}[${own.map((index) => this.binder(index)).join(", ")}](${inside.text})`, bound);
  }

  /** A reduction of a whole array to a number. */
  #whole(depth: number, indices: readonly Index[]): Piece {
    const { tape } = this.#block;
    const axes = this.#axes();
    const arg = this.make(axes, depth - 1, indices);
    const kind = tape.pick(["sum", "mean", "max", "min", "logsumexp", "norm"]);
    const count = axes.reduce((n, axis) => n * axis.most, 1);
    const inside = kind === "norm" ? add(arg, number(1.5)) : arg;
    return call(kind, kind === "sum" || kind === "norm" ? arg.bound * count + 1 : arg.bound + 3, inside);
  }

  #axes(): Axis[] {
    const { tape, lengths } = this.#block;
    const sizes = Array.from({ length: 1 + tape.below(2) }, () => this.#block.size());
    return lengths.length > 0 && tape.flag(25) ? [tape.pick(lengths), ...sizes.slice(1)] : sizes;
  }

  /** `softmax[s](…)` over an index in scope, with a causal mask where there is another one. */
  #softmaxOver(axes: readonly Axis[], depth: number, indices: readonly Index[]): Piece {
    const { tape } = this.#block;
    const over = tape.pick(indices);
    const arg = this.make(axes, depth - 1, indices);
    const others = indices.filter((index) => index !== over);
    const masked = axes.length === 0 && others.length > 0 && tape.flag(50);
    const inside = masked ? `where(${over.name} <= ${tape.pick(others).name}, ${arg.text}, -inf)` : arg.text;
    // The logarithm of what is masked out is infinite.
    if (masked || tape.flag(60)) return atom(`softmax[${over.name}](${inside})`, 1);
    return atom(`log_softmax[${over.name}](${inside})`, 2 * arg.bound + 2);
  }

  /** A number of its own: an index, a length, a constant. */
  #scalar(indices: readonly Index[]): Piece {
    const { tape, lengths } = this.#block;
    const forms: (() => Piece)[] = [() => number(tape.pick([0.5, 1, 2, 0.3, 1.5]))];
    if (indices.length > 0) {
      const { name } = tape.pick(indices);
      forms.push(() => div(add(atom(name, 4), number(1)), number(4), 4));
      forms.push(() => call("sin", 1, atom(name, 4)));
    }
    if (lengths.length > 0) forms.push(() => div(number(1), atom(tape.pick(lengths).text, 4), 1));
    return tape.pick(forms)();
  }

  #read({ name, axes, bound }: Named, rank: number, indices: readonly Index[]): Piece {
    const extra = axes.slice(0, axes.length - rank);
    if (extra.length === 0) return atom(name, bound);
    const { tape } = this.#block;
    const at = tape.below(extra.length);
    const matching = indices.filter(({ axis }) => axis.text === extra[at].text);
    if (matching.length > 0 && tape.flag(25)) {
      const element = `${name}[${subscripts(this.#block, extra, indices, at, affine(tape, extra[at], matching, indices))}]`;
      const outside = [number(0), negate(number(1)), number(0.5)];
      const given = tape.flag(75)
        ? tape.pick(outside)
        : this.leaf(tape.flag(50) ? axes.slice(extra.length) : [], indices);
      return orElse(element, given, bound);
    }
    return atom(`${name}[${subscripts(this.#block, extra, indices)}]`, bound);
  }

  /** A row of a table, or a one-hot vector. */
  #lookup(axes: readonly Axis[], indices: readonly Index[]): Piece | undefined {
    const block = this.#block;
    const { tape } = block;
    const { name, axes: own, classes } = tape.pick(block.ids);
    const whole = own.length > 0 && own.length <= axes.length && sameAxes(axes.slice(0, own.length), own);
    const rest = whole ? axes.slice(own.length) : axes;
    if (rest.some((axis) => axis.isLength)) return undefined;
    const places = whole ? name : place(block, name, own, indices, "0");
    if (rest.length === 1 && rest[0].text === classes.text && tape.flag(40)) return atom(`one_hot(${places})`, 1);
    const tables = block.values.filter((value) => sameAxes(value.axes, [classes, ...rest]));
    const table = tables.length > 0 && tape.flag(50) ? tape.pick(tables) : block.param([classes, ...rest]);
    return atom(`${table.name}[${places}]`, table.bound);
  }
}

function joined(a: Piece, b: Piece): Piece {
  return call("concat", Math.max(a.bound, b.bound), a, b);
}
