/**
 * @file Which groups share a dispatch. A dispatch costs what thousands of operations cost, and a training step has many
 * groups that are small (the classifier behind a loop, with its loss and its derivative) or independent of each other
 * (gradients of different weights).
 *
 * - A *chain*: consecutive groups of little work are done one after another by a single workgroup, a barrier between them.
 * - Groups *alongside* each other: those that do not wait for one another are numbered through, workgroup by workgroup.
 */

import { BATCH, type Dim, type ValueId } from "../ir/types.js";
import { accumulation } from "./scalarize.js";
import type { Group, Schedule } from "./schedule.js";
import { ownIndex, walk } from "./walk.js";

/** The groups of one dispatch, by number. */
export interface Stage {
  readonly kind: "single" | "chain" | "alongside";
  readonly groups: number[];
}

/** Multiplications that a chain may have, a group and in all, for each example. */
const MOST_WORK = 1 << 14;
const MOST_CHAINED_WORK = 1 << 16;
/** Beyond this many, entry points become long to compile. */
const MOST_ALONGSIDE = 6;

/** @param chains whether one workgroup may do all of several groups. */
export function planStages(schedule: Schedule, chains = true): readonly Stage[] {
  const { groups, reads } = schedule;
  const works = chains ? worksOf(schedule) : [];
  const stages: Stage[] = [];
  const stageOf: number[] = [];
  const homes = new Map<ValueId, number>();
  const put = (at: number, stage: number) => {
    stages[stage].groups.push(at);
    stageOf[at] = stage;
    for (const root of groups[at].roots) homes.set(root.id, Math.max(stage, homes.get(root.id) ?? 0));
  };
  const open = (kind: Stage["kind"]): number => stages.push({ kind, groups: [] }) - 1;

  for (let at = 0; at < groups.length; at++) {
    const chain = chains ? chainFrom(groups, at, works) : 1;
    if (chain > 1) {
      const stage = open("chain");
      for (const end = at + chain; at < end; at++) put(at, stage);
      at--;
      continue;
    }
    const after = Math.max(-1, ...[...reads[at]].map((id) => homes.get(id) ?? -1));
    const beside = stages.findIndex(
      ({ kind, groups: others }, stage) =>
        stage > after &&
        kind !== "chain" &&
        others.length < MOST_ALONGSIDE &&
        others.every((other) => mayStandBeside(groups[other], groups[at])),
    );
    if (beside < 0) put(at, open("single"));
    else {
      stages[beside] = { ...stages[beside], kind: "alongside" };
      put(at, beside);
    }
  }
  return stages;
}

/**
 * Loops are long. Of the others like stand beside like: their workgroups are of one size, and those that need no barrier
 * are not in one kernel with those that do, which software adapters start far more slowly.
 */
function mayStandBeside(a: Group, b: Group): boolean {
  return a.kind !== "scan" && a.kind === b.kind;
}

/** How many groups from one on a chain may have. */
function chainFrom(groups: readonly Group[], from: number, works: readonly number[]): number {
  let work = 0;
  for (let at = from; at < groups.length; at++) {
    work += works[at];
    if (works[at] > MOST_WORK || work > MOST_CHAINED_WORK) return at - from;
  }
  return groups.length - from;
}

/** Multiplications of each group for each example; infinite where lengths besides the batch count. */
function worksOf({ groups, definitions }: Schedule): readonly number[] {
  const stored = new Set(groups.flatMap(({ roots }) => roots.map(({ id }) => id)));
  return groups.map(({ kind, roots }) => {
    if (kind === "scan") return Number.POSITIVE_INFINITY;
    return Math.max(
      ...roots.map((value) => {
        let terms = 1;
        walk({ value, index: ownIndex(value.type.shape) }, definitions, {
          stored: ({ id }) => stored.has(id),
          reached: () => undefined,
          accumulated: (instr) => {
            terms += extentOf(accumulation(instr).dims);
          },
        });
        return extentOf(value.type.shape) * terms;
      }),
    );
  });
}

function extentOf(dims: readonly Dim[]): number {
  return dims.reduce((n: number, d) => n * (typeof d === "number" ? d : d === BATCH ? 1 : Number.POSITIVE_INFINITY), 1);
}
