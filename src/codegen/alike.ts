/**
 * @file Kernels that do the same to other arrays: they differ in the words of their plans alone, and in the names that they
 * make up. Beside each other in a dispatch they need one text, with its words chosen by the part. A text is compiled once
 * for each time it is written, which on software adapters is most of a first step.
 */

import type { Expr, Kernel, Stmt } from "./kernel-ir.js";

type Word = Extract<Expr, { kind: "word" }>;

/** For each word of a kernel, by its name, the one that another has in its place. */
export type Words = ReadonlyMap<string, Word>;

/** Undefined where the kernels differ in more. */
export function wordsOf(kernel: Kernel, other: Kernel): Words | undefined {
  const { workgroupSize, groups, arrays } = kernel;
  if (arrays.length > 0 || other.arrays.length > 0 || workgroupSize !== other.workgroupSize) return undefined;
  if (JSON.stringify(groups) !== JSON.stringify(other.groups)) return undefined;
  const words = new Map<string, Word>();
  return areAlike(kernel.body, other.body, words, new Map()) ? words : undefined;
}

/** Goes through both at once; names are made up where they are declared, in the same order. */
function areAlike(a: unknown, b: unknown, words: Map<string, Word>, names: Map<string, string>): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (isWord(a) && isWord(b)) {
    const known = words.get(a.name);
    words.set(a.name, b);
    return known === undefined || known.name === b.name;
  }
  const [entries, others] = [Object.entries(a), Object.entries(b)];
  if (entries.length !== others.length) return false;
  const declares = "kind" in a && ["let", "var", "array", "for"].includes(String(a.kind));
  return entries.every(([key, value], i) => {
    const [otherKey, other] = others[i];
    if (key !== otherKey) return false;
    if ((key !== "name" && key !== "memory") || typeof value !== "string") return areAlike(value, other, words, names);
    if (declares) names.set(value, String(other));
    return (names.get(value) ?? value) === other;
  });
}

const isWord = (node: object): node is Word => "kind" in node && node.kind === "word";

/** The statements with other expressions in place of words. */
export function withWords(body: readonly Stmt[], replacement: (word: Word) => Expr): readonly Stmt[] {
  const replaced = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(replaced);
    if (typeof node !== "object" || node === null) return node;
    if (isWord(node)) return replacement(node);
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, replaced(value)]));
  };
  return replaced(body) as readonly Stmt[];
}
