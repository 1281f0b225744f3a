/** @file Induction heads. */

import { checkWhole } from "../../options.js";
import { Task } from "./task.js";

export const INDUCTION_HEADS = { length: 256, vocabulary: 16 };

/**
 * Induction heads [Olsson et al. 2022] in the setting of Gu and Dao 2023, appendix E.1: random tokens, among them a mark at a random place;
 * the last token is the mark again, and `answer` is the token behind the first one. The mark is the last of the 16 ids.
 * @param options.length default 256, as in training; the paper tests up to 2²⁰. `vocabulary` (16) may be smaller for a start.
 */
export function inductionHeads(
  options: Partial<typeof INDUCTION_HEADS> = {},
): Task<{ tokens: Int32Array; answer: Int32Array }> {
  const given = { ...INDUCTION_HEADS, ...options };
  const length = checkWhole("length", given.length, 3);
  const vocabulary = checkWhole("vocabulary", given.vocabulary, 2);
  const mark = vocabulary - 1;
  return new Task({
    type: "induction-heads",
    options: { length, vocabulary },
    length,
    spec: { file: "induction-heads.seq", set: { V: vocabulary } },
    baseline: Math.log(vocabulary - 1),
    metric: "accuracy",
    empty: (examples) => ({ tokens: new Int32Array(examples * length), answer: new Int32Array(examples) }),
    draw(random, { tokens, answer }, row) {
      const start = row * length;
      const place = random.below(length - 2);
      for (let t = 0; t < length - 1; t++) tokens[start + t] = random.below(vocabulary - 1);
      tokens[start + place] = mark;
      tokens[start + length - 1] = mark;
      answer[row] = tokens[start + place + 1];
    },
  });
}
