/**
 * @file What a dispatch is but for where its arrays lie. Layers repeat, and so do the programs for training, evaluation,
 * prediction and streams: a dispatch whose form was met before has the kernels of then, which are not written out again.
 */

import type { Instr, Value, ValueId } from "../ir/types.js";
import { type Address, type KernelContext, namesOf, scanTitle } from "./context.js";
import type { PlanWord } from "./kernel-ir.js";
import type { ChunkStarts } from "./replay.js";
import type { Group } from "./schedule.js";

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
  /** Of a loop that is replayed, or that replays. */
  readonly starts: ChunkStarts | undefined;
}

/** Undefined for copies of arguments, and where a place is more than a word of the plan. */
export function formOf(kind: string, members: readonly Member[]): StageForm | undefined {
  const words: PlanWord[] = [];
  const keys = members.map((member) => new Description(member, words).key());
  if (keys.some((key) => key === undefined)) return undefined;
  const titles = members.map(({ group }) => (group.kind === "scan" ? scanTitle(group.instr) : namesOf(group.roots)));
  return { key: [kind, ...keys].join("\n\n"), words, titles };
}

/**
 * A group with all that its kernels are made from, down to what lies in memory. Values and instructions have the numbers
 * in which they are met, and a line each.
 */
class Description {
  readonly #own: ReadonlySet<ValueId>;
  readonly #numbers = new Map<ValueId, number>();
  readonly #described = new Set<ValueId>();
  /** Parameters and results of loops' bodies, which may be of the kernel's own making. */
  readonly #inner = new Set<ValueId>();
  readonly #instrs = new Map<Instr, number>();
  readonly #lines: string[] = [];
  #plain = true;

  /** @param words grows by those that are new. */
  constructor(
    readonly member: Member,
    readonly words: PlanWord[],
  ) {
    this.#own = new Set(member.group.roots.map(({ id }) => id));
  }

  key(): string | undefined {
    const { group, context, starts } = this.member;
    const places = group.roots.map((root) => context.writeAddresses(root).map((address) => this.#place(address)));
    const saved = starts && [this.#place({ memory: "arena", offset: starts.offset }), starts.states];
    const head = this.#text([group, places, saved]);
    return this.#plain ? [head, ...this.#lines].join("\n") : undefined;
  }

  /** JSON that tells numbers apart for which JSON has no signs. */
  #text(whole: unknown): string {
    return JSON.stringify(whole, (_, part: unknown) => {
      if (typeof part === "number") {
        return Number.isFinite(part) && !Object.is(part, -0) ? part : `number ${Object.is(part, -0) ? "-0" : part}`;
      }
      if (typeof part !== "object" || part === null) return part;
      // What is known of values, by their ids.
      if (part instanceof Map) return Array.from(part, ([id, known]) => [this.#number(id), known]);
      if (isInstr(part)) return `instr ${this.#instr(part)}`;
      return isValue(part) ? `value ${this.#value(part)}` : part;
    });
  }

  #number(id: ValueId): number {
    const number = this.#numbers.get(id) ?? this.#numbers.size;
    this.#numbers.set(id, number);
    return number;
  }

  #value(value: Value): number {
    const number = this.#number(value.id);
    if (!this.#described.has(value.id)) {
      this.#described.add(value.id);
      const { elem, shape } = value.type;
      this.#lines.push(`${number} ${this.#origin(value)} ${elem} ${shape.join()}`);
    }
    return number;
  }

  #origin(value: Value): string {
    const { definitions, readAddress } = this.member.context;
    const address = this.#own.has(value.id) ? undefined : readAddress(value);
    if (address !== undefined) return this.#place(address);
    const instr = definitions.get(value.id);
    if (instr !== undefined) return `instr ${this.#instr(instr)}`;
    this.#plain &&= this.#inner.has(value.id);
    return "";
  }

  #instr(instr: Instr): number {
    const met = this.#instrs.get(instr);
    if (met !== undefined) return met;
    const number = this.#instrs.size;
    this.#instrs.set(instr, number);
    const { op, attrs, args, results } = instr;
    for (const { id } of [...results, ...(op === "scan" ? attrs.body.params : [])]) this.#inner.add(id);
    const [from, to] = [args, results].map((values) => values.map((value) => this.#value(value)).join(" "));
    this.#lines.push(`instr ${number} ${op} ${this.#text(attrs)} ${from}: ${to}`);
    return number;
  }

  #place({ memory, offset, place }: Address): string {
    if (offset.kind !== "word" || place !== undefined) {
      this.#plain = false;
      return "";
    }
    const met = this.words.findIndex(({ name }) => name === offset.name);
    return `${memory} ${met < 0 ? this.words.push(offset) - 1 : met}`;
  }
}

const isInstr = (part: object): part is Instr => "op" in part && "results" in part;
const isValue = (part: object): part is Value => "id" in part && "type" in part;
