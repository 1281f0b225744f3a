/** @file Names of indices: those with which the spec runs over a size, then the usual letters. */

import type { Dim } from "../ir/types.js";

const USUAL = ["i", "j", "k", "l", "m", "n", "p", "q", "r", "s"];

/** The names of the spec's own indices, and what else may not be one. */
export interface IndexVocabulary {
  readonly own: readonly { readonly name: string; readonly extent: Dim }[];
  readonly taken: ReadonlySet<string>;
}

/** The indices in scope at one place of an equation. */
export class IndexNames {
  readonly #used = new Set<string>();

  constructor(readonly vocabulary: IndexVocabulary) {}

  /** An index that is in scope until it is released. */
  bind(extent: Dim): string {
    const { own, taken } = this.vocabulary;
    const candidates = [
      ...own.filter((index) => index.extent === extent).map(({ name }) => name),
      ...(typeof extent === "string" ? [extent.toLowerCase()] : []).filter((name) => !taken.has(name)),
      ...USUAL.filter((name) => !taken.has(name)),
    ];
    const name = candidates.find((candidate) => !this.#used.has(candidate)) ?? `i${this.#used.size}`;
    this.#used.add(name);
    return name;
  }

  release(names: readonly string[]): void {
    for (const name of names) this.#used.delete(name);
  }
}
