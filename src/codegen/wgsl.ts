/** @file Spells kernels as WGSL. It makes no decisions. */

import type { Manifest, Word } from "../../runtime/manifest.js";
import { unreachable } from "../support/assert.js";
import { Writer } from "../support/writer.js";
import type { Expr, Kernel, Memory, Stmt } from "./kernel-ir.js";

/** The largest finite f32: stands for infinity, which WGSL has no literal for and may assume away. */
const LARGEST = "3.4028234663852886e38f";

function number(value: number): string {
  if (Number.isNaN(value)) return `bitcast<f32>(0x7fc00000u)`;
  if (Math.abs(value) > 3.4028234663852886e38) return value > 0 ? LARGEST : `-${LARGEST}`;
  // Below the smallest normal f32 implementations may flush; the literal must still be representable.
  const rounded = Math.fround(value);
  const text = Object.is(rounded, -0) ? "-0.0" : String(rounded);
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** How the names that a kernel makes up are spelled; those of bindings and builtins are what they are. */
export interface Spelling {
  /** Something that the kernel declares; later uses of the name are spelled alike. */
  declare(name: string): string;
  use(name: string): string;
  /** A member of the plan. */
  word(name: string, word: Word): string;
}

const isHalves = (memory: Memory) => memory === "halves" || memory === "halves_watched";

function printExpr(e: Expr, names: Spelling): string {
  switch (e.kind) {
    case "literal":
      if (e.type === "f32") return number(e.value);
      if (e.type === "bool") return e.value !== 0 ? "true" : "false";
      return e.type === "u32" ? `${e.value >>> 0}u` : `${e.value}i`;
    case "variable":
      return names.use(e.name);
    case "word":
      return `plan.${names.word(e.name, e.word)}`;
    case "infix":
      return `(${printExpr(e.a, names)} ${e.op} ${printExpr(e.b, names)})`;
    case "call":
      return `${e.fn}(${e.args.map((arg) => printExpr(arg, names)).join(", ")})`;
    case "load":
      if (isHalves(e.memory)) return `f32(halves[${printExpr(e.index, names)}])`;
      return `${names.use(e.memory)}[${printExpr(e.index, names)}]`;
    default:
      return unreachable(e, "wgsl");
  }
}

function printStmt(w: Writer, s: Stmt, names: Spelling): void {
  const print = (e: Expr) => printExpr(e, names);
  switch (s.kind) {
    case "let":
    case "var": {
      const value = print(s.value);
      w.line(`${s.kind} ${names.declare(s.name)} = ${value};`);
      return;
    }
    case "array": {
      const values = s.values.map(print);
      w.line(`var ${names.declare(s.name)} = array(${values.join(", ")});`);
      return;
    }
    case "assign":
      w.line(`${names.use(s.name)} = ${print(s.value)};`);
      return;
    case "store":
      if (isHalves(s.memory)) w.line(`halves[${print(s.index)}] = seq_to_${s.memory}(${print(s.value)});`);
      else w.line(`${names.use(s.memory)}[${print(s.index)}] = ${print(s.value)};`);
      return;
    case "for": {
      const from = print(s.from);
      const name = names.declare(s.name);
      w.block(`for (var ${name} = ${from}; ${name} < ${print(s.below)}; ${name} += ${print(s.step)}) {`, "}", () => {
        for (const inner of s.body) printStmt(w, inner, names);
      });
      return;
    }
    case "if":
      w.block(`if (${print(s.condition)}) {`, "}", () => {
        for (const inner of s.body) printStmt(w, inner, names);
      });
      return;
    case "barrier":
      if (s.storage) w.line("storageBarrier();");
      w.line("workgroupBarrier();");
      return;
    default:
      unreachable(s, "wgsl");
  }
}

/** The memory of a workgroup and the entry point of that name, without the plan. */
export function printKernel(kernel: Kernel, name: string, names: Spelling): string {
  const w = new Writer();
  for (const array of kernel.arrays) w.line(`var<workgroup> ${names.declare(array.name)}: array<f32, ${array.size}>;`);
  const head = `@compute @workgroup_size(${kernel.workgroupSize})\nfn ${name}(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) extent: vec3<u32>) {`;
  w.block(head, "}", () => {
    w.line("let group = place.y * extent.x + place.x;");
    for (const stmt of kernel.body) printStmt(w, stmt, names);
  });
  return w.toString();
}

/**
 * Threefry-2x32 with 20 rounds [Salmon, Moraes, Dror and Shaw 2011], written out: the first word's upper 24 bits, of
 * which f32 loses none.
 */
function threefry(): string {
  const rotations = [
    [13, 15, 26, 6],
    [17, 29, 16, 24],
  ];
  const groups = [0, 1, 2, 3, 4].map((group) => {
    const rounds = rotations[group % 2].map((by) => `x += y; y = ((y << ${by}u) | (y >> ${32 - by}u)) ^ x;`);
    return `  ${rounds.join(" ")}\n  x += k${(group + 1) % 3}; y += k${(group + 2) % 3} + ${group + 1}u;`;
  });
  return `fn seq_random(seed: u32, step: u32, stream: u32, counter: u32) -> f32 {
  let k0 = seed;
  let k1 = stream;
  let k2 = 0x1bd11bdau ^ k0 ^ k1;
  var x = step + k0;
  var y = counter + k1;
${groups.join("\n")}
  return f32(x >> 8u) * 5.9604644775390625e-8;
}`;
}

/** Functions that kernels call: forms that neither overflow nor lose small results, whatever the driver's builtin does. */
const PRELUDE: Readonly<Record<string, string>> = {
  // WGSL promises its sin and cos to 2^-11 only. Here: the nearest multiple of pi taken off in three parts (Cody and
  // Waite), then the Taylor series, whose first term left out is below 6e-8 on [-pi/2, pi/2].
  seq_sin_reduced: `fn seq_sin_reduced(x: f32, halves: f32) -> f32 {
  let r = ((x - halves * 1.5703125) - halves * 0.0004837512969970703) - halves * 7.549790126404332e-8;
  let q = r * r;
  return r * (1.0 + q * (-0.16666667 + q * (0.0083333333 + q * (-0.00019841270 + q * (2.7557319e-6 - q * 2.5052108e-8)))));
}`,
  seq_sin: `fn seq_sin(x: f32) -> f32 {
  let turns = round(x * 0.31830989);
  return select(1.0, -1.0, (i32(turns) & 1) == 1) * seq_sin_reduced(x, 2.0 * turns);
}`,
  seq_cos: `fn seq_cos(x: f32) -> f32 {
  let turns = floor(x * 0.31830989) + 0.5;
  return select(-1.0, 1.0, (i32(turns - 0.5) & 1) == 1) * seq_sin_reduced(x, 2.0 * turns);
}`,
  seq_sigmoid: `fn seq_sigmoid(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-max(x, -80.0)));
}`,
  seq_tanh: `fn seq_tanh(x: f32) -> f32 {
  let e = exp(-2.0 * abs(x));
  let far = sign(x) * (1.0 - e) / (1.0 + e);
  let square = x * x;
  let near = x * (1.0 - square * (0.33333333 - 0.13333333 * square));
  return select(far, near, abs(x) < 0.04);
}`,
  seq_softplus: `fn seq_softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  return max(x, 0.0) + select(log(1.0 + e), e * (1.0 - 0.5 * e), e < 0.001);
}`,
  // Abramowitz and Stegun 7.1.26 away from zero, the power series near it.
  seq_erf: `fn seq_erf(x: f32) -> f32 {
  let a = min(abs(x), 9.0);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let far = sign(x) * (1.0 - p * exp(-a * a));
  let square = x * x;
  let near = 1.1283791671 * x * (1.0 - square * (0.33333333 - square * (0.1 - square * 0.02380952)));
  return select(far, near, abs(x) < 0.25);
}`,
  // Exponents known to be whole are products by now; one that counts with an index is whole only as it runs. WGSL's pow
  // takes no base below zero. Such a base to a power that is not whole is no number; here it is zero.
  seq_pow: `fn seq_pow(a: f32, b: f32) -> f32 {
  let half = fract(0.5 * b);
  let turn = select(select(0.0, -1.0, half == 0.5), 1.0, a > 0.0 || half == 0.0);
  return select(turn * pow(max(abs(a), 1e-37), b), select(0.0, 1.0, b == 0.0), a == 0.0);
}`,
  seq_random: threefry(),
  // What is too large becomes the largest: an infinity would make all that follows no number.
  seq_to_halves: `fn seq_to_halves(x: f32) -> half {
  return half(clamp(x, -65504.0, 65504.0));
}`,
  seq_to_halves_watched: `var<private> seq_overflowed: bool = false;
fn seq_to_halves_watched(x: f32) -> half {
  seq_overflowed = seq_overflowed || !(abs(x) <= 65504.0);
  return seq_to_halves(x);
}`,
};

/** Names of the prelude's functions in the texts of kernels, and of those that these call. */
function calledBy(texts: readonly string[]): ReadonlySet<string> {
  const found = new Set(texts.flatMap((text) => text.match(/\bseq_\w+(?=\()/g) ?? []));
  if (found.has("seq_to_halves_watched")) found.add("seq_to_halves");
  // The reduction behind sine and cosine is called by them alone.
  if (found.has("seq_sin") || found.has("seq_cos")) found.add("seq_sin_reduced");
  return found;
}

/** The members of a dispatch's plan, in order. A uniform is never empty. */
export function printPlan(members: readonly string[]): string {
  const all = members.length === 0 ? ["_none"] : members;
  return `struct Plan { ${all.map((member) => `${member}: u32`).join(", ")} }\n`;
}

/** What the kernels of a module share: bindings (but for the plan's members) and functions. */
export function printShared(texts: readonly string[]): string {
  const w = new Writer();
  w.line("@group(0) @binding(0) var<uniform> plan: Plan;");
  w.line("@group(0) @binding(1) var<storage, read> params: array<f32>;");
  w.line("@group(0) @binding(2) var<storage, read_write> arena: array<f32>;");
  const called = calledBy(texts);
  if (texts.some((text) => text.includes("halves[")))
    w.line("@group(0) @binding(3) var<storage, read_write> halves: array<half>;");
  for (const [name, text] of Object.entries(PRELUDE)) if (called.has(name)) w.line(text);
  return w.toString();
}

/** All WGSL of a module, for people. */
export function wholeText({ wgsl, kernels }: Pick<Manifest, "wgsl" | "kernels">): string {
  return [wgsl, ...Object.values(kernels)].join("\n");
}
