/** @file Several kernels as one dispatch (stages.ts says which). Their statements stay as they are, each in a scope of its own. */

import type { Count, Work } from "../../runtime/manifest.js";
import { type Words, withWords, wordsOf } from "./alike.js";
import {
  add,
  call,
  type Expr,
  GROUP,
  infix,
  type Kernel,
  mul,
  planWord,
  type Stmt,
  u32,
  variable,
  type WorkgroupArray,
} from "./kernel-ir.js";

/** Numbers of workgroups of the parts as they come. */
function workgroups({ groups }: Kernel): Expr {
  return groups.map((product) => product.map(counted).reduce(mul, u32(1))).reduce(add);
}

function counted({ factor, lengths, divisor, chunks = [] }: Count): Expr {
  const upwards = (n: Expr, by: number) => (by === 1 ? n : infix("/", add(n, u32(by - 1)), u32(by)));
  const whole = lengths.map(planWord).reduce(mul, u32(1));
  const all = chunks.reduce((n, { length, steps }) => mul(n, upwards(planWord(length), steps)), whole);
  return upwards(mul(all, u32(factor)), divisor);
}

/** The statements with `GROUP` standing for another number. */
function numbered(group: Expr, body: readonly Stmt[]): readonly Stmt[] {
  return [{ kind: "let", name: "group", value: group }, ...body];
}

/** Arrays of one name are one: parts have them in turn, or in different workgroups. */
function merged(arrays: readonly WorkgroupArray[]): readonly WorkgroupArray[] {
  const sizes = new Map<string, number>();
  for (const { name, size } of arrays) sizes.set(name, Math.max(size, sizes.get(name) ?? 0));
  return [...sizes].map(([name, size]) => ({ name, size }));
}

const composed = (name: string, parts: readonly Kernel[]) => ({
  name,
  comment: parts.map(({ comment }) => comment).join("\n"),
  workgroupSize: parts[0].workgroupSize,
  arrays: merged(parts.flatMap(({ arrays }) => arrays)),
  quads: parts.some(({ quads }) => quads === true),
});

/** One after another by one workgroup: each takes the workgroups of a kernel in turn. */
export function chain(name: string, parts: readonly Kernel[]): Kernel {
  const body = parts.flatMap((part, i): Stmt[] => {
    const turn = `turn_${i}`;
    const loop: Stmt = {
      kind: "for",
      name: turn,
      from: u32(0),
      below: workgroups(part),
      step: u32(1),
      body: numbered(variable(turn, "u32", 1), part.body),
    };
    return i === 0 ? [loop] : [{ kind: "barrier", storage: true }, loop];
  });
  return { ...composed(name, parts), groups: [[{ factor: 1, lengths: [], divisor: 1 }]], body };
}

/** Of a part that is the same in all variants. */
const NO_WORK: Work = { terms: { factor: 0, lengths: [], divisor: 1 }, reads: 0, shared: 0, products: 0, turns: 0 };

/** Parts that are alike: the first, and the words that each of the others has in place of its own. */
interface Alike {
  readonly part: Kernel;
  readonly others: Words[];
}

/** In the order of the first of each. */
function likeParts(parts: readonly Kernel[]): readonly Alike[] {
  const all: Alike[] = [];
  for (const part of parts) {
    const isLike = (alike: Alike) => {
      const words = wordsOf(alike.part, part);
      if (words !== undefined) alike.others.push(words);
      return words !== undefined;
    };
    if (!all.some(isLike)) all.push({ part, others: [] });
  }
  return all;
}

/** The statements of like parts, written once: `group` is numbered through all of them. */
function together({ part, others }: Alike, group: Expr): readonly Stmt[] {
  if (others.length === 0) return numbered(group, part.body);
  const [which, each] = ["which", "each"].map((name) => variable(name, "u32", 1));
  const chosen = new Map<string, Stmt>();
  const body = withWords(part.body, (word) => {
    const value = others.reduce<Expr>((before, words, i) => {
      const other = words.get(word.name) ?? word;
      return other.name === word.name ? before : call("select", "u32", before, other, infix("==", which, u32(i + 1)));
    }, word);
    if (value === word) return word;
    const name = `own_${word.name}`;
    chosen.set(name, { kind: "let", name, value });
    return variable(name, "u32", 1);
  });
  return [
    { kind: "let", name: "each", value: workgroups(part) },
    { kind: "let", name: "which", value: infix("/", group, each) },
    ...chosen.values(),
    ...numbered(infix("%", group, each), body),
  ];
}

/** At the same time: the workgroups of all are numbered through. */
export function alongside(name: string, parts: readonly Kernel[]): Kernel {
  let first: Expr = u32(0);
  const all = likeParts(parts);
  const body = all.flatMap((alike, i): Stmt[] => {
    const [from, end] = [first, `end_${i}`];
    const value = add(from, mul(workgroups(alike.part), u32(1 + alike.others.length)));
    first = variable(end, "u32", 0);
    const below = infix("<", GROUP, first);
    const condition = i === 0 ? below : infix("&&", infix(">=", GROUP, from), below);
    return [
      { kind: "let", name: end, value },
      { kind: "if", condition, body: together(alike, infix("-", GROUP, from)) },
    ];
  });
  // Like parts have like work.
  const inOrder = all.flatMap(({ part, others }) => [part, ...others.map(() => part)]);
  return {
    ...composed(name, parts),
    groups: inOrder.flatMap(({ groups }) => groups),
    ...(parts.some(({ work }) => work) && {
      work: inOrder.flatMap(({ work, groups }) => work ?? groups.map(() => NO_WORK)),
    }),
    body,
  };
}
