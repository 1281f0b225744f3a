/** @file What a program needs, known before anything is allocated, and what would fit where it does not. */

import { ALIGNMENT, type Lengths, planArena } from "./arena.js";
import { DeviceError } from "./errors.js";
import { BATCH, PAST, type Program, ROOM, type Slot, SPANS } from "./manifest.js";

/** Bytes of the buffers of a program. */
export interface ArenaNeeds {
  readonly arena: number;
  /** Of a model compiled for f16. */
  readonly halves?: number;
}

/** What the arenas of a program need at some sizes. @param halfBytes of an element of the arena of halves. */
export function arenaNeeds(slots: readonly Slot[], sizes: Lengths, halfBytes: 2 | 4 | undefined): ArenaNeeds {
  const { size, halves } = planArena(slots, sizes);
  return { arena: size * 4, ...(halfBytes && { halves: Math.max(ALIGNMENT, halves) * halfBytes }) };
}

/** The largest buffer that a device binds. */
export function largestBuffer({ limits }: GPUDevice): number {
  return Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
}

/** @throws DeviceError naming the buffer, its bytes, what the device allows, and `remedy`. */
export function checkBufferSize(device: GPUDevice, bytes: number, what: string, remedy: () => string): void {
  const most = largestBuffer(device);
  if (bytes <= most) return;
  throw new DeviceError(
    `${what} needs a buffer of ${bytesText(bytes)}, and this device allows ${bytesText(most)}: ${remedy()}`,
  );
}

/**
 * @throws DeviceError where an arena of the program is larger than the device's buffers may be, naming the batch, and the lengths,
 * each alone, at which it would fit.
 */
export function checkArenas(
  { slots }: Pick<Program, "slots">,
  sizes: Lengths,
  device: GPUDevice,
  halfBytes: 2 | 4 | undefined,
  title: string,
): void {
  const needs = (at: Lengths) => arenaNeeds(slots, at, halfBytes);
  const fits = (at: Lengths) => Object.values(needs(at)).every((bytes) => bytes <= largestBuffer(device));
  const remedy = () => {
    const names = Object.keys(sizes).filter((name) => !UNCHOSEN.has(name));
    const options = names.flatMap((name) => {
      const most = largestFitting((size) => fits({ ...sizes, [name]: size }), sizes[name]);
      return most === undefined ? [] : [`${sizeName(name)} ${most}`];
    });
    const half = halfBytes === undefined ? "; compiled with --precision=f16 it needs less" : "";
    if (options.length === 0) return `lower ${names.map(sizeName).join(" and ")}${half}`;
    return `it would fit with ${options.join(", or with ")}${half}`;
  };
  for (const [name, bytes] of Object.entries(needs(sizes))) {
    checkBufferSize(device, bytes, `the ${name} of ${title} for ${nameSizes(sizes)}`, remedy);
  }
}

/** Sizes that no user gives. */
const UNCHOSEN: ReadonlySet<string> = new Set([PAST, SPANS]);

const WORDS: Readonly<Record<string, string>> = { [BATCH]: "batch", [ROOM]: "room for past steps" };

const sizeName = (name: string): string => WORDS[name] ?? name;

/** "batch 4, T 128". */
export function nameSizes(sizes: Lengths): string {
  return Object.entries(sizes)
    .flatMap(([name, size]) => (UNCHOSEN.has(name) ? [] : [`${sizeName(name)} ${size}`]))
    .join(", ");
}

/** The largest whole number from 1 to below `limit` for which `fits` holds, if it holds up to some number and not beyond. */
function largestFitting(fits: (size: number) => boolean, limit: number): number | undefined {
  if (limit <= 1 || !fits(1)) return undefined;
  let [low, high] = [1, limit];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** "12.5 GiB (13421772800 bytes)". */
export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  if (power === 0) return `${bytes} bytes`;
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power]} (${bytes} bytes)`;
}
