/** @file The copying problem. */

import { checkWhole } from "../../options.js";
import { Task } from "./task.js";

export const COPYING = { delay: 100, symbols: 8, copied: 10 };

/**
 * The copying problem [Hochreiter and Schmidhuber 1997], in the form of Arjovsky, Shah and Bengio 2016: `tokens` are 10 symbols of 8, T − 1
 * blanks, a mark, 10 blanks; `wanted` are T + 10 blanks, then the symbols. Ids: the symbols, the blank, the mark.
 * @param options.delay T, default 100; published are 100 to 1000. `symbols` (8) and `copied` (10) may be smaller for a start.
 */
export function copying(options: Partial<typeof COPYING> = {}): Task<{ tokens: Int32Array; wanted: Int32Array }> {
  const given = { ...COPYING, ...options };
  const delay = checkWhole("delay", given.delay, 1);
  const symbols = checkWhole("symbols", given.symbols, 1);
  const copied = checkWhole("copied", given.copied, 1);
  const length = delay + 2 * copied;
  const [blank, mark] = [symbols, symbols + 1];
  return new Task({
    type: "copying",
    options: { delay, symbols, copied },
    length,
    spec: { file: "copying.seq", set: { V: symbols + 2 } },
    // Blanks are certain, the symbols are not.
    baseline: (copied * Math.log(symbols)) / length,
    metric: "recalled",
    empty: (examples) => ({
      tokens: new Int32Array(examples * length).fill(blank),
      wanted: new Int32Array(examples * length).fill(blank),
    }),
    draw(random, { tokens, wanted }, row) {
      const start = row * length;
      for (let each = 0; each < copied; each++) {
        const symbol = random.below(symbols);
        tokens[start + each] = symbol;
        wanted[start + length - copied + each] = symbol;
      }
      tokens[start + copied + delay - 1] = mark;
    },
  });
}
