/**
 * @file What a dispatch is but for where its arrays lie. Layers repeat, and so do the programs for training, evaluation,
 * prediction and streams: a dispatch whose form was met before has the kernels of then, which are not written out again.
 */

import type { Value, ValueId } from "../ir/types.js";
import { type KernelContext, namesOf } from "./context.js";
import type { Expr } from "./kernel-ir.js";
import type { Group } from "./schedule.js";

type PlanWord = Extract<Expr, { readonly kind: "word" }>;

export interface StageForm {
  /** Equal for dispatches that differ in the words of their plans and in names alone. */
  readonly key: string;
  /** What the places of arrays are, in the order in which the key speaks of them. */
  readonly words: readonly PlanWord[];
  /** How the comment of each group's kernel begins. */
  readonly titles: readonly string[];
}

interface Member {
  readonly group: Group;
  readonly context: KernelContext;
}

/** Undefined for loops, for copies of arguments, and where a place is more than a word of the plan. */
export function formOf(kind: string, members: readonly Member[]): StageForm | undefined {
  const words: PlanWord[] = [];
  const keys = members.map(({ group, context }) => (group.kind === "scan" ? undefined : keyOf(group, context, words)));
  if (keys.some((key) => key === undefined)) return undefined;
  const titles = members.map(({ group: { roots } }) => namesOf(roots));
  return { key: [kind, ...keys].join("\n\n"), words, titles };
}

/** @param words grows by those that are new. */
function keyOf(
  group: Exclude<Group, { kind: "scan" }>,
  { definitions, readAddress, writeAddresses }: KernelContext,
  words: PlanWord[],
): string | undefined {
  const own = new Set(group.roots.map(({ id }) => id));
  const numbers = new Map<ValueId, number>();
  const lines: string[] = [];
  let plain = true;
  const unknown = (): string => {
    plain = false;
    return "";
  };
  const place = (address: ReturnType<typeof readAddress>): string => {
    if (address?.offset.kind !== "word" || address.place !== undefined) return unknown();
    const { memory, offset } = address;
    const met = words.findIndex(({ name }) => name === offset.name);
    return `${memory} ${met < 0 ? words.push(offset) - 1 : met}`;
  };
  const lineOf = (value: Value): string => {
    const address = own.has(value.id) ? undefined : readAddress(value);
    if (address !== undefined) return place(address);
    const instr = definitions.get(value.id);
    if (instr === undefined || instr.op === "scan") return unknown();
    return `${instr.op} ${exact(instr.attrs)} ${instr.args.map(visit).join(" ")}`;
  };
  const visit = (value: Value): number => {
    const met = numbers.get(value.id);
    if (met !== undefined) return met;
    lines.push(`${lineOf(value)} ${value.type.elem} ${exact(value.type.shape)}`);
    numbers.set(value.id, lines.length - 1);
    return lines.length - 1;
  };
  const anchors = group.kind === "matmul" ? [group.anchor] : group.kind === "map" ? [] : group.anchors;
  const written = group.roots.map((root) => `${visit(root)}: ${writeAddresses(root).map(place).join(", ")}`);
  const head = `${group.kind} ${exact(group.shape)} ${anchors.map(({ results: [value] }) => visit(value)).join(" ")}`;
  return plain ? [head, ...written, ...lines].join("\n") : undefined;
}

/** JSON that tells numbers apart for which JSON has no signs. */
function exact(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "number" || (Number.isFinite(part) && !Object.is(part, -0))) return part;
    return `number ${Object.is(part, -0) ? "-0" : part}`;
  });
}
