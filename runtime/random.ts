/**
 * @file Threefry-2x32 with 20 rounds [Salmon, Moraes, Dror and Shaw 2011]: a random number is a pure function of a key
 * and a counter, so that no value depends on how many were drawn before it.
 */

export const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
export const PARITY = 0x1bd11bda;

/** Two 32-bit words. */
export type Words = readonly [number, number];

export function threefry(key: Words, counter: Words): Words {
  const schedule = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
  let x = (counter[0] + key[0]) | 0;
  let y = (counter[1] + key[1]) | 0;
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[group % 2]) {
      x = (x + y) | 0;
      y = ((y << by) | (y >>> (32 - by))) ^ x;
    }
    x = (x + schedule[(group + 1) % 3]) | 0;
    y = (y + schedule[(group + 2) % 3] + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** In [0, 1), with 53 bits. */
export function toUniform([high, low]: Words): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Standard normal [Box and Muller 1958]; at most 6.7 standard deviations away, as 32 bits go into the radius. */
export function toNormal([radius, angle]: Words): number {
  return Math.sqrt(-2 * Math.log((radius + 1) / 2 ** 32)) * Math.cos((2 * Math.PI * angle) / 2 ** 32);
}

/** FNV-1a over UTF-8. */
export function hashName(name: string): number {
  return new TextEncoder().encode(name).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

/** @throws RangeError for what is no 32-bit word. */
export function checkSeed(seed: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new RangeError(`\`seed\` must be a whole number from 0 to 2³²−1, not ${seed}`);
}
