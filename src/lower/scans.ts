/** @file Lowers `scan`: the cell's steps become the region of a loop over the steps' axis. */

import type { Binding, ScanCall, State, Type } from "../check/typed.js";
import type { Builder } from "../ir/builder.js";
import { stack, stackAxis } from "../ir/shape.js";
import type { Dim, Value } from "../ir/types.js";
import { present } from "../support/assert.js";
import type { Environment } from "./environment.js";
import {
  BATCH_LABEL,
  byRank,
  closeLabels,
  type Label,
  type Labelled,
  openAxes,
  pointwise,
  spread,
} from "./labelled.js";
import type { Probe } from "./probes.js";

/** One sequence as the loop wants it, and the labels of a step of it. */
interface Sequence {
  readonly binding: Binding;
  readonly value: Value;
  readonly labels: readonly Label[];
}

/** Gives the outputs, then the last states. */
export function lowerScan(env: Environment, call: ScanCall): readonly Labelled[] {
  const { block, steps: stepsDim } = call;
  const b = env.builder;
  const step = env.labels.next(stepsDim.text, env.dim(stepsDim));
  const args = call.args.map((arg) => env.lower(arg));
  const before = env.inside(call.lengths);
  for (const [i, context] of block.contexts.entries()) before.values.set(context, env.lower(call.contexts[i]));
  before.lowerSteps(block, "prelude");
  const starts = startsOf(env, before, call);
  const contexts = block.contexts.map((context) => before.read(context));
  const labels = byRank([BATCH_LABEL, ...[...args, ...contexts, ...starts].flatMap((value) => value.labels)]);
  const initial = block.states.map(({ binding }, i) => spread(b, starts[i], labels, shapeOf(before, binding.type)));
  const sequences = args.map((arg, i) => sequenceOf(b, block.inputs[i], openAxes(arg, [step]), step));
  const inputs = sequences.map(({ value }) => value);
  const { perturb } = env;
  const perturbations = perturb
    ? block.states.map(({ binding }, i) => perturb(block, binding, stack(initial[i].type, step.extent)))
    : [];

  const outputLabels: (readonly Label[])[] = [];
  let probed: readonly Probe[] = [];
  const body: Body = (inner, states, values) => {
    outputLabels.length = 0;
    const within = before.nested(inner);
    for (const [i, { binding }] of block.states.entries()) within.values.set(binding, { value: states[i], labels });
    for (const [i, { binding, labels: own }] of sequences.entries()) {
      within.values.set(binding, { value: values[i], labels: own });
    }
    within.loopStep = values[sequences.length + perturbations.length];
    within.loopGiven = new Set([...states, ...values].map(({ id }) => id));
    const real = isReal(inner, step, within.loopStep);
    const hold = (state: State, next: Labelled): Labelled => {
      if (real === undefined) return next;
      return pointwise([real, next, within.read(state.binding)], inner, (r, x, y) => inner.select(r, x, y));
    };
    // Forwards a state that is over is read as it ended. Backwards it has not begun, which could be no number to others.
    within.lowerSteps(block, "steps", (binding, given) => {
      const at = block.states.findIndex(({ next }) => next === binding);
      if (at < 0) return given;
      const value = perturb ? perturbed(inner, given, { value: values[sequences.length + at], labels }) : given;
      return call.reverse ? value : hold(block.states[at], value);
    });
    const next = block.states.map((state) => {
      const value = within.read(state.next);
      return spread(inner, call.reverse ? hold(state, value) : value, labels, shapeOf(within, state.binding.type));
    });
    const results = block.outputs.map(({ value }) => within.lower(value));
    probed = within.probes ?? [];
    const outputs = [...results, ...probed].map((output) => {
      const own = byRank(output.labels);
      outputLabels.push(own);
      return spread(inner, output, own);
    });
    return { next, outputs };
  };
  const paths = block.states.map(({ binding }) => `${block.path}.${binding.name}`);
  const hints = [...paths, ...block.outputs.map(({ name }) => name)];
  const given = [...inputs, ...perturbations];
  const { reverse } = call;
  const { last, stacked } =
    typeof step.extent === "string"
      ? b.scan({ length: step.extent, reverse }, initial, [...given, b.iota([step.extent], 0)], body, hints)
      : unroll(b, { count: step.extent, reverse }, initial, given, body);
  const all = stacked.map((value, i): Labelled => {
    const own = outputLabels[i];
    const at = own[0] === BATCH_LABEL ? 1 : 0;
    return { value, labels: own.toSpliced(at, 0, step) };
  });
  const outputs = all.slice(0, block.outputs.length);
  env.probes?.push(...probed.map((probe, i) => ({ ...probe, ...all[outputs.length + i] })));
  return [...outputs.map((output) => closeLabels(b, output, [step])), ...last.map((value) => ({ value, labels }))];
}

function perturbed(b: Builder, value: Labelled, perturbation: Labelled): Labelled {
  return pointwise([value, perturbation], b, (x, e) => b.binary("add", x, e));
}

/** Whether the step of the loop belongs to the example; undefined where all do. */
function isReal(b: Builder, { end }: Label, loopStep: Value | undefined): Labelled | undefined {
  if (end === undefined) return undefined;
  const now: Labelled = { value: present(loopStep, "lower", "the number of the step"), labels: [] };
  return pointwise([now, { value: end, labels: [BATCH_LABEL] }], b, (t, n) => b.binary("lt", t, n));
}

function shapeOf(env: Environment, type: Type): readonly Dim[] {
  return type.kind === "error" ? [] : type.axes.map((dim) => env.dim(dim));
}

/** From the call, else as declared, else zero. */
function startsOf(env: Environment, before: Environment, call: ScanCall): readonly Labelled[] {
  return call.block.states.map(({ binding, initial }) => {
    const given = call.from.get(binding);
    if (given !== undefined) return env.lower(given);
    return initial === undefined ? { value: before.builder.constant(0), labels: [] } : before.lower(initial);
  });
}

/** The axis of steps behind the batch, or in front where a step has none. */
function sequenceOf(b: Builder, binding: Binding, arg: Labelled, step: Label): Sequence {
  const labels = byRank(arg.labels.filter((label) => label !== step));
  const at = labels[0] === BATCH_LABEL ? 1 : 0;
  return { binding, value: spread(b, arg, labels.toSpliced(at, 0, step)), labels };
}

type Body = Parameters<Builder["scan"]>[3];

/** A loop over an axis of known size, of which the IR has none: its steps one after another. */
function unroll(
  b: Builder,
  { count, reverse }: { readonly count: number; readonly reverse: boolean },
  initial: readonly Value[],
  sequences: readonly Value[],
  body: Body,
): { readonly last: readonly Value[]; readonly stacked: readonly Value[] } {
  const order = Array.from({ length: count }, (_, t) => (reverse ? count - 1 - t : t));
  const columns: Value[][] = [];
  let states = initial;
  for (const t of order) {
    const values = sequences.map((sequence) => {
      const axis = stackAxis(sequence.type);
      return b.reduce("sum", b.slice(sequence, axis, t, 1), [axis]);
    });
    const { next, outputs } = body(b, states, values);
    states = next;
    for (const [i, output] of outputs.entries()) {
      const { shape } = output.type;
      const axis = stackAxis(output.type);
      const places = shape.map((_, from) => (from < axis ? from : from + 1));
      columns[i] ??= [];
      columns[i][t] = b.broadcast(output, shape.toSpliced(axis, 0, 1), places);
    }
  }
  return { last: states, stacked: columns.map((column) => b.concat(column, stackAxis(column[0].type))) };
}
