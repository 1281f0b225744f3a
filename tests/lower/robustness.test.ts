/** @file Mutated specs give diagnostics or a module that verifies, never a crash. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { lower } from "../../src/lower/lower.js";
import { parse } from "../../src/parser/parse.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { mutate } from "../support/mutate.js";
import { randomSource } from "./support.js";

const spec = (path: string) => readFileSync(fileURLToPath(new URL(`../../specs/${path}.seq`, import.meta.url)), "utf8");

const seeds = [
  spec("models/char-lm"),
  `${spec("cells/lstm")} ${spec("layers/linear")}
  model M(I = 3, H = 4, L = 2) {
    input xs: [T, I], id: [T] id(H), first: [H]
    target next: [T] id(H)
    param kernel: [3, H] ~ normal
    use rnn = LSTM(I, H), up[L] = LSTM(H, H), head = Linear(H, H)
    hs, end = scan rnn(xs) from { h: first, c: 0 }
    ys, last = chain scan up(hs)
    late = end.h + last.0.c
    e[t, d] = sum[k](kernel[k, d] * (ys[t - k, d] else 0)) + hs[t, d] / (d + 1)
    weight[s, u] = softmax[u](where(u <= s, sum[d](e[s, d] * hs[u, d]), -inf))
    output z[s, d] = sum[u](weight[s, u] * e[u, d]) + head.b[d]
    output late
    logits = head(ys)
    loss cross_entropy(logits, next) where id != 2
    loss 0.1 * mean(rnn.W_hh ** 2)
    metric accuracy(logits, next)
  }`,
];

test.each(seeds.map((seed, i) => [i, seed] as const))("spec %i", (i, seed) => {
  const random = randomSource(77 + i);
  let lowered = 0;
  const runs = Number(process.env.SEQC_FUZZ_RUNS ?? 150);
  for (let run = 0; run < runs; run++) {
    const text = run === 0 ? seed : mutate(seed, random);
    try {
      const { models, diagnostics } = checkProgram({ files: ["a.seq"], host: hostOf({ "a.seq": text }), parse });
      for (const model of models) {
        verifyGraph(present(lower(model).graphs.forward, "test", "the graph"), "lower");
        lowered++;
      }
      if (run === 0) expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
    } catch (error) {
      throw new Error(`on ${JSON.stringify(text)}`, { cause: error });
    }
  }
  // Harmless mutations are part of the test.
  expect(lowered).toBeGreaterThan(1);
});
