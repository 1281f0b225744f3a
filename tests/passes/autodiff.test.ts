import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import type { Graph } from "../../src/ir/types.js";
import { verifyGraph } from "../../src/ir/verify.js";
import { autodiff } from "../../src/passes/autodiff.js";
import { openLoop } from "../../src/passes/loop.js";
import { cells, GraphWriter, gatedCell, matrixStateCell, perExample } from "./cells.js";
import { randomCell } from "./random-cells.js";
import { type Arrays, distance, lengths, randomArgs } from "./support.js";

/** Central differences of the loss in each element of a parameter. */
function differences(forward: Graph, args: Arrays, name: string): number[] {
  const step = 1e-5;
  const lossAt = (i: number, change: number) => {
    const moved = ndarray(args[name].shape, args[name].data);
    moved.data[i] += change;
    return evaluateGraph(forward, { ...args, [name]: moved }, lengths)["loss:loss"].data[0];
  };
  return Array.from(args[name].data, (_, i) => (lossAt(i, step) - lossAt(i, -step)) / (2 * step));
}

describe("autodiff", () => {
  const seeds = Array.from({ length: 30 }, (_, i) => i);
  const random = seeds.map((seed) => [`random cell ${seed}`, () => randomCell(seed)] as const);

  it.each([...Object.entries(cells), ...random])("gives the gradients of central differences: %s", (_, write) => {
    const writer = write();
    const forward = writer.graph();
    const train = autodiff(forward, writer.parameters());
    verifyGraph(train, "autodiff");
    const args = randomArgs(forward, 7);
    const results = evaluateGraph(train, args, lengths);
    expect(results["loss:loss"].data[0]).toBeCloseTo(evaluateGraph(forward, args, lengths)["loss:loss"].data[0], 12);
    for (const parameter of writer.parameters()) {
      const gradient = results[`grad:${parameter.name}`];
      if (parameter.frozen) {
        expect(gradient).toBeUndefined();
        continue;
      }
      const expected = differences(forward, args, parameter.name);
      if (expected.every((x) => x === 0)) expect(gradient.data.every((x) => x === 0)).toBe(true);
      else expect(distance(gradient.data, expected), parameter.name).toBeLessThan(1e-6);
    }
  });

  it("lets nothing through stop_gradient, and gives zeros where nothing arrives", () => {
    const g = new GraphWriter();
    const { b } = g;
    const [u, v] = [g.param("u", [3]), g.param("v", [3])];
    const x = g.input("x", [3]);
    const stopped = b.unary("stop_gradient", b.binary("mul", perExample(b, v), x));
    g.result("loss", "loss", b.reduce("sum", b.binary("mul", perExample(b, u), stopped), [0, 1]));
    const args = randomArgs(g.graph(), 3);
    const results = evaluateGraph(autodiff(g.graph(), g.parameters()), args, lengths);
    expect(Array.from(results["grad:v"].data)).toEqual([0, 0, 0]);
    const expected = [0, 1, 2].map((i) =>
      [0, 1, 2].reduce((sum, row) => sum + args.v.data[i] * args.x.data[3 * row + i], 0),
    );
    expect(distance(results["grad:u"].data, expected)).toBeLessThan(1e-12);
  });
});

describe("what the forward loop keeps", () => {
  const keptShapes = (writer: GraphWriter) => {
    const train = autodiff(writer.graph(), writer.parameters());
    const [loop] = train.instrs.flatMap((instr) => (instr.op === "scan" ? [openLoop(instr)] : []));
    return loop.outputs.map((o) => o.step.type.shape.slice(1));
  };

  it("a gated cell: its two states, four gates and tanh of the cell state", () => {
    expect(keptShapes(gatedCell())).toEqual(Array(7).fill([3]));
  });

  it("a matrix state: what is larger than all it is made from is computed again", () => {
    const shapes = keptShapes(matrixStateCell());
    expect(shapes.filter((shape) => shape.length === 2)).toHaveLength(1);
  });
});
