/** @file What a sampler should draw: probabilities in f64, ids sorted, the same uniform number. */

import { threefry } from "../../runtime/random.js";

export interface Drawing {
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
}

/** The uniform number that belongs to a row's position. */
export function uniformOf(seed: number, row: number, position: number): number {
  return threefry([seed, row], [position, 0])[0] / 2 ** 32;
}

/** The ids that may be drawn, the most probable first, and their weights. */
export function keptIds(logits: ArrayLike<number>, { temperature, topK = logits.length, topP = 1 }: Drawing) {
  const sorted = Array.from(logits, (logit, id) => ({ logit, id })).sort((a, b) => b.logit - a.logit || a.id - b.id);
  const greatest = sorted[0].logit;
  const among = sorted
    .slice(0, topK)
    .map(({ logit, id }) => ({ id, weight: Math.exp((logit - greatest) / temperature) }));
  const total = among.reduce((sum, { weight }) => sum + weight, 0);
  if (topP === 1) return among;
  return among.slice(0, firstAt(among, (sum) => sum >= topP * total) + 1);
}

export function drawnId(logits: ArrayLike<number>, drawing: Drawing, uniform: number): number {
  if (drawing.temperature === 0) return keptIds(logits, { temperature: 1 })[0].id;
  const kept = keptIds(logits, drawing).sort((a, b) => a.id - b.id);
  const mark = uniform * kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept[firstAt(kept, (sum) => sum > mark)].id;
}

/** The first at which the sum of the weights so far is enough. */
function firstAt(ids: readonly { readonly weight: number }[], isEnough: (sum: number) => boolean): number {
  let sum = 0;
  for (const [at, { weight }] of ids.entries()) {
    sum += weight;
    if (isEnough(sum)) return at;
  }
  return ids.length - 1;
}
