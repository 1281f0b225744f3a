/** @file Round numbers for axes. */

/** About `count` multiples of 1, 2 or 5 times a power of ten that span low … high. */
export function linearTicks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Powers of ten that span low … high, with 2 and 5 where they are few; at most about eight. */
export function logTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const skip = Math.max(1, Math.ceil((to - from) / 7));
  const factors = to - from <= 2 ? [1, 2, 5] : [1];
  const all = Array.from({ length: to - from + 1 }, (_, at) => from + at)
    .filter((power) => (power - from) % skip === 0 || power === to)
    .flatMap((power) => factors.map((factor) => factor * 10 ** power));
  const first = all.findLastIndex((value) => value <= low);
  const last = all.findIndex((value) => value >= high);
  return all.slice(Math.max(0, first), last < 0 ? undefined : last + 1).map((value) => Number(value.toPrecision(12)));
}

export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential().replace("e-", "e−");
  return String(Number(value.toPrecision(6)));
}
