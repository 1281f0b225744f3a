/**
 * @file Writes statements into nested scopes and puts each computation into the outermost scope where all it names
 * exists: what does not change in a loop is computed before it. Equal computations are done once a scope.
 */

import {
  add,
  depthOf,
  type Expr,
  keyOf,
  type Memory,
  Spread,
  type Stmt,
  spreadOf,
  sumOf,
  u32,
  variable,
} from "./kernel-ir.js";

interface Scope {
  readonly stmts: Stmt[];
  readonly known: Map<string, Expr>;
}

export class Block {
  readonly #scopes: Scope[] = [{ stmts: [], known: new Map() }];
  /** Of variables that differ between threads. */
  readonly #spreads = new Map<string, Spread>();
  #names = 0;
  #epoch = 0;
  /** Whether threads hand values to the others of their quad. */
  quads = false;
  /** Enclosing statements that not all threads may run alike. */
  #divergent = 0;

  get depth(): number {
    return this.#scopes.length - 1;
  }

  /** The statements of the outermost scope: the kernel's body. */
  get stmts(): readonly Stmt[] {
    return this.#scopes[0].stmts;
  }

  /** Whether all threads of the workgroup come by here together. */
  get isUniform(): boolean {
    return this.#divergent === 0;
  }

  spread(e: Expr): Spread {
    return spreadOf(e, (name) => this.#spreads.get(name));
  }

  /** A fresh name that reminds of `hint`, which may be a dotted path. */
  name(hint: string): string {
    return `${hint.replaceAll(/\W/g, "_").replace(/^(?![A-Za-z])/, "v")}_${this.#names++}`;
  }

  /** Names an expression; trivial ones stay as they are. */
  let(value: Expr, hint = "v"): Expr {
    if (value.kind === "literal" || value.kind === "variable" || value.kind === "word") return value;
    return this.#bind(value, hint, depthOf(value), keyOf(value));
  }

  /** Reads memory that this kernel itself changes: here and now, and anew after the next barrier. */
  read(value: Expr, hint: string): Expr {
    return this.#bind(value, hint, this.depth, `${keyOf(value)}@${this.#epoch}`);
  }

  #bind(given: Expr, hint: string, depth: number, key: string): Expr {
    const known = this.recall(key);
    if (known) return known;
    const value = given.kind === "load" ? { ...given, index: this.#address(given.index) } : this.#divided(given);
    const name = this.name(hint);
    const result = variable(name, value.type, depth);
    this.#spreads.set(name, this.spread(value));
    this.#scopes[depth].stmts.push({ kind: "let", name, value });
    this.#scopes[depth].known.set(key, result);
    return result;
  }

  /** An index whose sums are taken from the outermost scope inwards, so that a loop adds only what changes in it. */
  #address(index: Expr): Expr {
    const { terms, constant } = sumOf(index);
    if (terms.length === 0) return u32(constant);
    const inwards = terms.map((term) => this.let(term, "at")).toSorted((a, b) => depthOf(a) - depthOf(b));
    const sum = inwards.reduce((before, term) => {
      const known = depthOf(before) < depthOf(term) ? this.let(before, "at") : before;
      return add(known, term);
    });
    return add(constant === 0 ? sum : this.let(sum, "at"), u32(constant));
  }

  /** Quotients and rests of indices within an expression are named: they are dear, and many elements have them in common. */
  #divided(e: Expr): Expr {
    const named = (part: Expr): Expr => {
      const rest = this.#divided(part);
      const divides = rest.kind === "infix" && rest.type === "u32" && (rest.op === "/" || rest.op === "%");
      return divides ? this.let(rest, rest.op === "/" ? "whole" : "rest") : rest;
    };
    if (e.kind === "infix") return { ...e, a: named(e.a), b: named(e.b) };
    return e.kind === "call" ? { ...e, args: e.args.map(named) } : e;
  }

  /** What was remembered under `key` in this scope or an enclosing one. */
  recall(key: string): Expr | undefined {
    for (let depth = this.depth; depth >= 0; depth--) {
      const found = this.#scopes[depth].known.get(key);
      if (found) return found;
    }
    return undefined;
  }

  remember(key: string, value: Expr): void {
    this.#scopes[this.depth].known.set(key, value);
  }

  variable(value: Expr, hint: string): Expr {
    const name = this.name(hint);
    this.#spreads.set(name, Spread.threads);
    this.push({ kind: "var", name, value });
    return variable(name, value.type, this.depth);
  }

  /** @returns the memory's name. */
  array(values: readonly Expr[], hint: string): Memory {
    const name = this.name(hint);
    this.push({ kind: "array", name, values });
    return name;
  }

  /** Names what a variable that changes holds here and now. */
  snapshot(held: Expr, hint: string): Expr {
    const name = this.name(hint);
    this.#spreads.set(name, this.spread(held));
    this.push({ kind: "let", name, value: held });
    return variable(name, held.type, this.depth);
  }

  assign(target: Expr, value: Expr): void {
    if (target.kind === "variable") this.push({ kind: "assign", name: target.name, value });
  }

  store(memory: Memory, index: Expr, value: Expr): void {
    this.push({ kind: "store", memory, index: this.#address(index), value });
  }

  push(stmt: Stmt): void {
    this.#scopes[this.depth].stmts.push(stmt);
  }

  loop(hint: string, below: Expr, body: (index: Expr) => void, from: Expr = u32(0), step: Expr = u32(1)): void {
    const name = this.name(hint);
    const [spread] = [from, below, step].map((bound) => this.spread(bound)).sort((a, b) => b - a);
    this.#spreads.set(name, spread);
    const stmts = this.#nested(() => body(variable(name, "u32", this.depth)), spread);
    this.push({ kind: "for", name, from, below, step, body: stmts });
  }

  if(condition: Expr, body: () => void): void {
    const stmts = this.#nested(body, this.spread(condition));
    if (stmts.length > 0) this.push({ kind: "if", condition, body: stmts });
  }

  /** A scope that adds no syntax where the condition is absent. */
  guarded(condition: Expr | undefined, body: () => void): void {
    if (condition) this.if(condition, body);
    else body();
  }

  barrier(storage: boolean): void {
    this.#epoch++;
    this.push({ kind: "barrier", storage });
  }

  #nested(body: () => void, spread: Spread): readonly Stmt[] {
    const scope: Scope = { stmts: [], known: new Map() };
    const divergent = spread === Spread.none ? 0 : 1;
    this.#scopes.push(scope);
    this.#divergent += divergent;
    body();
    this.#divergent -= divergent;
    this.#scopes.pop();
    return scope.stmts;
  }
}
