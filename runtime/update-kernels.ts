/**
 * @file The kernels of an update, in WGSL over flat buffers: gradients are measured and checked, then one kernel clips them
 * and updates everything. Sums are added up in a fixed order.
 */

import { ALIGNMENT } from "./arena.js";
import type { Rule } from "./optimizers.js";
import { RUN_STRUCT } from "./parameter-settings.js";
import type { KernelText } from "./shader.js";

export const WORKGROUP = 64;
/** Few enough that every thread of the update adds them up for itself, which spares it a barrier. */
export const MOST_PARTS = 32;

/** The words of the uniform that are whole numbers, and those that are not; the optimizer's follow. */
export const WHOLE_WORDS = ["trainable", "runs", "plain", "scaled", "fresh"] as const;
export const REAL_WORDS = ["share", "unscale", "clipNorm", "clipValue", "learningRate"] as const;

/** What became of a step's gradients, as `Progress.verdict` has it; above `LOSS` it is a parameter's number plus `PARAMETERS`. */
export const FINE = 0;
export const OVERFLOW = 1;
export const LOSS = 2;
export const PARAMETERS = 3;

/** Words of `Progress` that the host knows of; the optimizer's factors follow. */
export const NEXT_WORD = 1;
export const NORM_WORD = 2;
export const VERDICT_WORD = 3;
const PROGRESS_WORDS = 4;

export const progressWords = ({ factors = {} }: Rule): number => PROGRESS_WORDS + Object.keys(factors).length;

/** By what the texts differ from each other: the optimizer, and whether gradients are clipped by value. */
export interface Shape {
  readonly rule: Rule;
  readonly clipsValue: boolean;
}

/**
 * What kernels that go through gradients share. `updates` were done before this one, `next` are done after it. WGSL may assume that a number is finite, so
 * that is asked of its bits, with its square, which the norm needs: from 2⁶⁴ on that is more than f32 has.
 */
export function headOf({ rule: { words, factors = {} }, clipsValue }: Shape): string {
  const fields = (names: readonly string[], type: string) => names.map((name) => `${name}: ${type}`);
  const step = [...fields(WHOLE_WORDS, "u32"), ...fields([...REAL_WORDS, ...Object.keys(words)], "f32")];
  const progress = [
    ...fields(["updates", "next"], "u32"),
    ...fields(["norm", "verdict", ...Object.keys(factors)], "f32"),
  ];
  return `${RUN_STRUCT}struct Step { ${step.join(", ")} }
struct Progress { ${progress.join(", ")} }
fn isFinite(bits: u32) -> bool { return (bits & 0x7fffffffu) < 0x7f800000u; }
fn hasSquare(bits: u32) -> bool { return (bits & 0x7fffffffu) < 0x5f800000u; }
fn gradientOf(held: f32) -> f32 {
  let g = held * step.unscale;
  return ${clipsValue ? "clamp(g, -step.clipValue, step.clipValue)" : "g"};
}
fn shrinkBy(norm: f32) -> f32 {
  return select(min(1.0, step.clipNorm / (norm + 1e-6)), 1.0, step.clipNorm == 0.0);
}
`;
}

export const ENTRY = `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
`;

/** The words of these names that a text reads, as values of its own: read once, not for each element. */
const hoisted = (from: string, names: readonly string[], text: string): string =>
  names
    .flatMap((name) => (new RegExp(`\\b${name}\\b`).test(text) ? [`  let ${name} = ${from}.${name};\n`] : []))
    .join("");

/** The sum of an array over all threads, in its first element, by a tree. @param combine of two elements. */
export function tree(statements: (other: string) => string, indent: string): string {
  const halves: string[] = [];
  for (let half = WORKGROUP / 2; half >= 1; half /= 2) {
    halves.push(`${indent}workgroupBarrier();
${indent}if (thread < ${half}u) { ${statements(`[thread + ${half}u]`)} }
`);
  }
  return halves.join("");
}

/**
 * The squared norm of the gradients after clipping by value, in parts. Where something is wrong with the step (overflow of f16, a loss
 * or a gradient that is not finite), a part is what that is, as `Progress.verdict` has it, negated.
 */
export function measureText(
  shape: Shape,
): KernelText<"step" | "gradients" | "loss" | "overflow" | "runs" | "parts" | "progress"> {
  const { factors = {} } = shape.rule;
  return {
    title: "the norm of the gradients",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<u32>"],
      loss: ["read", "u32"],
      overflow: ["read", "u32"],
      runs: ["read", "array<Run>"],
      parts: ["write", "array<f32>"],
      progress: ["write", "Progress"],
    },
    code: `${headOf(shape)}const NONE = 0xffffffffu;
var<workgroup> sums: array<f32, ${WORKGROUP}>;
var<workgroup> worsts: array<u32, ${WORKGROUP}>;
/** 1 − βⁿ, of which a power would leave no digit where β is close to 1. */
fn oneLessPower(logBeta: f32, n: f32) -> f32 {
  let x = n * logBeta;
  if (x < -0.5) { return 1.0 - exp(x); }
  var series = 1.0;
  for (var k = 9.0; k > 1.0; k -= 1.0) { series = 1.0 + x / k * series; }
  return -x * series;
}
${ENTRY}  var sum = 0.0;
  var worst = NONE;
  for (var r = id.x; r < step.runs; r += groups.x) {
    let run = runs[r];
    let verdict = run.parameter + ${PARAMETERS}u;
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
      let bits = gradients[i];
      worst = min(worst, select(verdict, NONE, hasSquare(bits)));
      let g = gradientOf(bitcast<f32>(bits));
      sum += g * g;
    }
  }
  if (id.x == 0u && thread == 0u) {
    progress.updates = progress.next;
    if (!isFinite(loss)) { worst = ${LOSS}u; }
    if (step.scaled == 1u && overflow != 0u) { worst = ${OVERFLOW}u; }
    let n = f32(progress.next + 1u);
${Object.entries(factors)
  .map(([name, value]) => `    progress.${name} = ${value};\n`)
  .join("")}  }
  sums[thread] = sum;
  worsts[thread] = worst;
${tree((other) => `sums[thread] += sums${other}; worsts[thread] = min(worsts[thread], worsts${other});`, "  ")}  if (thread == 0u) { parts[id.x] = select(-f32(worsts[0]), sums[0], worsts[0] == NONE); }
}
`,
  };
}

/**
 * Clips and updates, unless something is wrong: then all stays as it is. As `torch.nn.utils.clip_grad_norm_`, the gradients are
 * multiplied by min(1, limit / (norm + 10⁻⁶)); a limit of 0 means none.
 * @param count of parts of `measureText`, in straight code: a loop over them would take longer than the update of few elements.
 */
export function updateText(
  shape: Shape,
  count: number,
): KernelText<"step" | "gradients" | "runs" | "parts" | "progress" | "params" | "state"> {
  const { slots, words, factors = {}, element } = shape.rule;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const lines = (each: readonly string[]) => each.map((line) => `      ${line}\n`).join("");
  const place = (slot: number) => (slot === 0 ? "i" : `${slot}u * trainable + i`);
  return {
    title: "the update",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<f32>"],
      runs: ["read", "array<Run>"],
      parts: ["read", "array<f32>"],
      progress: ["write", "Progress"],
      params: ["write", "array<f32>"],
      state: ["write", "array<f32>"],
    },
    code: `${headOf(shape)}${ENTRY}${numbers.map((i) => `  let part${i} = parts[${i}];\n`).join("")}  let norm = sqrt(${numbers.map((i) => `max(part${i}, 0.0)`).join(" + ")});
  let least = ${numbers.map((i) => `part${i}`).reduce((all, each) => `min(${all}, ${each})`)};
  let isFine = least >= 0.0;
  if (id.x == 0u && thread == 0u) {
    // The first of what is wrong is the largest below zero.
    var worst = least;
${numbers.map((i) => `    if (part${i} < 0.0) { worst = max(worst, part${i}); }\n`).join("")}    progress.norm = norm;
    progress.verdict = select(-worst, ${FINE}.0, isFine);
    progress.next = progress.updates + select(0u, 1u, isFine);
  }
  if (!isFine) { return; }
  let shrink = shrinkBy(norm);
  let trainable = step.trainable;
  let plain = step.plain;
${hoisted("step", Object.keys(words), element)}${hoisted("progress", Object.keys(factors), element)}  for (var r = id.x; r < plain; r += groups.x) {
    let run = runs[r];
    let rate = step.learningRate * run.rate;
    let decay = run.decay;
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
      var g = shrink * gradientOf(gradients[i]);
      var p = params[i];
${lines(slots.map((name, slot) => `var ${name} = state[${place(slot)}];`))}${element.replaceAll(/^(?=.)/gm, "      ")}      params[i] = p;
${lines(slots.map((name, slot) => `state[${place(slot)}] = ${name};`))}    }
  }
}
`,
  };
}

/** Where the sums of losses and of flags lie behind those of gradients, at offsets that bindings allow. */
export function sumPlaces(trainable: number): Readonly<Record<"loss" | "overflow" | "length", number>> {
  const loss = Math.ceil(trainable / ALIGNMENT) * ALIGNMENT;
  return { loss, overflow: loss + ALIGNMENT, length: loss + ALIGNMENT + 1 };
}

/**
 * Adds a step's gradients to those of the steps before, its loss and flag of overflow too, each at its place of `sums`. What is not
 * finite stays so, whatever is added: bits that say so are kept as bits.
 */
export function accumulateText(
  shape: Shape,
  places: Readonly<Record<"loss" | "overflow", number>>,
): KernelText<"step" | "gradients" | "loss" | "overflow" | "sums"> {
  return {
    title: "the sum of gradients",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<u32>"],
      loss: ["read", "u32"],
      overflow: ["read", "u32"],
      sums: ["write", "array<u32>"],
    },
    code: `${headOf(shape)}fn plus(at: u32, bits: u32, factor: f32) {
  let before = select(sums[at], 0u, step.fresh == 1u);
  let sum = bitcast<u32>(bitcast<f32>(before) + bitcast<f32>(bits) * factor);
  sums[at] = select(0x7fc00000u, sum, isFinite(before) && isFinite(bits));
}
${ENTRY}  let first = id.x * ${WORKGROUP}u + thread;
  for (var i = first; i < step.trainable; i += groups.x * ${WORKGROUP}u) { plus(i, gradients[i], step.share); }
  if (first == 0u) {
    plus(${places.loss}u, loss, 1.0);
    plus(${places.overflow}u, overflow, 1.0);
  }
}
`,
  };
}
