/**
 * @file The numbers on which a model is tested, which the compiler and the runtime make alike, so that no module has to hold
 * them; and the two numbers that stand for an array.
 */

import type { Lengths } from "./arena.js";
import { initialiseParameters } from "./initialise.js";
import { BATCH, DRAW_WORDS, LOSS_SCALE, type Manifest, RESET, SPANS } from "./manifest.js";
import { hashName, threefry, toNormal, toUniform } from "./random.js";
import { countOf } from "./shapes.js";
import { randomInputs } from "./tuner-inputs.js";
import { checkInputs } from "./validate.js";

const [SEED, STEP] = DRAW_WORDS;

/** What holds for every run besides its sizes. Loops are cut in two wherever they can be. */
const FIXED: Lengths = { [SPANS]: 2, [SEED]: 7, [STEP]: 3, [LOSS_SCALE]: 256 };

export const withFixed = (sizes: Lengths): Lengths => ({ ...sizes, ...FIXED });

/**
 * Parameters near where the spec starts them, in the layout of the flat buffer: each times 1 + `spread` · n, or that alone
 * where it would start at zero, n being standard normal. The frozen are as the spec has them.
 */
export function referenceParameters(manifest: Manifest, spread: number): Float32Array<ArrayBuffer> {
  const flat = initialiseParameters(manifest, FIXED[SEED]);
  for (const { name, offset, shape } of manifest.parameters) {
    if (offset >= manifest.layout.trainable) continue;
    const key = hashName(name);
    const end = countOf(shape);
    for (let at = 0; at < end; at++) {
      const noise = spread * toNormal(threefry([key, FIXED[SEED]], [at, 1]));
      const start = flat[offset + at];
      flat[offset + at] = start === 0 ? noise : start * (1 + noise);
    }
  }
  return flat;
}

/**
 * What the programs are given, as the arena holds it, by name. One example has the whole of each ragged length, the others what
 * they draw.
 * @param goesOn whether states come from a run before: only the last example then begins anew.
 */
export function referenceInputs(
  { inputs, targets, ragged = [], carried }: Manifest,
  sizes: Lengths,
  goesOn: boolean,
): ReadonlyMap<string, Float32Array> {
  const batch = sizes[BATCH];
  const ports = [...inputs, ...targets];
  const ends = ragged.map((length): [string, Int32Array] => {
    const draw = (example: number) =>
      Math.floor(toUniform(threefry([hashName(length), 0], [example, 0])) * sizes[length]);
    return [
      length,
      Int32Array.from({ length: batch }, (_, example) => (example === 0 ? sizes[length] : 1 + draw(example))),
    ];
  });
  const values = checkInputs(ports, { ...randomInputs(ports, sizes), ...Object.fromEntries(ends) }, sizes, ragged);
  const reset = Float32Array.from({ length: batch }, (_, example) => Number(!goesOn || example === batch - 1));
  return new Map(carried === undefined ? values : [...values, [RESET, reset]]);
}

/** What is compared of an array. */
export interface Summary {
  /** Euclidean. */
  readonly norm: number;
  /** The sum of the elements with random signs: it differs from that of another array by about the norm of the difference. */
  readonly projection: number;
}

/**
 * Infinities, which kernels have as the largest number that their memory holds, count as zero: masks put them there.
 * @param half whether it lies in the arena of halves.
 */
export function summarise(values: Float32Array | Float64Array, half: boolean): Summary {
  let [squares, projection] = [0, 0];
  const bound = half ? BOUNDLESS_HALF : BOUNDLESS;
  const signs = signsUpTo(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]) < bound || Number.isNaN(values[i]) ? values[i] : 0;
    squares += value * value;
    projection += signs[i] * value;
  }
  return { norm: Math.sqrt(squares), projection };
}

/** No number that a test computes is as large. */
const BOUNDLESS = 1e37;
/** The largest of f16. */
const BOUNDLESS_HALF = 65504;

let known = new Int8Array();

/** −1 and 1, the same for every array. */
function signsUpTo(length: number): Int8Array {
  const from = known.length;
  if (length <= from) return known;
  const signs = new Int8Array(Math.max(1024, 2 ** Math.ceil(Math.log2(length))));
  signs.set(known);
  for (let at = from; at < signs.length; at += 32) {
    const [word] = threefry([FIXED[SEED], 0x5160], [at, 2]);
    for (let bit = 0; bit < 32; bit++) signs[at + bit] = 1 - 2 * ((word >>> bit) & 1);
  }
  known = signs;
  return known;
}
