/** @file Checks the body of one declaration as instantiated: defines its names, then checks every statement. */

import type {
  AssignStatement,
  AssignTarget,
  ConstStatement,
  Expr,
  Ident,
  OutputStatement,
  ParamStatement,
  PortStatement,
  Statement,
  StateStatement,
  TypeSyntax,
  UseStatement,
} from "../parser/ast.js";
import { checkCall } from "./calls.js";
import { checkFit, checkParameter, refuseLarge, refuseLong } from "./declared.js";
import { Definitions } from "./definitions.js";
import { checkExpr, checkSize } from "./expressions.js";
import { checkUse, type Instantiation } from "./instances.js";
import { Lengths } from "./lengths.js";
import { checkBuild } from "./notation.js";
import { wantNumber } from "./operators.js";
import { partition, readsOf } from "./reads.js";
import { counted, type Reporter } from "./report.js";
import { type Context, errorExpr, type Instance, type Meaning, readOf, valueMeaning } from "./scope.js";
import { arrayOf, ERROR } from "./sizes.js";
import type { ArrayType, Binding, Block, Dim, Loss, Output, Parameter, State, Step, Type, TypedExpr } from "./typed.js";
import { warnOfUnused } from "./unused.js";
import { checkLoss, checkMetric, checkOutput, refuseTwice } from "./yields.js";

const MISTAKEN: Meaning = { kind: "error" };

/** The kinds of block in which a statement may stand, where not in all. */
const places: Partial<Record<Statement["kind"], readonly string[]>> = {
  state: ["cell"],
  context: ["cell"],
  target: ["model"],
  loss: ["model"],
  metric: ["model"],
};

/** The typed block. It is whole even after mistakes (then parts of it have the error type). */
export function checkBlock(reporter: Reporter, instantiation: Instantiation): Block {
  return new BlockChecker(reporter, instantiation).check();
}

class BlockChecker {
  readonly #names: Definitions;
  readonly #context: Context;
  readonly #lengths: Lengths;
  readonly #states = new Map<string, StateStatement>();
  readonly #steps: Step[] = [];
  /** By name, for the order written. */
  readonly #bindings = new Map<string, Binding>();
  readonly #initials = new Map<string, TypedExpr>();
  readonly #instances = new Map<string, Instance>();

  constructor(
    readonly reporter: Reporter,
    readonly at: Instantiation,
  ) {
    const { declaration, symbolic } = at;
    this.#lengths = new Lengths(reporter, at.home, declaration);
    this.#names = new Definitions(reporter, this.#lengths);
    this.#context = {
      reporter,
      scope: this.#names,
      symbolic,
      within: declaration.kind,
      inlining: [],
      check: checkExpr,
    };
  }

  check(): Block {
    const { declaration, values, path, symbolic } = this.at;
    for (const { name } of declaration.parameters) {
      const value = values.get(name.name) ?? MISTAKEN;
      const named = value.kind === "value" ? { ...value, expr: { ...value.expr, span: name.span } } : value;
      this.#names.define([name], () => [named], value.kind === "value" ? "value or size" : "other");
    }
    const statements = declaration.body.filter((statement) => this.#allowed(statement));
    for (const statement of statements) {
      if (statement.kind === "state" && !this.#states.has(statement.name.name))
        this.#states.set(statement.name.name, statement);
    }
    for (const statement of statements) this.#define(statement);
    this.#defineMissingNexts();
    this.#names.resolveAll();
    this.#lengths.verify();
    const outputs = statements.flatMap((s) => (s.kind === "output" ? this.#outputs(s) : []));
    const losses = statements.flatMap((s) => (s.kind === "loss" ? checkLoss(this.#context, s) : []));
    const metrics = statements.flatMap((s) => (s.kind === "metric" ? checkMetric(this.#context, s) : []));
    if (declaration.kind === "model") {
      refuseTwice(this.reporter, outputs);
      refuseTwice(this.reporter, metrics);
    }
    this.#checkWhole(outputs, losses);
    if (!symbolic) refuseLong(this.reporter, declaration.name, this.#steps);
    warnOfUnused(this.reporter, this.#names, statements);
    const doc = declaration.doc === undefined ? {} : { doc: declaration.doc };
    return {
      kind: declaration.kind,
      name: declaration.name.name,
      path,
      ...doc,
      lengths: this.#lengths.all,
      ragged: this.#lengths.ragged,
      inputs: this.#ports("input"),
      contexts: this.#ports("context"),
      targets: this.#ports("target"),
      states: this.#stateList(),
      parameters: statements.flatMap((s) => this.#parametersOf(s)),
      ...partition(this.#steps),
      outputs,
      losses,
      metrics,
    };
  }

  #allowed(statement: Statement): boolean {
    const { kind } = this.at.declaration;
    const allowed = places[statement.kind];
    if (allowed === undefined || allowed.includes(kind)) return true;
    this.reporter.report(
      "SEQ2016",
      statement.span,
      `\`${statement.kind}\` stands in a ${allowed.join(" or ")}, not in a ${kind}.`,
    );
    return false;
  }

  #define(statement: Statement): void {
    switch (statement.kind) {
      case "input":
      case "context":
      case "target":
        this.#names.define([statement.name], () => [this.#port(statement)]);
        break;
      case "state":
        this.#names.define([statement.name], () => [this.#state(statement)]);
        break;
      case "param":
        this.#names.define([statement.name], () => [this.#param(statement)]);
        break;
      case "const":
        this.#names.define([statement.name], () => [this.#const(statement)]);
        break;
      case "use":
        this.#names.define([statement.name], () => [this.#use(statement)], "other");
        break;
      case "length":
        this.#lengths.declare(statement);
        break;
      case "assign":
        this.#assign(statement, statement.value);
        break;
      case "output":
        if (statement.value !== undefined) this.#assign(statement, statement.value);
        break;
      case "loss":
      case "metric":
        break;
    }
  }

  #type(name: Ident, syntax: TypeSyntax): ArrayType {
    const axes = syntax.axes.map((axis) => checkSize(this.#context, axis));
    const { elem } = syntax;
    const type = arrayOf(axes, elem.kind === "id" ? { kind: "id", count: checkSize(this.#context, elem.count) } : elem);
    if (!refuseLarge(this.#context, name, type)) return type;
    return { ...type, axes: axes.map((axis) => ({ ...axis, extent: undefined })) };
  }

  #bind(kind: Binding["kind"], name: Ident, type: Type, doc?: string): Binding {
    const binding = { kind, name: name.name, type, span: name.span, ...(doc === undefined ? {} : { doc }) };
    if (!this.#bindings.has(name.name)) this.#bindings.set(name.name, binding);
    return binding;
  }

  #port(statement: PortStatement): Meaning {
    return valueMeaning(
      readOf(this.#bind(statement.kind, statement.name, this.#type(statement.name, statement.type), statement.doc)),
    );
  }

  #state(statement: StateStatement): Meaning {
    const { name, initial } = statement;
    const type = this.#type(statement.name, statement.type);
    const binding = this.#bind("state", name, type, statement.doc);
    if (type.elem.kind !== "f32") {
      this.reporter.report("SEQ3008", statement.span, `The state \`${name.name}\` has to hold numbers.`);
    }
    if (initial !== undefined) this.#initials.set(name.name, this.#initial(initial, binding, type));
    return valueMeaning(readOf(binding));
  }

  #initial(expr: Expr, binding: Binding, type: ArrayType): TypedExpr {
    const value = checkExpr(this.#context, expr);
    if (value.type.kind === "error") return value;
    const early = [...readsOf(value, this.#steps)].find(
      ({ kind }) => kind === "input" || kind === "state" || kind === "next",
    );
    if (early !== undefined) {
      const message = `The start of \`${binding.name}\` depends on the ${early.kind} \`${early.name}\`, which varies from step to step.`;
      this.reporter.report("SEQ4013", expr.span, message);
      return errorExpr(expr.span);
    }
    return value.type.axes.length === 0 && wantNumber(this.#context, value)
      ? value
      : checkFit(this.#context, value, type, binding);
  }

  #param(statement: ParamStatement): Meaning {
    const type = this.#type(statement.name, statement.type);
    const parameter = checkParameter(this.#context, statement, type, this.at.path);
    this.#bindings.set(parameter.name, parameter);
    return valueMeaning(readOf(parameter));
  }

  #const(statement: ConstStatement): Meaning {
    const { name, indices, value } = statement;
    const type = this.#type(statement.name, statement.type);
    const binders = indices.map((index) => ({ name: index, span: index.span }));
    const expr =
      indices.length > 0
        ? checkBuild(this.#context, binders, value, checkSize, type.axes)
        : checkExpr(this.#context, value);
    const binding = this.#bind("const", name, type, statement.doc);
    const fitted = checkFit(this.#context, expr, type, binding);
    const other = [...readsOf(fitted, this.#steps)].find(({ kind }) => kind !== "const" && kind !== "value");
    if (other !== undefined) {
      const message = `A const is made of numbers, indices and other consts, but \`${name.name}\` depends on the ${other.kind} \`${other.name}\`.`;
      this.reporter.report("SEQ2019", value.span, message);
    }
    this.#steps.push({ binding, value: fitted });
    return valueMeaning(readOf(binding));
  }

  #use(statement: UseStatement): Meaning {
    const instance = checkUse(this.#context, statement, this.at, checkBlock);
    if (instance === undefined) return MISTAKEN;
    this.#instances.set(statement.name.name, instance);
    return { kind: "instance", instance };
  }

  #assign(statement: AssignStatement | OutputStatement, value: Expr): void {
    const targets = statement.targets.map((target) => ({ target, key: this.#keyOf(target) }));
    this.#names.define(
      targets.map(({ target, key }) => ({ name: key, span: target.span })),
      () =>
        this.#values(
          statement.targets,
          value,
          targets.map(({ key }) => key),
        ),
    );
  }

  /** The name a left side defines. A state written without its prime counts as its next value. */
  #keyOf(target: AssignTarget): string {
    const { name } = target.name;
    const state = this.#states.get(name);
    if (state !== undefined && !target.primed) {
      const related = [{ span: state.name.span, message: `\`${name}\` is declared as a state here` }];
      const help = `write \`${name}' = …\``;
      const message = `\`${name}\` is a state; its next value is written with a prime.`;
      this.reporter.report("SEQ4003", target.name.span, message, { related, help });
    }
    if (state === undefined && target.primed) {
      const help = `write \`${name}\` without the prime, or declare \`state ${name}: …\``;
      this.reporter.report("SEQ4002", target.span, `\`${name}\` is no state, so it has no next value.`, { help });
    }
    return state === undefined ? name : `${name}'`;
  }

  #values(targets: readonly AssignTarget[], value: Expr, keys: readonly string[]): readonly Meaning[] {
    const [only] = targets;
    if (targets.length === 1 && only.indices !== undefined) {
      const declared = this.#declaredAxes(only);
      return [this.#name(only, keys[0], checkBuild(this.#context, only.indices, value, checkSize, declared))];
    }
    if (value.kind === "error") return targets.map((target, i) => this.#name(target, keys[i], errorExpr(value.span)));
    if (value.kind !== "call" && value.kind !== "apply") {
      const expr = checkExpr(this.#context, value);
      if (targets.length === 1) return [this.#name(only, keys[0], expr)];
      this.reporter.report(
        "SEQ3013",
        value.span,
        `This is one value, but ${targets.length} names stand on the left side.`,
      );
      return targets.map(() => MISTAKEN);
    }
    const indexed = targets.find((target) => target.indices !== undefined);
    if (indexed !== undefined) {
      this.reporter.report("SEQ3013", indexed.span, "With several names on the left side, none has indices.");
    }
    const { results, last } = checkCall(this.#context, value);
    if (results.length === 0 && last === undefined) {
      return targets.map((target, i) => this.#name(target, keys[i], errorExpr(value.span)));
    }
    const withLast = last !== undefined && targets.length === results.length + 1;
    if (!withLast && targets.length !== results.length) {
      const and = last === undefined ? "" : " (and the record of last states)";
      const message = `${counted(targets.length, "name")} on the left side for ${counted(results.length, "value")}${and}.`;
      this.reporter.report("SEQ3013", value.span, message);
      return targets.map(() => MISTAKEN);
    }
    return targets.map((target, i) =>
      i < results.length ? this.#name(target, keys[i], results[i]) : { kind: "record", fields: last! },
    );
  }

  #declaredAxes(target: AssignTarget): readonly Dim[] {
    const meaning = this.#states.has(target.name.name) ? this.#names.lookup(target.name.name, target.span) : undefined;
    const type = meaning?.kind === "value" ? meaning.expr.type : ERROR;
    return type.kind === "error" ? [] : type.axes;
  }

  /** Gives a value its name: a step of the block, unless it is a number known now. */
  #name(target: AssignTarget, key: string, value: TypedExpr): Meaning {
    const { name, span } = target;
    if (key.endsWith("'")) {
      const state = this.#names.lookup(name.name, span);
      const type = state?.kind === "value" ? state.expr.type : ERROR;
      const binding: Binding = { kind: "next", name: key, type, span };
      const fitted = type.kind === "error" ? value : checkFit(this.#context, value, type, binding);
      this.#bindings.set(key, binding);
      this.#steps.push({ binding, value: fitted });
      return valueMeaning(readOf(binding));
    }
    if (value.kind === "number") return { kind: "value", expr: { ...value, span } };
    if (value.type.kind === "error" || refuseLarge(this.#context, name, value.type)) return MISTAKEN;
    const binding = this.#bind("value", name, value.type);
    this.#steps.push({ binding, value });
    return valueMeaning(readOf(binding));
  }

  #defineMissingNexts(): void {
    for (const [name, statement] of this.#states) {
      if (this.#names.has(`${name}'`)) continue;
      this.reporter.report("SEQ4001", statement.name.span, `The state \`${name}\` has no next value.`, {
        help: `write \`${name}' = …\``,
      });
      this.#names.define([{ name: `${name}'`, span: statement.name.span }], () => [MISTAKEN]);
    }
  }

  #outputs(statement: OutputStatement): readonly Output[] {
    return statement.targets.map((target) => {
      // `output h = …` gives a state its next value, with a mistake reported: that is what it puts out.
      const isNext = statement.value !== undefined && this.#states.has(target.name.name);
      return checkOutput(this.#context, this.#steps, target, target.primed || isNext, statement.doc);
    });
  }

  #checkWhole(outputs: readonly Output[], losses: readonly Loss[]): void {
    const { kind, name, body } = this.at.declaration;
    if (kind === "model" && outputs.length === 0 && losses.length === 0 && !body.some((s) => s.kind === "loss")) {
      this.reporter.report("SEQ2020", name.span, `The model \`${name.name}\` has neither an output nor a loss.`);
    }
    if (kind === "cell" && this.#states.size === 0) {
      const help = "a layer maps over the steps of a sequence by itself";
      this.reporter.report("SEQ4014", name.span, `The cell \`${name.name}\` has no state.`, {
        help,
        severity: "warning",
      });
    }
  }

  #ports(kind: "input" | "context" | "target"): readonly Binding[] {
    return this.#statementsOf(kind).flatMap(({ name }) => {
      const binding = this.#bindings.get(name.name);
      return binding === undefined ? [] : [binding];
    });
  }

  #statementsOf(kind: PortStatement["kind"]): readonly PortStatement[] {
    return this.at.declaration.body.filter((s): s is PortStatement => s.kind === kind);
  }

  #stateList(): readonly State[] {
    return [...this.#states].flatMap(([name, { span }]) => {
      const binding = this.#bindings.get(name);
      if (binding === undefined) return [];
      const next = this.#bindings.get(`${name}'`) ?? { kind: "next", name: `${name}'`, type: ERROR, span };
      const initial = this.#initials.get(name);
      return [{ binding, next, ...(initial === undefined ? {} : { initial }) }];
    });
  }

  #parametersOf(statement: Statement): readonly Parameter[] {
    if (statement.kind === "use") {
      return (this.#instances.get(statement.name.name)?.blocks ?? []).flatMap((block) => block.parameters);
    }
    if (statement.kind !== "param") return [];
    const binding = this.#bindings.get(statement.name.name);
    return binding?.kind === "param" ? [binding as Parameter] : [];
  }
}
