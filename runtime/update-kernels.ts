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

/** Words of `Progress` that the host knows of. */
export const NEXT_WORD = 1;
export const NORM_WORD = 2;
export const VERDICT_WORD = 3;
export const PROGRESS_WORDS = 4;

/**
 * `updates` were done before this one, `next` are done after it. WGSL may assume that a number is finite, so that is asked of its
 * bits, with its square, which the norm needs: from 2⁶⁴ on that is more than f32 has.
 */
export const COMMON = `${RUN_STRUCT}struct Part { sum: f32, worst: u32 }
struct Progress { updates: u32, next: u32, norm: f32, verdict: f32 }
const FINE = 0xffffffffu;
fn isFinite(bits: u32) -> bool { return (bits & 0x7fffffffu) < 0x7f800000u; }
fn hasSquare(bits: u32) -> bool { return (bits & 0x7fffffffu) < 0x5f800000u; }
`;

/** The uniform, and what its clipping by norm comes to. @param words of the optimizer. */
export function stepStruct(words: readonly string[]): string {
  const whole = WHOLE_WORDS.map((word) => `${word}: u32`);
  const real = [...REAL_WORDS, ...words].map((word) => `${word}: f32`);
  return `struct Step { ${[...whole, ...real].join(", ")} }
fn shrinkBy(norm: f32) -> f32 {
  return select(min(1.0, step.clipNorm / (norm + 1e-6)), 1.0, step.clipNorm == 0.0);
}
`;
}

/**
 * The squared norm of the gradients after clipping by value, in parts, and the first of what is wrong with the step:
 * overflow of f16, a loss or a gradient that is not finite.
 */
export function measureText({
  words,
}: Rule): KernelText<"step" | "gradients" | "loss" | "overflow" | "runs" | "parts" | "progress"> {
  const halves: string[] = [];
  for (let half = WORKGROUP / 2; half >= 1; half /= 2) {
    halves.push(`  workgroupBarrier();
  if (thread < ${half}u) {
    sums[thread] += sums[thread + ${half}u];
    worsts[thread] = min(worsts[thread], worsts[thread + ${half}u]);
  }
`);
  }
  return {
    title: "the norm of the gradients",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<u32>"],
      loss: ["read", "u32"],
      overflow: ["read", "u32"],
      runs: ["read", "array<Run>"],
      parts: ["write", "array<Part>"],
      progress: ["write", "Progress"],
    },
    code: `${COMMON}${stepStruct(Object.keys(words))}
var<workgroup> sums: array<f32, ${WORKGROUP}>;
var<workgroup> worsts: array<u32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  var sum = 0.0;
  var worst = FINE;
  for (var r = id.x; r < step.runs; r += groups.x) {
    let run = runs[r];
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
      let bits = gradients[i];
      if (!hasSquare(bits)) { worst = min(worst, run.parameter + ${PARAMETERS}u); }
      let g = clamp(bitcast<f32>(bits) * step.unscale, -step.clipValue, step.clipValue);
      sum += g * g;
    }
  }
  if (id.x == 0u && thread == 0u) {
    progress.updates = progress.next;
    if (!isFinite(loss)) { worst = ${LOSS}u; }
    if (step.scaled == 1u && overflow != 0u) { worst = ${OVERFLOW}u; }
  }
  sums[thread] = sum;
  worsts[thread] = worst;
${halves.join("")}  if (thread == 0u) { parts[id.x] = Part(sums[0], worsts[0]); }
}
`,
  };
}

/**
 * Clips and updates, unless something is wrong: then all stays as it is. As `torch.nn.utils.clip_grad_norm_`, the gradients are
 * multiplied by min(1, limit / (norm + 10⁻⁶)); a limit of 0 means none.
 * @param parts of `measureText`, in straight code: a loop over them would take longer than the update of few elements.
 */
export function updateText(
  { slots, words, once = "", element }: Rule,
  parts: number,
): KernelText<"step" | "gradients" | "runs" | "parts" | "progress" | "params" | "state"> {
  const numbers = Array.from({ length: parts }, (_, i) => i);
  const lines = (each: readonly string[]) => each.map((line) => `    ${line}\n`).join("");
  const place = (slot: number) => (slot === 0 ? "i" : `${slot}u * step.trainable + i`);
  const indented = (text: string) => text.replaceAll(/^(?=.)/gm, "    ");
  return {
    title: "the update",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<f32>"],
      runs: ["read", "array<Run>"],
      parts: ["read", "array<Part>"],
      progress: ["write", "Progress"],
      params: ["write", "array<f32>"],
      state: ["write", "array<f32>"],
    },
    code: `${COMMON}${stepStruct(Object.keys(words))}
/** 1 − βⁿ, of which a power would leave no digit where β is close to 1. */
fn oneLessPower(logBeta: f32, n: f32) -> f32 {
  let x = n * logBeta;
  if (x < -0.5) { return 1.0 - exp(x); }
  var series = 1.0;
  for (var k = 9.0; k > 1.0; k -= 1.0) { series = 1.0 + x / k * series; }
  return -x * series;
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let norm = sqrt(${numbers.map((i) => `parts[${i}].sum`).join(" + ")});
  let worst = ${numbers.map((i) => `parts[${i}].worst`).reduce((all, each) => `min(${all}, ${each})`)};
  if (id.x == 0u && thread == 0u) {
    progress.norm = norm;
    progress.verdict = select(f32(worst), ${FINE}.0, worst == FINE);
    progress.next = progress.updates + select(0u, 1u, worst == FINE);
  }
  if (worst != FINE) { return; }
  let shrink = shrinkBy(norm);
  let n = f32(progress.updates + 1u);
${once.replaceAll(/^(?=.)/gm, "  ")}  for (var r = id.x; r < step.plain; r += groups.x) {
    let run = runs[r];
    let rate = step.learningRate * run.rate;
    let decay = run.decay;
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
    var g = shrink * clamp(gradients[i] * step.unscale, -step.clipValue, step.clipValue);
    var p = params[i];
${lines(slots.map((name, slot) => `var ${name} = state[${place(slot)}];`))}${indented(element)}    params[i] = p;
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
  { words }: Rule,
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
    code: `${COMMON}${stepStruct(Object.keys(words))}
fn plus(at: u32, bits: u32, factor: f32) {
  let before = select(sums[at], 0u, step.fresh == 1u);
  let sum = bitcast<u32>(bitcast<f32>(before) + bitcast<f32>(bits) * factor);
  sums[at] = select(0x7fc00000u, sum, isFinite(before) && isFinite(bits));
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < step.trainable; i += groups.x * ${WORKGROUP}u) { plus(i, gradients[i], step.share); }
  if (id.x == 0u) {
    plus(${places.loss}u, loss, 1.0);
    plus(${places.overflow}u, overflow, 1.0);
  }
}
`,
  };
}
