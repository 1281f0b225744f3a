/**
 * @file Named values of a spec as results: what a name stands for is known while its statement is lowered and nowhere
 * later, since passes move, merge and rename.
 */

import type { Binding, Block } from "../check/typed.js";
import { suggest } from "../diagnostics/suggest.js";
import type { Type, Value } from "../ir/types.js";
import type { Labelled } from "./labelled.js";

/** What a name got at one call of its block; of a state, the value after the step. */
export interface Probe extends Labelled {
  /** With the path of the instance: `rnn.f`, `block.0.rnn.h`; what is named in the model itself has none. */
  readonly name: string;
  /** Given unless others are asked for: what the bodies of cells and of the model name. */
  readonly usual: boolean;
}

/** Adds zeros that may be varied to the next values of a state, at all steps. */
export type Perturb = (block: Block, state: Binding, type: Type) => Value;

export function probeOf(block: Block, binding: Binding, value: Labelled): Probe {
  const name = binding.kind === "next" ? binding.name.slice(0, -1) : binding.name;
  return { ...value, name: pathOf(block, name), usual: block.kind !== "layer" && binding.kind !== "const" };
}

export function pathOf({ path }: Block, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Calls of one instance beyond the first are told apart: `decoder.h`, `decoder.h#2`. */
export class CallNames {
  readonly #calls = new Map<string, number>();

  next(name: string): string {
    const call = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, call);
    return call === 1 ? name : `${name}#${call}`;
  }
}

/** A name to probe that no model has. */
export class UnknownProbe extends RangeError {
  override readonly name = "UnknownProbe";
}

/** Chooses what the models of a compilation give, and remembers what they had to choose from. */
export class ProbeSelection {
  readonly #known = new Set<string>();

  /** @param wanted names, in which `*` stands for any part; `true` for the usual ones. */
  constructor(readonly wanted: true | readonly string[]) {}

  /** By name, in the order of the spec. */
  choose(probes: readonly Probe[]): ReadonlyMap<string, Labelled> {
    const names = new CallNames();
    const all = probes.map((probe) => ({ probe, name: names.next(probe.name) }));
    for (const { name } of all) this.#known.add(name);
    const { wanted } = this;
    const chosen = all.filter(({ probe, name }) => (wanted === true ? probe.usual : wanted.some(matches(name))));
    return new Map(chosen.map(({ probe, name }) => [name, probe]));
  }

  /** @throws UnknownProbe for a name that none of the models seen so far has. */
  check(): void {
    const { wanted } = this;
    if (wanted === true) return;
    const known = [...this.#known];
    const unknown = wanted.find((pattern) => !known.some((name) => matches(name)(pattern)));
    if (unknown === undefined) return;
    const near = suggest(unknown, known);
    const help =
      near === undefined ? `there are ${known.map((name) => `\`${name}\``).join(", ")}` : `did you mean \`${near}\`?`;
    throw new UnknownProbe(`no model names a value \`${unknown}\` to probe: ${help}`);
  }
}

function matches(name: string): (pattern: string) => boolean {
  return (pattern) => {
    const parts = pattern.split("*").map((part) => part.replaceAll(/[^\w]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(name);
  };
}
