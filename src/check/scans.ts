/** @file `scan`: a cell over the leading axis of its inputs, and the start of its states. */

import type { ApplyExpr, Expr, RecordSyntax } from "../parser/ast.js";
import { nameOf } from "./operators.js";
import { type Match, matchPort } from "./ports.js";
import { counted, didYouMean } from "./report.js";
import { NONE, type Results, resultsOf } from "./results.js";
import type { Context } from "./scope.js";
import { fixedHere, sameAxes, sameDim, showAxes, showDim, substituteType } from "./sizes.js";
import type { Binding, Block, Dim, Lengths, ScanCall, State, TypedExpr } from "./typed.js";

/** Types `scan cell(inputs…, contexts…) from start`; `prefix` is that of the instance in the record of a chain. */
export function scanCell(
  context: Context,
  block: Block,
  args: readonly TypedExpr[],
  expr: ApplyExpr,
  prefix: string,
): Results {
  const { span, callee } = expr;
  const ports = [...block.inputs, ...block.contexts];
  if (args.length !== ports.length) {
    const contexts = block.contexts.length === 0 ? "" : ` and ${counted(block.contexts.length, "context")}`;
    const wanted = `${counted(block.inputs.length, "input")}${contexts}`;
    context.reporter.report(
      "SEQ2010",
      span,
      `\`${callee.name}\` takes ${wanted}, here are ${counted(args.length, "argument")}.`,
    );
    return NONE;
  }
  if (block.inputs.length === 0) {
    context.reporter.report(
      "SEQ3015",
      span,
      `The cell ${block.name} has no input, so nothing says how many steps it runs.`,
    );
    return NONE;
  }
  const match: Match = { lengths: new Map(), context };
  const leading = args.map((arg, i) => leadingAxes(match, ports[i], arg));
  const steps = commonSteps(context, args, leading.slice(0, block.inputs.length));
  const from = startsOf(context, block, match.lengths, expr.from, prefix);
  if (steps === undefined || from === undefined || leading.includes(undefined)) return NONE;
  const { lengths } = match;
  const inputs = block.inputs.length;
  const call: ScanCall = {
    kind: "scan",
    block,
    reverse: expr.scan === "reverse",
    args: args.slice(0, inputs),
    contexts: args.slice(inputs),
    steps,
    lengths,
    from,
  };
  const outputs = block.outputs.map(({ value }) => {
    const type = substituteType(value.type, lengths);
    return type.kind === "error" ? type : { ...type, axes: [steps, ...type.axes] };
  });
  const states = block.states.map(({ binding }) => substituteType(binding.type, lengths));
  const results = resultsOf(call, [...outputs, ...states], span);
  const last = new Map(block.states.map(({ binding }, i) => [binding.name, results[outputs.length + i]]));
  return { results: results.slice(0, outputs.length), last };
}

/** Inputs have the axis of steps more than declared, contexts none. */
function leadingAxes(match: Match, port: Binding, arg: TypedExpr): readonly Dim[] | undefined {
  const { context } = match;
  const extra = matchPort(match, port, arg);
  const wanted = port.kind === "input" ? 1 : 0;
  if (extra === undefined || extra.length === wanted || arg.type.kind === "error") return extra;
  const shape = showAxes(arg.type.axes, context.symbolic);
  const related = [{ span: port.span, message: `\`${port.name}\` is declared here` }];
  if (extra.length === 0) {
    const message = `${nameOf(arg, "The argument")} is ${shape}, one step alone; \`scan\` runs over a leading axis.`;
    context.reporter.report("SEQ3015", arg.span, message, { related });
  } else {
    const message = `${nameOf(arg, "The argument")} is ${shape}, which has ${counted(extra.length - wanted, "axis more").replace("axis mores", "axes more")} than \`scan\` can run over.`;
    context.reporter.report("SEQ3016", arg.span, message, { related });
  }
  return undefined;
}

function commonSteps(
  context: Context,
  args: readonly TypedExpr[],
  leading: readonly (readonly Dim[] | undefined)[],
): Dim | undefined {
  let steps: Dim | undefined;
  for (const [i, axes] of leading.entries()) {
    if (axes === undefined) return undefined;
    const [axis] = axes;
    if (steps !== undefined && !sameDim(steps, axis)) {
      const [a, b] = [steps, axis].map((dim) => showDim(dim, context.symbolic));
      const related = [fixedHere(steps, context.symbolic), fixedHere(axis, context.symbolic)];
      context.reporter.report("SEQ3014", args[i].span, `The inputs run over different lengths: ${a} and ${b}.`, {
        related,
      });
      return undefined;
    }
    steps = axis;
  }
  return steps?.extent === undefined ? undefined : steps;
}

/** The starts that `from` gives; undefined after a mistake. */
function startsOf(
  context: Context,
  block: Block,
  lengths: Lengths,
  from: Expr | RecordSyntax | undefined,
  prefix: string,
): ReadonlyMap<Binding, TypedExpr> | undefined {
  const starts = new Map<Binding, TypedExpr>();
  if (from === undefined) return starts;
  let sound = true;
  const set = (state: State, value: TypedExpr) => {
    sound = fitsState(context, state, lengths, value) && sound;
    starts.set(state.binding, value);
  };
  if (from.kind === "record") {
    for (const { name, value } of from.fields) {
      const state = block.states.find(({ binding }) => binding.name === name.name);
      const start = context.check(context, value);
      if (state !== undefined) set(state, start);
      else {
        const known = block.states.map(({ binding }) => binding.name);
        const message = `The cell ${block.name} has no state \`${name.name}\`.`;
        const near = didYouMean(name.name, known);
        const help = near.help ?? `it has ${known.map((state) => `\`${state}\``).join(", ")}`;
        context.reporter.report("SEQ4011", name.span, message, { help });
        sound = false;
      }
    }
    return sound ? starts : undefined;
  }
  const meaning = from.kind === "name" ? context.scope.lookup(from.name, from.span) : undefined;
  if (meaning?.kind === "error") return undefined;
  if (meaning?.kind !== "record") {
    context.reporter.report(
      "SEQ2019",
      from.span,
      "`from` takes a record of last states, or sets states: `from { h: e }`.",
    );
    return undefined;
  }
  for (const state of block.states) {
    const start = meaning.fields.get(prefix + state.binding.name);
    if (start !== undefined) set(state, { ...start, span: from.span });
    else {
      const message = `The record has no state \`${prefix}${state.binding.name}\`, which the cell ${block.name} needs.`;
      const related = [{ span: state.binding.span, message: "declared here" }];
      const help = `set those there are: \`from { ${block.states[0].binding.name}: … }\``;
      context.reporter.report("SEQ4010", from.span, message, { related, help });
      sound = false;
    }
  }
  return sound ? starts : undefined;
}

function fitsState(context: Context, state: State, lengths: Lengths, value: TypedExpr): boolean {
  const wanted = substituteType(state.binding.type, lengths);
  if (value.type.kind === "error" || wanted.kind === "error") return value.type.kind !== "error";
  const scalar = value.type.axes.length === 0;
  if (value.type.elem.kind === "f32" && (scalar || sameAxes(value.type.axes, wanted.axes))) return true;
  const [given, shape] = [value.type.axes, wanted.axes].map((axes) => showAxes(axes, context.symbolic));
  const message = `The start of \`${state.binding.name}\` is ${given}, but the state is ${shape}.`;
  const related = [{ span: state.binding.span, message: `\`${state.binding.name}\` is declared here` }];
  context.reporter.report("SEQ3016", value.span, message, { related });
  return false;
}
