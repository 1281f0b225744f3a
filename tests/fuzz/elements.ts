/** @file Random places of an array: what stands between its brackets. */

import { type Block, type Index, multiple } from "./block.js";
import type { Tape } from "./tape.js";
import type { Axis } from "./text.js";

/** An index or a constant for each axis; `special` stands at `at`. */
export function subscripts(
  { tape }: Block,
  axes: readonly Axis[],
  indices: readonly Index[],
  at = -1,
  special = "",
): string {
  return axes
    .map((axis, i) => {
      if (i === at) return special;
      const matching = indices.filter((index) => index.axis.text === axis.text);
      if (matching.length > 0 && !tape.flag(6)) {
        const index = tape.pick(matching);
        if (tape.flag(5)) return `${axis.text} - 1 - ${index.name}`;
        index.alone = true;
        return index.name;
      }
      const halves = indices.filter((index) => multiple(index.axis, 2).text === axis.text);
      if (halves.length > 0) {
        const { name, axis: own } = tape.pick(halves);
        return tape.pick([`2 * ${name}`, `2 * ${name} + 1`, `${name} + ${own.text}`]);
      }
      return tape.flag(50) ? `${axis.text} - 1` : "0";
    })
    .join(", ");
}

/** One of an array of ids or truth values, perhaps moved, with what stands outside. */
export function place(
  block: Block,
  name: string,
  axes: readonly Axis[],
  indices: readonly Index[],
  outside: string,
): string {
  if (axes.length === 0) return name;
  const { tape } = block;
  const at = tape.below(axes.length);
  const matching = indices.filter((index) => index.axis.text === axes[at].text);
  if (matching.length === 0 || !tape.flag(30)) return `${name}[${subscripts(block, axes, indices)}]`;
  const moved = affine(tape, axes[at], matching, indices);
  return `(${name}[${subscripts(block, axes, indices, at, moved)}] else ${outside})`;
}

/** A sum of indices that may leave the axis: one of its own moved, turned round, or with another beside it. */
export function affine(tape: Tape, axis: Axis, own: readonly Index[], indices: readonly Index[]): string {
  const { name } = tape.pick(own);
  const others = indices.filter((index) => index.name !== name).map((index) => index.name);
  const forms = [`${name} - 1`, `${name} + 1`, `${name} - 2`, `${axis.text} - ${name}`];
  for (const other of others) forms.push(`${name} - ${other}`, `${name} + ${other} - 1`);
  if (!axis.isLength) forms.push(`2 * ${name} - 1`, `1 - 2 * ${name}`);
  return tape.pick(forms);
}
