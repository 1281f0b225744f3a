import { describe, expect, it } from "vitest";
import { BATCH } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { cse } from "../../src/passes/cse.js";
import { dce } from "../../src/passes/dce.js";
import { hoist } from "../../src/passes/hoist.js";
import { openLoop } from "../../src/passes/loop.js";
import { simplify } from "../../src/passes/simplify.js";
import { GraphWriter } from "./cells.js";
import { largestDifference } from "./support.js";

/** A loop with a state and an output that nobody needs, a sequence given twice, one that repeats, a still state. */
function wasteful(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const [x, y] = [g.input("x", ["T", 2]), g.input("y", ["T", 2])];
  const zero = b.fill(0, [BATCH, 2]);
  const same = b.broadcast(g.input("same", [2]), [BATCH, "T", 2], [0, 2]);
  const { stacked } = b.scan(
    { length: "T", reverse: false },
    [zero, zero, g.input("still", [2])],
    [x, y, x, same],
    (s, [h, selfish, still], [xt, yt, twin, repeated]) => {
      const sum = s.binary("add", s.binary("add", h, xt), s.binary("mul", twin, repeated));
      const next = s.unary("tanh", s.binary("add", sum, still));
      return { next: [next, s.binary("add", selfish, yt), still], outputs: [next, s.binary("mul", yt, yt), next, xt] };
    },
  );
  g.result("output", "a", stacked[0]);
  g.result("output", "b", stacked[2]);
  g.result("output", "c", stacked[3]);
  return g;
}

const loopOf = (graph: ReturnType<typeof dce>) =>
  graph.instrs.flatMap((instr) => (instr.op === "scan" ? [openLoop(instr)] : []))[0];

describe("loops lose what they do not need", () => {
  it("dce: outputs, sequences, and states that only feed themselves", () => {
    const before = wasteful().graph();
    const after = dce(before);
    verifyGraph(after, "dce");
    const loop = loopOf(after);
    expect([loop.states.length, loop.sequences.length, loop.outputs.length]).toEqual([2, 3, 3]);
    expect(largestDifference(before, after, 2)).toBeLessThan(1e-12);
  });

  it("simplify: twins, constants in time, states that never change, outputs that hand through", () => {
    const before = wasteful().graph();
    const after = simplify(before);
    verifyGraph(after, "simplify");
    const loop = loopOf(after);
    expect([loop.states.length, loop.sequences.length, loop.outputs.length]).toEqual([1, 1, 1]);
    expect(largestDifference(before, after, 2)).toBeLessThan(1e-12);
  });

  it.each([false, true])("simplify: states that only delay a sequence become shifts (reverse: %s)", (reverse) => {
    const g = new GraphWriter();
    const { b } = g;
    const zero = b.fill(0, [BATCH, 2]);
    const { stacked } = b.scan({ length: "T", reverse }, [zero, zero], [g.input("x", ["T", 2])], (s, [p, q], [x]) => ({
      next: [s.unary("tanh", x), p],
      outputs: [s.binary("sub", s.binary("add", x, p), q)],
    }));
    g.result("output", "y", stacked[0]);
    const after = hoist(simplify(hoist(g.graph())));
    verifyGraph(after, "simplify");
    expect(loopOf(after)).toBeUndefined();
    expect(largestDifference(g.graph(), after, 2)).toBeLessThan(1e-12);
  });

  it("cse: the same op on the same arguments, in either order, is done once", () => {
    const g = new GraphWriter();
    const { b } = g;
    const [x, y] = [g.input("x", [2]), g.input("y", [2])];
    const twice = b.binary("sub", b.binary("mul", x, y), b.unary("tanh", b.binary("mul", y, x)));
    g.result("output", "a", b.binary("add", twice, b.binary("sub", y, x)));
    g.result("output", "b", b.binary("sub", x, y));
    const after = cse(g.graph());
    expect(after.instrs.filter((instr) => instr.op === "mul")).toHaveLength(1);
    expect(after.instrs.filter((instr) => instr.op === "sub")).toHaveLength(3);
    expect(largestDifference(g.graph(), after, 4)).toBeLessThan(1e-12);
  });
});
