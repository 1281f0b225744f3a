/** @file Selective copying. */

import { checkWhole } from "../../options.js";
import { Task } from "./task.js";

export const SELECTIVE_COPYING = { context: 4096, vocabulary: 16, copied: 16 };

/**
 * Selective copying [Jing et al. 2019] in the setting of Gu and Dao 2023, appendix E.1: among 4096 tokens are 16 symbols at random places,
 * the others are noise; then come 16 marks, at which the symbols are wanted in order (`asked` is 1 there). Ids, 16 in all: the noise, the
 * symbols, the mark. Asking for the answers by a mark is taken from copying.
 * @param options.context default 4096. `vocabulary` (16) and `copied` (16) may be smaller for a start.
 */
export function selectiveCopying(
  options: Partial<typeof SELECTIVE_COPYING> = {},
): Task<{ tokens: Int32Array; asked: Uint8Array; wanted: Int32Array }> {
  const given = { ...SELECTIVE_COPYING, ...options };
  const context = checkWhole("context", given.context, 1);
  const vocabulary = checkWhole("vocabulary", given.vocabulary, 3);
  const copied = checkWhole("copied", given.copied, 1);
  if (copied > context) throw new RangeError(`\`copied\` is ${copied} and there are only ${context} places for it`);
  const length = context + copied;
  const symbols = vocabulary - 2;
  const mark = vocabulary - 1;
  return new Task({
    type: "selective-copying",
    options: { context, vocabulary, copied },
    length,
    spec: { file: "selective-copying.seq", set: { V: vocabulary } },
    baseline: Math.log(symbols),
    metric: "recalled",
    empty: (examples) => ({
      tokens: new Int32Array(examples * length),
      asked: new Uint8Array(examples * length),
      wanted: new Int32Array(examples * length),
    }),
    draw(random, { tokens, asked, wanted }, row) {
      const start = row * length;
      const places = random.choose(copied, context);
      for (const [each, place] of places.entries()) {
        const symbol = 1 + random.below(symbols);
        tokens[start + place] = symbol;
        wanted[start + context + each] = symbol;
      }
      tokens.fill(mark, start + context, start + length);
      asked.fill(1, start + context, start + length);
    },
  });
}
