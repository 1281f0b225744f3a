/** @file Contractions: matrix products and sums of products in index notation. */

import type { Builder } from "../ir/builder.js";
import type { Value } from "../ir/types.js";
import { invariant } from "../support/assert.js";
import { BATCH_LABEL, type Label, type Labelled, ownShape, pointwise, unionLabels } from "./labelled.js";
import { countOf, zeroPastEnd } from "./ragged.js";
import { reduceLabels } from "./reductions.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** A letter for each label and each own axis, as `contract` wants them. */
class Letters {
  readonly #given = new Map<Label | string, string>();

  of(axes: readonly (Label | string)[]): string {
    return axes
      .map((axis) => {
        const letter = this.#given.get(axis) ?? LETTERS[this.#given.size];
        invariant(letter !== undefined, "lower", "a contraction has too many axes");
        this.#given.set(axis, letter);
        return letter;
      })
      .join("");
  }
}

/** Matrix by vector or matrix by matrix; labels that both sides have run in parallel. */
export function matmul(b: Builder, left: Labelled, right: Labelled): Labelled {
  const letters = new Letters();
  const labels = unionLabels([left, right]);
  const columns = ownShape(right).length === 2 ? ["column"] : [];
  const value = b.contract(
    left.value,
    right.value,
    letters.of([...left.labels, "row", "inner"]),
    letters.of([...right.labels, "inner", ...columns]),
    letters.of([...labels, "row", ...columns]),
  );
  return { value, labels };
}

/** Σ over labels of the product of the factors, as a contraction where two factors share a summed label. */
export function sumOfProduct(b: Builder, factors: readonly Labelled[], over: readonly Label[]): Labelled {
  const reaches = (factor: Labelled) => factor.labels.some((label) => over.includes(label));
  const [inner, outer] = [factors.filter(reaches), factors.filter((factor) => !reaches(factor))];
  // Nothing depends on such a label, so each of its values adds the same.
  const idle = over.filter((label) => !inner.some((factor) => factor.labels.includes(label)));
  const active = over.filter((label) => !idle.includes(label));
  const parts: Labelled[] = [...outer];
  if (idle.length > 0) parts.push(countOf(b, idle));
  const ended = active.reduce<readonly Labelled[]>((factors, label) => endFactor(b, factors, label), inner);
  if (inner.length > 0) parts.unshift(innerProduct(b, ended, active));
  return parts.reduce((x, y) => times(b, x, y));
}

/** The factors, the smallest one that varies along the label being zero past its examples' ends. */
function endFactor(b: Builder, factors: readonly Labelled[], label: Label): readonly Labelled[] {
  const weight = ({ value, labels }: Labelled) => value.type.shape.length + (labels.includes(BATCH_LABEL) ? 0 : 1);
  const varying = factors.filter((factor) => factor.labels.includes(label));
  const [smallest] = varying.toSorted((x, y) => weight(x) - weight(y));
  return factors.map((factor) => (factor === smallest ? zeroPastEnd(b, factor, [label]) : factor));
}

function times(b: Builder, x: Labelled, y: Labelled): Labelled {
  return pointwise([x, y], b, (p, q) => b.binary("mul", p, q));
}

function innerProduct(b: Builder, factors: readonly Labelled[], over: readonly Label[]): Labelled {
  const last = factors[factors.length - 1];
  if (factors.length === 1) return reduceLabels(b, "sum", last, over);
  const first = factors.slice(0, -1).reduce((x, y) => times(b, x, y));
  // What one side alone depends on is summed there first.
  const only = (a: Labelled, other: Labelled) => over.filter((l) => a.labels.includes(l) && !other.labels.includes(l));
  const x = reduceLabels(b, "sum", first, only(first, last));
  const y = reduceLabels(b, "sum", last, only(last, first));
  const summed = over.filter((label) => x.labels.includes(label));
  if (summed.length === 0) return times(b, x, y);
  const letters = new Letters();
  const labels = unionLabels([x, y]).filter((label) => !summed.includes(label));
  const own = (a: Labelled) => ownShape(a).map((_, i) => `own ${i}`);
  const axes = own(x).length > 0 ? own(x) : own(y);
  const value: Value = b.contract(
    x.value,
    y.value,
    letters.of([...x.labels, ...own(x)]),
    letters.of([...y.labels, ...own(y)]),
    letters.of([...labels, ...axes]),
  );
  return { value, labels };
}
