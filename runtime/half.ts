/** @file Numbers of the arena of halves, as the host reads them. */

/** f16 (IEEE 754 binary16) as bits, to f32. */
export function halvesToFloats(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (word) => {
    const sign = word >> 15 === 0 ? 1 : -1;
    const exponent = (word >> 10) & 31;
    const fraction = word & 1023;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}
