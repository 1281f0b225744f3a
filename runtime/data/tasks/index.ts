/** @file The synthetic tasks by name, for options that come as plain data. */

import { checkFields } from "../../options.js";
import { ADDING, adding } from "./adding.js";
import { COPYING, copying } from "./copying.js";
import { INDUCTION_HEADS, inductionHeads } from "./induction-heads.js";
import { SELECTIVE_COPYING, selectiveCopying } from "./selective-copying.js";
import type { Task } from "./task.js";
import { TEMPORAL_ORDER, temporalOrder } from "./temporal-order.js";

interface TaskKind {
  /** The papers' settings. */
  readonly defaults: Readonly<Record<string, number>>;
  readonly create: (options: Readonly<Record<string, number>>) => Task;
}

const TASKS: ReadonlyMap<string, TaskKind> = new Map<string, TaskKind>([
  ["adding", { defaults: ADDING, create: adding }],
  ["copying", { defaults: COPYING, create: copying }],
  ["selective-copying", { defaults: SELECTIVE_COPYING, create: selectiveCopying }],
  ["induction-heads", { defaults: INDUCTION_HEADS, create: inductionHeads }],
  ["temporal-order", { defaults: TEMPORAL_ORDER, create: temporalOrder }],
]);

/** A task and those of its options that differ from the papers' settings. */
export interface TaskOptions {
  readonly type: string;
  readonly [option: string]: string | number;
}

/** The names that `createTask` knows. */
export const TASK_NAMES: readonly string[] = [...TASKS.keys()];

/** The task of a name, with the settings of its paper where none are given. @throws TypeError or RangeError naming the task or the option. */
export function createTask({ type, ...options }: TaskOptions): Task {
  const kind = TASKS.get(type);
  if (kind === undefined) throw new TypeError(`there is no task "${type}": there are ${TASK_NAMES.join(", ")}`);
  checkFields(type, options, Object.keys(kind.defaults));
  const numbers = Object.entries(options).map(([name, value]): [string, number] => {
    if (typeof value !== "number") throw new TypeError(`\`${name}\` must be a number, not ${JSON.stringify(value)}`);
    return [name, value];
  });
  return kind.create(Object.fromEntries(numbers));
}

export { adding } from "./adding.js";
export { copying } from "./copying.js";
export { inductionHeads } from "./induction-heads.js";
export { selectiveCopying } from "./selective-copying.js";
export type { TaskDefinition } from "./task.js";
export { Task } from "./task.js";
export { temporalOrder } from "./temporal-order.js";
