/** @file What has to hold of every well-formed spec; each property throws where it does not. */

import { type CompiledModel, compile } from "../../src/compile.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import { BATCH, type Graph, type Instr, type Module } from "../../src/ir/types.js";
import { formatUnit } from "../../src/parser/format.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { type Arrays, moduleOf, randomArguments, randomSource } from "../lower/support.js";
import { parseText, withoutSpans } from "../parser/support.js";
import { runChunks, steps } from "../passes/streaming.js";
import { alone, evaluate, example, raggedArguments } from "../ragged/examples.js";
import { mutate } from "../support/mutate.js";
import type { Spec } from "./spec.js";

export type Runner = (graph: Graph, args: Arrays, lengths: Spec["lengths"]) => Promise<Record<string, NdArray>>;

/**
 * Parses, formats to a text of the same tree, and compiles without a mistake; that nothing uses a value is a warning.
 * @returns undefined for what the compiler says it does not compile yet.
 */
export function compiles({ text }: Spec): CompiledModel | undefined {
  const { unit } = parseText(text);
  const formatted = formatUnit(unit);
  const again = parseText(formatted);
  if (JSON.stringify(withoutSpans(again.unit)) !== JSON.stringify(withoutSpans(unit))) {
    throw new Error(`formatting changes the tree:\n${formatted}`);
  }
  const { models, diagnostics } = compile({ files: ["a.seq"], host: hostOf({ "a.seq": text }), verify: true });
  const mistakes = diagnostics.filter(({ severity }) => severity === "error");
  if (mistakes.length > 0 && mistakes.every(({ code }) => code === "SEQ9002")) return undefined;
  if (mistakes.length > 0) throw new Error(mistakes.map(({ code, message }) => `${code} ${message}`).join("\n"));
  return models[0];
}

/** The optimised graphs compute what the lowered one does, and the gradients are those of central differences. */
export function agreesWithItself(spec: Spec, { module }: CompiledModel): void {
  const lowered = present(moduleOf(spec.text).graphs.forward, "test", "the lowered graph");
  const { train, predict } = graphsOf(module);
  const args = randomArguments(module, spec.lengths, spec.seed);
  const training = { ...lowered, instrs: inTraining(lowered.instrs) };
  const compare = (graph: Graph, original: Graph) => {
    const got = evaluateGraph(graph, args, spec.lengths);
    const want = evaluateGraph(original, args, spec.lengths);
    for (const [name, { data }] of Object.entries(got)) {
      if (!data.every(Number.isFinite)) throw new Error(`${name} is not finite`);
      if (!(name in want) || isCount(name)) continue;
      const error = distance(data, want[name].data, 1e-3);
      if (!(error <= 1e-10)) throw new Error(`the passes change ${name} by ${error}`);
    }
    return got;
  };
  compare(predict, lowered);
  const trained = compare(train, training);
  if (!/\bstop_gradient\(/.test(spec.text)) checkGradients(module, training, args, trained, spec);
}

/** The instructions where dropout draws, untouched but for that. */
function inTraining(instrs: readonly Instr[]): readonly Instr[] {
  return instrs.map((instr): Instr => {
    if (instr.op === "training") return { ...instr, op: "const", attrs: { value: 1, elem: "bool" } };
    if (instr.op !== "scan") return instr;
    const { body } = instr.attrs;
    return { ...instr, attrs: { ...instr.attrs, body: { ...body, instrs: inTraining(body.instrs) } } };
  });
}

const STEPS = [1e-3, 1e-4, 1e-5, 1e-6];

/** A derivative counts as found once one step size finds it: a larger one may reach over a kink, a smaller one rounds. */
function checkGradients(module: Module, lowered: Graph, args: Arrays, trained: Arrays, spec: Spec): void {
  const random = randomSource(spec.seed + 1);
  const learned = module.parameters.filter(({ name }) => `grad:${name}` in trained);
  if (learned.length === 0) return;
  const gradients = learned.map(({ name }) => trained[`grad:${name}`].data);
  const scale = Math.sqrt(gradients.reduce((sum, data) => sum + dot(data, data), 0));
  const loss = (name: string, data: readonly Float64Array[], h: number) => {
    const moved = learned.map((parameter, p): [string, NdArray] => {
      const { shape, data: at } = args[parameter.name];
      return [
        parameter.name,
        ndarray(
          shape,
          Array.from(at, (x, i) => x + h * data[p][i]),
        ),
      ];
    });
    const results = evaluateGraph(lowered, { ...args, ...Object.fromEntries(moved) }, spec.lengths);
    return present(results["loss:loss"], name, "the loss").data[0];
  };
  const compare = (name: string, direction: readonly Float64Array[]) => {
    const exact = direction.reduce((sum, v, p) => sum + dot(v, gradients[p]), 0);
    const errors = STEPS.map((h) => {
      const [near, far] = [h, 2 * h].map((step) => loss(name, direction, step) - loss(name, direction, -step));
      return Math.abs((8 * near - far) / (12 * h) - exact);
    });
    const error = Math.min(...errors) / (Math.abs(exact) + 1e-2 * scale + 1e-4);
    if (!(error <= 1e-6))
      throw new Error(`the derivative along ${name} is off by ${error}, ${errors.join(" ")}, of ${exact}`);
  };
  const zeros = () => gradients.map((data) => new Float64Array(data.length));
  compare(
    "a random direction",
    gradients.map((data) => Float64Array.from(data, () => 2 * random() - 1)),
  );
  for (let entries = 0; entries < 3; entries++) {
    const [p, direction] = [Math.floor(random() * learned.length), zeros()];
    const i = Math.floor(random() * gradients[p].length);
    direction[p][i] = 1;
    compare(`${learned[p].name}, element ${i}`, direction);
  }
}

/** Loss, metrics, outputs and gradients are the interpreter's on the device. */
export async function agreesOnDevice(spec: Spec, { module }: CompiledModel, run: Runner): Promise<void> {
  const { train } = graphsOf(module);
  const args = randomArguments(module, spec.lengths, spec.seed);
  const want = evaluateGraph(train, args, spec.lengths);
  const got = await run(train, args, spec.lengths);
  const gradients = Object.entries(want).filter(([name]) => name.startsWith("grad:"));
  const scale = Math.sqrt(gradients.reduce((sum, [, { data }]) => sum + dot(data, data), 0));
  for (const [name, { data }] of Object.entries(want)) {
    if (isCount(name)) continue;
    const error = distance(got[name].data, data, name.startsWith("grad:") ? 0.1 * scale + 0.02 : 0.1);
    if (!(error <= 1e-4)) throw new Error(`${name} is off by ${error} on the device`);
  }
}

/** In a batch with lengths of its own, an example gives what it gives alone: outputs, and by itself loss and gradients. */
export function examplesStandAlone(spec: Spec, { module }: CompiledModel): void {
  if (module.ragged === undefined) return;
  const plain = present(
    compiles({ ...spec, text: spec.text.replaceAll(" ragged", "") }),
    "test",
    "the plain model",
  ).module;
  // Masks of dropout depend on the extents of the batch.
  const graphs = /\bdropout\(/.test(spec.text) ? (["predict"] as const) : (["predict", "train"] as const);
  for (const batch of [1, spec.lengths[BATCH]]) {
    const sizes = { ...spec.lengths, [BATCH]: batch };
    const args = raggedArguments(module, sizes, spec.seed);
    for (const graph of batch === 1 ? graphs : graphs.slice(0, 1)) {
      const got = evaluate(module, graph, args, sizes);
      for (let b = 0; b < batch; b++) {
        const own = alone(module, args, sizes, b);
        for (const [name, { data }] of Object.entries(evaluate(plain, graph, own.args, own.sizes))) {
          const port = module.outputs.find((output) => `output:${output.name}` === name);
          const part = port === undefined ? got[name] : example(got[name], b, port.shape, own.sizes);
          const error = distance(part.data, data, 1e-3);
          if (!(error <= 1e-10)) throw new Error(`${name} of example ${b} of ${batch} is off by ${error}`);
        }
      }
    }
  }
}

/**
 * With a few tokens wrong, the text has diagnostics or is compiled.
 * @returns whether it is still a sound text.
 */
export function survivesMistakes({ text, seed }: Spec): boolean {
  const mistaken = mutate(text, randomSource(seed + 2));
  try {
    const { models, diagnostics } = compile({ files: ["a.seq"], host: hostOf({ "a.seq": mistaken }), verify: true });
    if (models.length === 0 && diagnostics.length === 0) throw new Error("neither a model nor a diagnostic");
    return models.length > 0;
  } catch (error) {
    throw new Error(`with mistakes:\n${mistaken}`, { cause: error });
  }
}

/** Accuracies jump where two logits are equal but for rounding. */
function isCount(name: string): boolean {
  return name.startsWith("metric:hits");
}

/** Steps one at a time, and a chunk after the first step, give what all steps together give. */
export function streams(spec: Spec, { module }: CompiledModel): void {
  const { streamLength: length } = module;
  if (module.graphs.stream === undefined || length === undefined) return;
  const end = spec.lengths[length];
  const args = randomArguments(module, spec.lengths, spec.seed);
  // No example ends along the length of a stream.
  if (length in args) args[length] = ndarray(args[length].shape, args[length].data.fill(end));
  const whole = evaluateGraph(graphsOf(module).predict, args, spec.lengths);
  for (const bounds of [Array.from({ length: end + 1 }, (_, t) => t), [...new Set([0, 1, end])]]) {
    const chunks = runChunks(module, args, spec.lengths, bounds);
    for (const { name, shape } of module.outputs) {
      if (shape.lastIndexOf(length) > 0) continue;
      const key = `output:${name}`;
      const parts = shape.includes(length) ? chunks : chunks.slice(-1);
      parts.forEach((part, i) => {
        const wanted = shape.includes(length) ? steps(whole[key], bounds[i], bounds[i + 1]) : whole[key];
        const error = distance(part[key].data, wanted.data, 1e-3);
        if (!(error <= 1e-10)) throw new Error(`${name} of chunk ${i} of ${bounds} is off by ${error} in the stream`);
      });
    }
  }
}

function graphsOf({ graphs: { train, predict } }: Module) {
  return { train: present(train, "test", "the training graph"), predict: present(predict, "test", "the prediction") };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** ‖a − b‖ / max(‖b‖, least). */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, least: number): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const difference = Float64Array.from(a, (x, i) => x - b[i]);
  return Math.sqrt(dot(difference, difference)) / Math.max(Math.sqrt(dot(b, b)), least);
}
