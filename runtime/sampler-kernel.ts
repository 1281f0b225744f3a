/**
 * @file The kernel that draws an id from each row of logits: a workgroup a row, whatever the number of ids.
 *
 * Probabilities are whole numbers of 2⁻³⁰ of the most probable id's, and their sums are exact in 64 bits, so no result
 * depends on the order in which threads add. What top-k and nucleus sampling leave out is found by bisection on the
 * bits of the logit, not by sorting. Nothing is assumed of infinities and what is no number: both are told by their bits.
 */

import { PARITY, ROTATIONS } from "./random.js";
import type { KernelText } from "./shader.js";

/**
 * The words of the settings, in order: u32 but for `octaves`.
 * - first, stride: where the first row's logits begin in their buffer, and from there the next row's, in elements.
 * - topK: 0 for all; topP: in 2⁻³², 0 for all; octaves: 2 log₂(e) / temperature, 0 for the greatest logit.
 * - past: the stream's steps so far; column: where in `drawn`, of so many columns; stops: how many ids end a row.
 */
export const SETTINGS = [
  "vocabulary",
  "first",
  "stride",
  "batch",
  "seed",
  "topK",
  "topP",
  "octaves",
  "past",
  "column",
  "columns",
  "stops",
] as const;

export type SamplerBuffer = "settings" | "logits" | "rows" | "drawn" | "stops";

/** @param threads of a workgroup. */
export function samplerKernel(threads: number): KernelText<SamplerBuffer> {
  return {
    title: "the sampler",
    bindings: {
      settings: ["uniform", "Settings"],
      logits: ["read", "array<u32>"],
      rows: ["write", "array<Row>"],
      drawn: ["write", "array<f32>"],
      stops: ["read", "array<u32>"],
    },
    code: codeFor(threads),
  };
}

const codeFor = (threads: number) => `
struct Settings { ${SETTINGS.map((name) => `${name}: ${name === "octaves" ? "f32" : "u32"}`).join(", ")} }
// Of a row: the stream's step at which it began; 1 more than the id that ended it, or 0; 1 more than the position of
// its first logits that are infinite or no number, or 0.
struct Row { born: u32, ended: u32, faulty: u32 }

// The ids that may be drawn: those of a larger key, and of this key those below \`end\`.
struct Cut { key: u32, end: u32 }

const COUNT = 0u;
const MASS = 1u;
const LEAST = 0x00800000u;
const LARGEST = 0xff7fffffu;

var<workgroup> limbs: array<atomic<u32>, 3>;
var<workgroup> total: vec2u;
var<workgroup> best: atomic<u32>;
var<workgroup> bestId: atomic<u32>;
var<workgroup> faults: atomic<u32>;
var<workgroup> found: vec2u;
var<workgroup> parts: array<vec2u, ${threads}>;

// 64 bits are a vec2u, the lower word first.
fn plus(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn less(a: vec2u, b: vec2u) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn times(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2u((other << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u));
}

// Of b below 2⁵⁶ the fraction a / 2³², rounded down.
fn fraction(a: u32, b: vec2u) -> vec2u {
  return plus(times(a, b.y), vec2u(times(a, b.x).y, 0u));
}

fn isOdd(bits: u32) -> bool {
  return (bits & 0x7fffffffu) >= 0x7f800000u && bits != 0xff800000u;
}

// In the order of the logits, both zeros being one; what is no number comes first.
fn keyOf(bits: u32) -> u32 {
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0u; }
  if (size == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits != size);
}

// Half of the logit, clamped, so that no difference of two is infinite.
fn halfOf(key: u32) -> f32 {
  let inside = clamp(key, LEAST, LARGEST);
  return 0.5 * bitcast<f32>(select(~inside, inside & 0x7fffffffu, inside >= 0x80000000u));
}

// 2³⁰ e^((logit − greatest) / temperature), rounded down: a power of two and a series of one within [√½, √2].
fn massOf(key: u32, greatest: f32) -> u32 {
  let down = min(greatest - halfOf(key), 32.0 / settings.octaves) * settings.octaves;
  let whole = floor(down + 0.5);
  let x = (whole - down) * 0.6931472;
  let series = 1.0 + x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666667 + x * (0.0083333333 + x * (0.0013888889 + x * 0.00019841270))))));
  return select(0u, u32(series * 1073741824.0) >> u32(whole), whole < 31.0);
}

fn isKept(key: u32, id: u32, cut: Cut) -> bool {
  return key > cut.key || (key == cut.key && id < cut.end);
}

// How many ids are kept, or their mass. For all threads at once.
fn measure(thread: u32, row: u32, what: u32, cut: Cut, greatest: f32) -> vec2u {
  var own = vec2u();
  for (var id = thread; id < settings.vocabulary; id += ${threads}u) {
    let key = keyOf(logits[row + id]);
    if (isKept(key, id, cut)) {
      if (what == COUNT) { own.x++; } else { own = plus(own, vec2u(massOf(key, greatest), 0u)); }
    }
  }
  atomicAdd(&limbs[0], own.x & 0xffffu);
  atomicAdd(&limbs[1], own.x >> 16u);
  atomicAdd(&limbs[2], own.y);
  workgroupBarrier();
  if (thread == 0u) {
    let low = vec2u(atomicLoad(&limbs[0]), 0u);
    let middle = atomicLoad(&limbs[1]);
    total = plus(plus(low, vec2u(middle << 16u, middle >> 16u)), vec2u(0u, atomicLoad(&limbs[2])));
    for (var i = 0; i < 3; i++) { atomicStore(&limbs[i], 0u); }
  }
  return workgroupUniformLoad(&total);
}

// The fewest ids, the greatest logits first and of equals the lowest ids, that come to \`need\`.
fn search(thread: u32, row: u32, what: u32, need: vec2u, greatest: f32) -> Cut {
  let all = settings.vocabulary;
  var key = 0u;
  for (var bit = 1u << 31u; bit > 0u; bit >>= 1u) {
    if (!less(measure(thread, row, what, Cut(key | bit, all), greatest), need)) { key |= bit; }
  }
  let equals = measure(thread, row, COUNT, Cut(key, all), greatest).x - measure(thread, row, COUNT, Cut(key, 0u), greatest).x;
  if (equals == 1u) { return Cut(key, all); }
  var end = 0u;
  for (var bit = 1u << firstLeadingBit(all); bit > 0u; bit >>= 1u) {
    let tried = end | bit;
    if (less(measure(thread, row, what, Cut(key, tried), greatest), need) && tried < all) { end = tried; }
  }
  return Cut(key, end + 1u);
}

fn random(key: vec2u, counter: vec2u) -> u32 {
  let k = array(key.x, key.y, ${PARITY}u ^ key.x ^ key.y);
  var x = counter.x + k[0];
  var y = counter.y + k[1];
${threefryGroups()}
  return x;
}

// The greatest logit's id where the temperature is 0, and its key.
fn greatestOf(thread: u32, row: u32) -> vec2u {
  var key = 0u;
  var id = settings.vocabulary - 1u;
  var fault = 0u;
  for (var at = thread; at < settings.vocabulary; at += ${threads}u) {
    let bits = logits[row + at];
    let own = keyOf(bits);
    if (isOdd(bits)) { fault = 1u; }
    if (own > key || at == thread) { key = own; id = at; }
  }
  atomicMax(&best, key);
  atomicOr(&faults, fault);
  workgroupBarrier();
  if (key == atomicLoad(&best)) { atomicMin(&bestId, id); }
  workgroupBarrier();
  if (thread == 0u) { found = vec2u(atomicLoad(&bestId), atomicLoad(&best)); }
  return workgroupUniformLoad(&found);
}

// The first id at which the mass of those kept exceeds the drawn part of it.
fn inverse(thread: u32, row: u32, cut: Cut, greatest: f32, word: u32) -> u32 {
  let mark = fraction(word, measure(thread, row, MASS, cut, greatest));
  let share = (settings.vocabulary + ${threads - 1}u) / ${threads}u;
  let low = min(thread * share, settings.vocabulary);
  let high = min(low + share, settings.vocabulary);
  var own = vec2u();
  for (var id = low; id < high; id++) {
    let key = keyOf(logits[row + id]);
    if (isKept(key, id, cut)) { own = plus(own, vec2u(massOf(key, greatest), 0u)); }
  }
  parts[thread] = own;
  workgroupBarrier();
  var before = vec2u();
  for (var i = 0u; i < thread; i++) { before = plus(before, parts[i]); }
  if (!less(mark, before) && less(mark, plus(before, own))) {
    for (var id = low; id < high; id++) {
      let key = keyOf(logits[row + id]);
      if (isKept(key, id, cut)) { before = plus(before, vec2u(massOf(key, greatest), 0u)); }
      if (less(mark, before)) {
        found.x = id;
        break;
      }
    }
  }
  return workgroupUniformLoad(&found).x;
}

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) place: vec3u, @builtin(num_workgroups) extent: vec3u) {
  let number = place.y * extent.x + place.x;
  if (number >= settings.batch) { return; }
  let row = settings.first + number * settings.stride;
  if (thread == 0u) {
    for (var i = 0; i < 3; i++) { atomicStore(&limbs[i], 0u); }
    atomicStore(&best, 0u);
    atomicStore(&bestId, settings.vocabulary);
    atomicStore(&faults, 0u);
  }
  workgroupBarrier();
  let top = greatestOf(thread, row);
  var id = top.x;
  if (settings.octaves > 0.0) {
    let greatest = halfOf(top.y);
    var cut = Cut(0u, settings.vocabulary);
    if (settings.topK > 0u) { cut = search(thread, row, COUNT, vec2u(settings.topK, 0u), greatest); }
    if (settings.topP > 0u) {
      let need = fraction(settings.topP, measure(thread, row, MASS, cut, greatest));
      cut = search(thread, row, MASS, max(need, vec2u(u32(need.y == 0u), 0u)), greatest);
    }
    let word = random(vec2u(settings.seed, number), vec2u(settings.past - rows[number].born, 0u));
    id = inverse(thread, row, cut, greatest, word);
  }
  if (thread > 0u) { return; }
  if (rows[number].ended > 0u) { id = rows[number].ended - 1u; }
  for (var i = 0u; i < settings.stops; i++) {
    if (id == stops[i]) { rows[number].ended = id + 1u; }
  }
  if (atomicLoad(&faults) > 0u && rows[number].faulty == 0u) { rows[number].faulty = settings.past + 1u; }
  drawn[settings.column * settings.batch + number] = f32(id);
  drawn[settings.columns * settings.batch + number] = f32(rows[number].faulty);
}
`;

function threefryGroups(): string {
  return [0, 1, 2, 3, 4]
    .map((group) => {
      const rounds = ROTATIONS[group % 2].map((by) => `x += y; y = ((y << ${by}u) | (y >> ${32 - by}u)) ^ x;`);
      return `  ${rounds.join(" ")}\n  x += k[${(group + 1) % 3}]; y += k[${(group + 2) % 3}] + ${group + 1}u;`;
    })
    .join("\n");
}
