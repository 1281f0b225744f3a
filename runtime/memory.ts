/** @file What a program needs, known before anything is allocated, and what would fit where it does not. */

import { ALIGNMENT, type ArenaPlan, type Lengths, planArena } from "./arena.js";
import { DeviceError } from "./errors.js";
import { BATCH, PAST, ROOM, type Slot, SPANS } from "./manifest.js";

/** Bytes of the buffers of a program. */
export interface ArenaNeeds {
  readonly arena: number;
  /** Of a model compiled for f16. */
  readonly halves?: number;
}

/** What planned arenas need. @param halfBytes of an element of the arena of halves. */
export function arenaNeeds({ size, halves }: ArenaPlan, halfBytes: 2 | 4 | undefined): ArenaNeeds {
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
 * Plans the arenas of a program's slots.
 * @throws DeviceError where one is larger than the device's buffers may be, naming the batch, and the lengths,
 * each alone, at which it would fit.
 */
export function planFitting(
  slots: readonly Slot[],
  sizes: Lengths,
  device: GPUDevice,
  halfBytes: 2 | 4 | undefined,
  title: string,
): ArenaPlan {
  const most = largestBuffer(device);
  const fits = (at: Lengths) =>
    Object.values(arenaNeeds(planArena(slots, at), halfBytes)).every((bytes) => bytes <= most);
  const remedy = () => {
    const names = Object.keys(sizes).filter((name) => !UNCHOSEN.has(name));
    const options = names.flatMap((name) => {
      const largest = largestFitting((size) => fits({ ...sizes, [name]: size }), sizes[name]);
      return largest === undefined ? [] : [`${sizeName(name)} ${largest}`];
    });
    const half = halfBytes === undefined ? "; compiled with --precision=f16 it needs less" : "";
    if (options.length === 0) return `lower ${names.map(sizeName).join(" and ")}${half}`;
    return `it would fit with ${options.join(", or with ")}${half}`;
  };
  const plan = planArena(slots, sizes);
  for (const [name, bytes] of Object.entries(arenaNeeds(plan, halfBytes))) {
    checkBufferSize(device, bytes, `the ${name} of ${title} for ${nameSizes(sizes)}`, remedy);
  }
  return plan;
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
