/** @file Every rewrite rule by itself: it fires on its example, changes no value, and the table below has them all. */

import { describe, expect, it } from "vitest";
import type { Builder } from "../../src/ir/builder.js";
import { printGraph } from "../../src/ir/print.js";
import { BATCH, type Value } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { rewrite } from "../../src/passes/rewriter.js";
import { rules } from "../../src/passes/simplify.js";
import { GraphWriter, perExample } from "./cells.js";
import { largestDifference } from "./support.js";

interface Given {
  readonly b: Builder;
  /** [B, 6] each. */
  readonly x: Value;
  readonly y: Value;
  /** [6], [4, 6], [B, T, 6]. */
  readonly v: Value;
  readonly w: Value;
  readonly s: Value;
}

const shape = [BATCH, 6];
const wide = [BATCH, "T", 6];
/** [B, 6] repeated over T. */
const overT = (b: Builder, x: Value) => b.broadcast(x, wide, [0, 2]);
const part = (b: Builder, x: Value, start: number, size: number) => b.op("slice", { axis: 1, start, size }, [x]);

const examples: { readonly [rule: string]: (given: Given) => Value } = {
  "x + 0": ({ b, x }) => b.binary("add", b.fill(0, shape), x),
  "x − 0": ({ b, x }) => b.binary("sub", x, b.fill(0, shape)),
  "0 − x": ({ b, x }) => b.binary("sub", b.fill(0, shape), x),
  "x · 1": ({ b, x }) => b.binary("mul", x, b.constant(1)),
  "x / 1": ({ b, x }) => b.binary("div", x, b.constant(1)),
  "x · 0": ({ b, x }) => b.binary("mul", x, b.constant(0)),
  "x · −1": ({ b, x }) => b.binary("mul", b.constant(-1), x),
  "− − x": ({ b, x }) => b.unary("neg", b.unary("neg", x)),
  "x + (−y)": ({ b, x, y }) => b.binary("add", b.unary("neg", x), y),
  "x − (−y)": ({ b, x, y }) => b.binary("sub", x, b.unary("neg", y)),
  "constant choice": ({ b, x, y }) => b.select(b.fill(1, shape, "bool"), x, y),
  "equal choices": ({ b, x, y }) => b.select(b.binary("lt", x, y), y, y),
  "constant arithmetic": ({ b, x }) => b.binary("mul", x, b.binary("add", b.constant(1), b.constant(2))),
  "arithmetic before repetition": ({ b, x, y }) =>
    b.binary("mul", b.binary("add", overT(b, x), b.fill(2, wide)), overT(b, y)),
  "identical broadcast": ({ b, x }) => b.op("broadcast", { shape, axes: [0, 1] }, [x]),
  "broadcast of broadcast": ({ b, v }) => b.broadcast(b.broadcast(v, [BATCH, 6], [1]), [6, BATCH, "T"], [1, 0]),
  "slice of slice": ({ b, x }) => part(b, part(b, x, 1, 4), 2, 2),
  "slice of broadcast": ({ b, v, x }) => {
    const repeated = b.slice(b.broadcast(x, [BATCH, 5, 6], [0, 2]), 1, 1, 2);
    return b.binary("mul", b.slice(repeated, 2, 3, 2), b.slice(b.broadcast(v, [BATCH, 2, 6], [2]), 2, 0, 2));
  },
  "slice of one part": ({ b, x, y }) => part(b, b.concat([x, y], 1), 8, 3),
  "concatenation of neighbouring slices": ({ b, x, y }) =>
    b.concat([y, part(b, x, 0, 2), part(b, x, 2, 3), part(b, x, 5, 1)], 1),
  "concatenation of concatenations": ({ b, x, y }) => b.concat([x, b.concat([y, x], 1), y], 1),
  "concatenation of one constant": ({ b, x }) =>
    b.binary("mul", x, b.concat([b.fill(3, [BATCH, 2]), b.fill(3, [BATCH, 4])], 1)),
  "sum of padded parts": ({ b, x, y }) => {
    const zeros = (n: number) => b.fill(0, [BATCH, n]);
    const first = b.concat([part(b, x, 0, 2), zeros(4)], 1);
    const last = b.concat([zeros(3), part(b, y, 3, 3)], 1);
    return b.binary("add", first, last);
  },
  "shift by nothing": ({ b, x }) => b.op("shift", { axis: 1, offset: 0, fill: 5 }, [x]),
  "shift of its own fill": ({ b, x }) =>
    b.binary("mul", x, b.op("shift", { axis: 1, offset: 2, fill: 4 }, [b.fill(4, shape)])),
  "reduction of reduction": ({ b, s }) => b.reduce("max", b.reduce("max", s, [1]), [0]),
  "reduction of repetition": ({ b, x }) => b.reduce("sum", overT(b, x), [1, 2]),
  "sum of negation": ({ b, s }) => b.reduce("sum", b.unary("neg", s), [0, 1]),
  "sum of sums of products": ({ b, s, x, v }) =>
    b.reduce("sum", b.binary("sub", s, b.binary("mul", overT(b, x), b.broadcast(v, wide, [2]))), [1, 2]),
  "common factor of a sum": ({ b, s, x }) => b.reduce("sum", b.binary("mul", s, overT(b, x)), [1]),
  "sum of products": ({ b, s, w }) => {
    const all = [BATCH, 4, "T", 6];
    const product = b.binary("mul", b.broadcast(s, all, [0, 2, 3]), b.broadcast(w, all, [1, 3]));
    return b.reduce("sum", product, [3]);
  },
  "sum of contraction": ({ b, s, x, w }) => {
    const scores = b.contract(s, x, "bth", "bh", "tb");
    const product = b.contract(s, w, "bth", "mh", "bmt");
    return b.binary("mul", b.reduce("sum", scores, [1]), b.reduce("sum", b.reduce("sum", product, [0, 2]), [0]));
  },
  "contraction of nothing": ({ b, x, v }) => b.contract(x, v, "bm", "n", "nbm"),
  "contraction without reuse": ({ b, s, x }) => b.contract(x, s, "bh", "bth", "tb"),
  "contraction with repetition": ({ b, x, v, w }) => {
    const permuted = b.contract(b.broadcast(x, [6, BATCH], [1, 0]), w, "kb", "mk", "mb");
    const repeated = b.contract(w, b.broadcast(v, [BATCH, 3, 6], [2]), "mk", "bnk", "mbn");
    const summed = b.contract(b.broadcast(x, [BATCH, 6, 4], [0, 1]), w, "bkm", "mk", "bk");
    const scale = b.binary("mul", b.reduce("sum", repeated, [0, 1, 2]), b.reduce("sum", summed, [0, 1]));
    return b.binary("mul", permuted, scale);
  },
};

function graphOf(write: (given: Given) => Value) {
  const g = new GraphWriter();
  const given: Given = {
    b: g.b,
    x: g.input("x", [6]),
    y: g.input("y", [6]),
    v: g.param("v", [6]),
    w: g.param("w", [4, 6]),
    s: g.input("s", ["T", 6]),
  };
  g.result("output", "out", write(given));
  return g.graph();
}

describe("simplify", () => {
  it("has an example of every rule", () => {
    expect(Object.keys(examples).sort()).toEqual(rules.map((rule) => rule.name).sort());
  });

  it.each(rules)("$name", (rule) => {
    const before = graphOf(examples[rule.name]);
    verifyGraph(before, "example");
    const after = rewrite(before, [rule]);
    verifyGraph(after, rule.name);
    expect(printGraph("g", after)).not.toBe(printGraph("g", before));
    for (const seed of [1, 2, 3]) expect(largestDifference(before, after, seed)).toBeLessThan(1e-12);
    const all = rewrite(before, rules);
    verifyGraph(all, "simplify");
    for (const seed of [1, 2, 3]) expect(largestDifference(before, all, seed)).toBeLessThan(1e-12);
  });

  it("turns index notation into a matrix product and keeps a product without reuse fused", () => {
    const graph = graphOf(({ b, x, w }) => {
      const all = [BATCH, 4, 6];
      return b.reduce("sum", b.binary("mul", b.broadcast(w, all, [1, 2]), b.broadcast(x, all, [0, 2])), [2]);
    });
    expect(rewrite(graph, rules).instrs.map((instr) => instr.op)).toEqual(["contract"]);
    const fused = graphOf(({ b, x, v }) => b.reduce("sum", b.binary("mul", perExample(b, v), x), [1]));
    expect(rewrite(fused, rules).instrs.map((instr) => instr.op)).toEqual(["broadcast", "mul", "reduce"]);
  });
});
