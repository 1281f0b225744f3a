/**
 * @file Which of several kernels does a dispatch: they compute the same, with other shapes of their tiles. Without
 * measurements (`tuner.ts`) a model of their cost by the run's sizes and the kind of adapter decides.
 */

import { evaluateCount, type Lengths } from "./arena.js";
import { describeAdapterInfo } from "./device.js";
import { type Dispatch, type Pass, SPANS, type Variant } from "./manifest.js";
import { chooseSpans, cutLength, fitsArena, groupsOf, type Loops, loopCost, type Machine, mostSpans } from "./spans.js";
import { prefersSteps, steppedVariant } from "./steps.js";

/** The default first. */
export function variantsOf(dispatch: Dispatch): readonly Variant[] {
  return [dispatch, ...(dispatch.variants ?? [])];
}

/** A kernel with those that it needs besides, in order. */
export function passesOf(variant: Variant): readonly Pass[] {
  const { before = [], steps, behind = [] } = variant;
  return [...before, variant, ...(steps?.others ?? []), ...behind];
}

/** Nanoseconds of what a thread does. */
interface Costs {
  readonly read: number;
  readonly shared: number;
  readonly product: number;
  /** Of a sum that is carried from one turn of a loop to the next. */
  readonly carried: number;
  readonly turn: number;
  /** Of starting a workgroup with memory of its own. */
  readonly start: number;
  /** How much dearer reads are that neighbouring threads make far apart. */
  readonly apart: number;
}

/** Measured on SwiftShader: one thread on one core. */
const SOFTWARE: Costs = { read: 4.5, shared: 3, product: 0.15, carried: 0.4, turn: 2.3, start: 80_000, apart: 1 };
/** A guess: only the ratios count, and a term's turn stands for its latency. */
const GPU: Costs = { read: 7, shared: 3, product: 0.54, carried: 0, turn: 5, start: 0, apart: 4 };
/** Workgroups that a GPU runs side by side without loss, a guess in the middle of what there is. */
const GPU_WORKGROUPS = 64;
/** Threads of such a workgroup: one with more counts as several, unless it does a loop, for which it has a multiprocessor. */
const GPU_THREADS = 64;

/** Workgroups of 64 threads, a channel each, that a GPU runs side by side: a guess too. */
const GPU_CHANNELS = 256;

/** Whether the device's limits and features allow a variant. */
export function fitsDevice(
  { threads = 1, workgroupBytes = 0, quads }: Variant,
  { limits, features }: GPUDevice,
): boolean {
  if (quads === true && !features.has("subgroups")) return false;
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return threads <= most && workgroupBytes <= limits.maxComputeWorkgroupStorageSize;
}

/** The number of the variant of each dispatch; behind them, of a program whose loops may be cut, that of their spans. */
export type Choice = readonly number[];

/** The number of the cheapest variant of each dispatch; the default where none fits, of which the device will say why. */
export function chooseVariants(program: Loops, sizes: Lengths, device: GPUDevice): readonly number[] {
  const { software } = describeAdapterInfo(device.adapterInfo);
  const spanned = withSpans(program, sizes, device);
  return program.dispatches.map((dispatch) => {
    const length = cutLength(dispatch);
    if (length !== undefined) {
      const costs = variantsOf(dispatch).map((each) => loopCost(each, length, spanned, machineOf(device)));
      return costs.indexOf(Math.min(...costs));
    }
    const variants = variantsOf(dispatch);
    const stepped = steppedVariant(dispatch);
    const costs = variants.map((variant, i) => {
      // How threads make up quads is the device's affair: where it has not been tried, the tuner tries it.
      const usable = i !== stepped && fitsDevice(variant, device) && (software || variant.quads !== true);
      return usable ? costOf(variant, sizes, software) : Number.POSITIVE_INFINITY;
    });
    const best = costs.indexOf(Math.min(...costs));
    if (stepped === undefined || software) return best;
    return prefersSteps(variants[best], variants[stepped], sizes, GPU_WORKGROUPS) ? stepped : best;
  });
}

/** The model of the cost is not as wrong as this. */
const HOPELESS = 32;

/** Whether a variant need not be tried: by the model another takes so much less. Of loops the model is another. */
export function isHopeless(variant: Variant, dispatch: Dispatch, sizes: Lengths, device: GPUDevice): boolean {
  const { work, rows, steps } = variant;
  if (work === undefined || rows !== undefined || steps !== undefined || cutLength(dispatch) !== undefined)
    return false;
  const { software } = describeAdapterInfo(device.adapterInfo);
  const weighed = variantsOf(dispatch).filter((each) => each.work !== undefined && fitsDevice(each, device));
  const least = Math.min(...weighed.map((each) => costOf(each, sizes, software)));
  return costOf(variant, sizes, software) > HOPELESS * least;
}

function costOf(
  { groups, work = [], threads = 1, workgroupBytes = 0, rows }: Variant,
  sizes: Lengths,
  software: boolean,
): number {
  const { read, shared, product, carried, turn, start, apart } = software ? SOFTWARE : GPU;
  const places = rows === undefined ? Math.max(1, threads / GPU_THREADS) : 1;
  const atOnce = software ? cores() : GPU_WORKGROUPS / places;
  return work.reduce((sum, { terms, ...term }, i) => {
    const waves = Math.ceil(groupsOf({ groups: [groups[i]] }, sizes) / atOnce);
    const nanoseconds =
      term.reads * read * (term.apart === true ? apart : 1) +
      term.shared * shared +
      term.products * (product + term.turns * carried) +
      term.turns * turn;
    // In software a workgroup's threads run one after another; on a GPU all at once, however few.
    const thread = evaluateCount(terms, sizes) * nanoseconds * (software ? threads : 1);
    return sum + waves * (thread + (workgroupBytes > 0 ? start : 0));
  }, 0);
}

/** The sizes with the number of spans of loops: as given with them or with a choice, or else by a model of the cost. */
export function withSpans(program: Loops, sizes: Lengths, device: GPUDevice, choice: Choice = []): Lengths {
  if (sizes[SPANS] !== undefined) return sizes;
  const [chosen] = choice.slice(program.dispatches.length);
  return { ...sizes, [SPANS]: chosen ?? chooseSpans(program, sizes, machineOf(device)) };
}

function machineOf({ adapterInfo, limits }: GPUDevice): Machine {
  const { software } = describeAdapterInfo(adapterInfo);
  const elements = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 4;
  return { software, atOnce: software ? cores() : GPU_CHANNELS, elements };
}

/** What the model of the cost says first, then others that may be better: it knows nothing of the device's size. */
export function spansToTry(program: Loops, sizes: Lengths, device: GPUDevice): readonly number[] {
  const modelled = withSpans(program, sizes, device)[SPANS];
  const longest = Math.max(0, ...program.dispatches.flatMap((dispatch) => sizes[cutLength(dispatch) ?? ""] ?? []));
  const { elements } = machineOf(device);
  const others = [modelled / 4, modelled * 4, modelled * 16].filter(
    (spans) => spans > 1 && spans <= mostSpans(longest) && fitsArena(program.slots, sizes, spans, elements),
  );
  return [modelled, ...others];
}

/** Node.js before 21 does not say. */
function cores(): number {
  return (globalThis.navigator as { readonly hardwareConcurrency?: number } | undefined)?.hardwareConcurrency ?? 2;
}
