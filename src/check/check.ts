/** @file The entry of the checker: from the texts of a program to its typed models and all diagnostics. */

import type { Diagnostic } from "../diagnostics/diagnostic.js";
import type { BlockDeclaration, FunctionDeclaration } from "../parser/ast.js";
import { checkBlock } from "./block.js";
import { checkExpr } from "./expressions.js";
import type { SourceHost } from "./host.js";
import { isSizeName, parameterValues, sampleValues, topContext } from "./instances.js";
import { Loader, type Parse, type Unit } from "./loader.js";
import { scannedAxes } from "./reads.js";
import { Reporter } from "./report.js";
import { errorExpr, type Meaning, numberExpr, valueMeaning, withNames } from "./scope.js";
import { elementsOf, MOST_ELEMENTS } from "./sizes.js";
import type { Block, TypedModel } from "./typed.js";

export interface Program {
  /** The user's files, by the names the host reads. */
  readonly files: readonly string[];
  readonly host: SourceHost;
  readonly parse: Parse;
  /** Values for the parameters of models, from the command line. */
  readonly set?: Readonly<Record<string, number>>;
}

export interface Checked {
  /** The models without mistakes all of whose parameters have a value. */
  readonly models: readonly TypedModel[];
  /** The cells and layers without mistakes for which sample values could be found. */
  readonly samples: readonly Sample[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A cell or layer alone. */
export interface Sample {
  readonly block: Block;
  /** Values that stand for any, and are no accidental multiples of each other, for the sizes without a default. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Checks every declaration of the files: models with their real sizes and, through them, what they use; then each
 * block alone with sample sizes, for what no model reaches. Never throws on a user's text.
 */
export function checkProgram({ files, host, parse, set = {} }: Program): Checked {
  const reporter = new Reporter();
  const loader = new Loader(host, parse, reporter);
  const units = files.flatMap((file) => loader.load(file) ?? []);
  const models = units.flatMap((unit) => blocksOf(unit).flatMap((block) => checkModel(reporter, unit, block, set)));
  const samples = units.flatMap((unit) =>
    unit.unit.declarations.flatMap((declaration) => {
      if (declaration.kind !== "fn") return checkAlone(reporter, unit, declaration);
      checkFunctionAlone(reporter, unit, declaration);
      return [];
    }),
  );
  return { models, samples, diagnostics: reporter.finish() };
}

function blocksOf(unit: Unit): readonly BlockDeclaration[] {
  return unit.unit.declarations.filter((declaration) => declaration.kind !== "fn");
}

/** A scan over an axis of known size is written out step by step; over a length it is a loop. */
const MOST_FIXED_STEPS = 64;

function checkModel(
  reporter: Reporter,
  unit: Unit,
  declaration: BlockDeclaration,
  set: Readonly<Record<string, number>>,
): readonly TypedModel[] {
  if (declaration.kind !== "model") return [];
  const errors = reporter.errors;
  const given = new Map<string, Meaning>();
  for (const { name } of declaration.parameters) {
    if (!Object.hasOwn(set, name.name)) continue;
    const value = set[name.name];
    const whole = Number.isInteger(value) && value >= 1;
    const large = isSizeName(name.name) && value > MOST_ELEMENTS;
    if (large) {
      const message = `The size \`${name.name}\` is set to ${value}, more than ${MOST_ELEMENTS}.`;
      reporter.report("SEQ3025", name.span, message);
    }
    if (isSizeName(name.name) && !whole) {
      const help = "sizes are whole and at least 1";
      reporter.report("SEQ3009", name.span, `The size \`${name.name}\` is set to ${value}.`, { help });
    }
    const sound = (whole && !large) || !isSizeName(name.name);
    given.set(name.name, sound ? { kind: "value", expr: numberExpr(value, name.span) } : { kind: "error" });
  }
  const context = topContext(reporter, unit.scope, false);
  const values = parameterValues(context, declaration, unit.scope, given, declaration.name.span, "warning");
  if (values === undefined) return [];
  const instantiation = { declaration, home: unit.scope, values, path: "", symbolic: false, around: [] };
  const block = checkBlock(reporter, instantiation);
  const long = scannedAxes(block).find(({ extent }) => typeof extent === "number" && extent > MOST_FIXED_STEPS);
  if (long !== undefined) {
    reporter.notCompiled(long.span, `A scan over ${long.extent} steps, more than ${MOST_FIXED_STEPS} known here, is`);
  }
  const elements = block.parameters.reduce(
    (sum, { type }) => sum + (type.kind === "array" ? elementsOf(type.axes) : 0),
    0,
  );
  if (elements > MOST_ELEMENTS) {
    const message = `The parameters of \`${block.name}\` have ${elements} elements together, more than ${MOST_ELEMENTS}.`;
    reporter.report("SEQ3025", declaration.name.span, message);
  }
  // A file that did not parse gives no model: what the parser left out might have changed its meaning.
  return reporter.errors > errors || !unit.sound
    ? []
    : [{ ...block, kind: "model", source: unit.name, span: declaration.name.span }];
}

function checkAlone(reporter: Reporter, unit: Unit, declaration: BlockDeclaration): readonly Sample[] {
  const errors = reporter.errors;
  const values = sampleValues(reporter, declaration, unit.scope);
  const block = checkBlock(reporter, { declaration, home: unit.scope, values, path: "", symbolic: true, around: [] });
  // A parameter that is a number, a function or a block has no sample.
  const whole = [...values.values()].every((value) => value.kind !== "error");
  if (declaration.kind === "model" || !whole || reporter.errors > errors || !unit.sound) return [];
  const open = declaration.parameters.filter((parameter) => parameter.default === undefined);
  const sizes = open.flatMap(({ name: { name } }): [string, number][] => {
    const value = values.get(name);
    return value?.kind === "value" && value.expr.kind === "number" ? [[name, value.expr.value]] : [];
  });
  return [{ block, sizes: new Map(sizes) }];
}

/** Arguments may be anything, so only names and the shape of calls are looked at. */
function checkFunctionAlone(reporter: Reporter, unit: Unit, declaration: FunctionDeclaration): void {
  const parameters = declaration.parameters.map(({ name, span }) => [name, valueMeaning(errorExpr(span))] as const);
  const scope = withNames(unit.scope, new Map(parameters));
  checkExpr({ ...topContext(reporter, scope, true), inlining: [declaration] }, declaration.body);
}
