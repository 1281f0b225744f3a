/** @file The entry of the lowering: a typed model becomes a module whose forward graph gives outputs, loss and metrics. */

import type { Binding, Elem as CheckedElem, TypedModel } from "../check/typed.js";
import { Builder } from "../ir/builder.js";
import { streamedLength } from "../ir/streamed-length.js";
import {
  type Arg,
  type ArgKind,
  BATCH,
  type Elem,
  type Graph,
  type Module,
  type Parameter,
  type Port,
  type Precision,
  type Result,
  type Type,
  type Value,
} from "../ir/types.js";
import { invariant, present } from "../support/assert.js";
import { Environment, LabelSource } from "./environment.js";
import { lowerExpr } from "./expressions.js";
import { BATCH_LABEL, byRank, closeLabels, type Labelled, named, spread } from "./labelled.js";
import { normalise } from "./losses.js";
import { CallNames, type ProbeSelection, pathOf } from "./probes.js";
import { zeroOwnPastEnd } from "./ragged.js";

export interface LowerOptions {
  readonly precision?: Precision;
  /** Adds the graphs of named values, and of the loss's derivative with respect to states. */
  readonly probe?: ProbeSelection;
  /** Adds the graph of training that carries states from batch to batch. */
  readonly stateful?: boolean;
}

/** Lowers a model without mistakes. The batch leads every input, target and output. */
export function lower(model: TypedModel, { precision, probe, stateful = false }: LowerOptions = {}): Module {
  const parameters = model.parameters.map((parameter): Parameter => {
    const { path: name, init, frozen, noDecay, doc } = parameter;
    const shape = shapeOf(parameter).map((dim) => {
      invariant(typeof dim === "number", "lower", `the parameter ${name} has a length`);
      return dim;
    });
    return { name, shape, init, frozen, noDecay, ...(doc === undefined ? {} : { doc }) };
  });
  const forward = forwardGraph(model, parameters, model.ragged);
  const streamed = streamedLength(model.lengths, forward);
  const others = model.ragged.filter((length) => length !== streamed);
  return {
    name: model.name,
    ...(model.doc === undefined ? {} : { doc: model.doc }),
    ...(precision === "f16" && { precision }),
    lengths: model.lengths,
    ...(model.ragged.length > 0 ? { ragged: model.ragged } : {}),
    parameters,
    inputs: model.inputs.map(portOf),
    targets: model.targets.map(portOf),
    outputs: model.outputs.map(({ name, value, doc }) => portOf({ name, type: value.type, doc })),
    metrics: model.metrics.map(({ name }) => name),
    states: [],
    ...(stateful && streamed !== undefined && { carryLength: streamed }),
    graphs: {
      forward,
      ...(others.length < model.ragged.length && { endless: forwardGraph(model, parameters, others) }),
      ...(stateful && { carried: forwardGraph(model, parameters, model.ragged, { counted: streamed }) }),
      ...(probe && probeGraphs(model, parameters, probe)),
    },
  };
}

/** What is chosen of the values named; the loss of perturbed states, if there are a loss and states. */
function probeGraphs(model: TypedModel, parameters: readonly Parameter[], selection: ProbeSelection): Module["graphs"] {
  const probe = forwardGraph(model, parameters, model.ragged, { inside: selection });
  const profile = forwardGraph(model, parameters, model.ragged, { inside: "perturbed" });
  const isPerturbed = profile.args.some(({ kind }) => kind === "perturbation");
  return { probe, ...(model.losses.length > 0 && isPerturbed && { profile }) };
}

/**
 * @param ragged the lengths of which every example shall have its own.
 * @param inside states may be perturbed; or the results are named values, instead of outputs, loss and metrics.
 * @param counted the length whose places count on from the steps before, a state of that name.
 */
function forwardGraph(
  model: TypedModel,
  parameters: readonly Parameter[],
  ragged: readonly string[],
  { inside, counted }: { readonly inside?: "perturbed" | ProbeSelection; readonly counted?: string | undefined } = {},
): Graph {
  const b = new Builder();
  const args: Arg[] = [];
  const add = (kind: ArgKind, name: string, type: Type): Labelled => {
    const value = b.fresh(type, name);
    args.push({ kind, name, value });
    return { value, labels: kind === "param" ? [] : [BATCH_LABEL] };
  };
  const known = new Map(parameters.map(({ name, shape }) => [name, add("param", name, { elem: "f32", shape })]));
  const ends = ragged.map((name): [string, Value] => {
    return [name, add("input", name, { elem: "i32", shape: [BATCH] }).value];
  });
  const pasts = [counted ?? []].flat().map((name): [string, Value] => {
    return [name, add("state", name, { elem: "i32", shape: [BATCH] }).value];
  });
  const env = new Environment(
    b,
    new LabelSource(new Map(ends), new Map(pasts)),
    known,
    new Map(model.lengths.map((name) => [name, name])),
    lowerExpr,
  );
  for (const binding of [...model.inputs, ...model.targets]) {
    const port = portOf(binding);
    const kind = binding.kind === "target" ? "target" : "input";
    env.values.set(binding, add(kind, port.name, { elem: port.elem, shape: [BATCH, ...port.shape] }));
  }
  const calls = new CallNames();
  if (inside === "perturbed") {
    env.perturb = (block, { name }, type) => add("perturbation", calls.next(pathOf(block, name)), type).value;
  } else if (inside !== undefined) env.probes = [];
  env.lowerSteps(model, "prelude");
  env.lowerSteps(model, "steps");
  // What only a loss calls is lowered with it, so it comes before the named values.
  const results = [...outputsOf(env, model), ...lossOf(env, model), ...metricsOf(env, model)];
  const shown = typeof inside === "object" ? probesOf(env, inside) : results;
  return { args, instrs: b.instrs, results: shown };
}

/** All axes that a value depends on are its own, the batch first, the others from the outermost loop or layer inwards. */
function probesOf(env: Environment, selection: ProbeSelection): readonly Result[] {
  const b = env.builder;
  return [...selection.choose(env.probes ?? [])].map(([name, probe]) => {
    const places = byRank(probe.labels).filter((label) => label !== BATCH_LABEL);
    const value = zeroOwnPastEnd(b, env.labels, closeLabels(b, probe, places));
    return { kind: "probe", name, value: spread(b, value, byRank(value.labels)) };
  });
}

function outputsOf(env: Environment, { outputs }: TypedModel): readonly Result[] {
  return outputs.map(({ name, value }) => {
    const output = zeroOwnPastEnd(env.builder, env.labels, env.lower(value));
    return { kind: "output", name, value: spread(env.builder, output, [BATCH_LABEL]) };
  });
}

function lossOf(env: Environment, { losses }: TypedModel): readonly Result[] {
  const b = env.builder;
  const terms = losses.map(({ value, where }) => normalise(env, env.lower(value), where && env.lower(where)));
  if (terms.length === 0) return [];
  const total: Labelled = { value: terms.reduce((x, y) => b.binary("add", x, y)), labels: [] };
  return [{ kind: "loss", name: "loss", value: named(b, total, "loss").value }];
}

function metricsOf(env: Environment, { metrics }: TypedModel): readonly Result[] {
  return metrics.map(({ name, value }) => {
    const metric: Labelled = { value: normalise(env, env.lower(value), undefined), labels: [] };
    return { kind: "metric", name, value: named(env.builder, metric, name).value };
  });
}

function portOf({ name, type, doc }: Pick<Binding, "name" | "type"> & { readonly doc?: string | undefined }): Port {
  const elem = type.kind === "array" ? type.elem : undefined;
  const classes = elem?.kind === "id" ? { classes: Number(elem.count.extent) } : {};
  const described = doc === undefined ? {} : { doc };
  return {
    name,
    elem: elemOf(present(elem, "lower", `the type of ${name}`)),
    shape: shapeOf({ name, type }),
    ...classes,
    ...described,
  };
}

function shapeOf({ name, type }: Pick<Binding, "name" | "type">): Port["shape"] {
  invariant(type.kind === "array", "lower", `${name} has no type`);
  return type.axes.map((dim) => present(dim.extent, "lower", `a size of ${name}`));
}

function elemOf({ kind }: CheckedElem): Elem {
  return kind === "id" ? "i32" : kind;
}
