import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import { BATCH, type Graph, type Module } from "../../src/ir/types.js";
import { verifyModule } from "../../src/ir/verify.js";
import { prediction } from "../../src/passes/derive-graphs.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { stream } from "../../src/passes/stream.js";
import { moduleOf, moduleOfFile, randomArguments } from "../lower/support.js";
import { type Arrays, distance, lengths } from "./support.js";

/** Steps start … end−1 of an array [B, T, …]. */
function steps(array: NdArray, start: number, end: number): NdArray {
  const [batch, length, ...rest] = array.shape;
  const width = array.data.length / (batch * length);
  const rows = Array.from({ length: batch }, (_, b) =>
    Array.from(array.data.subarray((b * length + start) * width, (b * length + end) * width)),
  );
  return ndarray([batch, end - start, ...rest], rows.flat());
}

/** Runs the streaming form in chunks; gives the outputs of each chunk. */
function runChunks(module: Module, graph: Graph, args: Arrays, bounds: readonly number[]): Arrays[] {
  let kept: Arrays = Object.fromEntries(
    module.states.map(({ name, shape }) => [name, ndarray([lengths[BATCH], ...(shape as number[])])]),
  );
  return bounds.slice(1).map((end, i) => {
    const chunk = Object.fromEntries(
      graph.args
        .filter((arg) => arg.kind !== "state")
        .map(({ name, value }) => [
          name,
          value.type.shape.includes("T") ? steps(args[name], bounds[i], end) : args[name],
        ]),
    );
    const results = evaluateGraph(graph, { ...chunk, ...kept }, { ...lengths, T: end - bounds[i] });
    kept = Object.fromEntries(module.states.map(({ name }) => [name, results[`state:${name}`]]));
    return results;
  });
}

function expectStreams(before: Module) {
  const module = runPipeline(before, { verify: true });
  expect(module.streamRefusal).toBeUndefined();
  const args = randomArguments(before, { ...lengths, T: 7 }, 3);
  const whole = evaluateGraph(module.graphs.predict!, args, { ...lengths, T: 7 });
  const bounds = [0, 3, 4, 7];
  const chunks = runChunks(module, module.graphs.stream!, args, bounds);
  for (const { name, shape } of module.outputs) {
    const key = `output:${name}`;
    if (shape.includes("T")) {
      chunks.forEach((chunk, i) => {
        expect(distance(chunk[key].data, steps(whole[key], bounds[i], bounds[i + 1]).data)).toBeLessThan(1e-12);
      });
    } else expect(distance(chunks[chunks.length - 1][key].data, whole[key].data)).toBeLessThan(1e-12);
  }
  return module;
}

describe("stream", () => {
  it("keeps the states of the character model", () => {
    const module = expectStreams(moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 }));
    expect(module.states).toEqual([
      { name: "0.h", elem: "f32", shape: [4] },
      { name: "0.c", elem: "f32", shape: [4] },
    ]);
  });

  it("keeps the steps that shifts look back to, and gives last states at any step", () => {
    const module = expectStreams(
      moduleOf(`
        cell Leaky(D) {
          input x: [D]
          state h: [D]
          param a: [D] ~ ones
          h' = sigmoid(a) * h + x
          output h'
        }
        model M(D = 3) {
          input x: [T, D]
          use one = Leaky(D), two = Leaky(D)
          d[t, i] = (x[t - 2, i] else 0) * x[t, i]
          y = scan one(d)
          z, end = scan two(y)
          output y, z
          h = end.h
          output h
          loss sum(y)
        }`),
    );
    expect(module.states).toHaveLength(4);
  });

  const refusals: readonly (readonly [reason: string, model: string])[] = [
    ["a scan reverse over T", "y = scan reverse rnn(x)"],
    ["a sum over T", "p[i] = sum[t](x[t, i])  y[t, i] = p[i] * x[t, i]"],
    ["a maximum over T", "p[i] = max[t](x[t, i])  y[t, i] = p[i] * x[t, i]"],
    ["a look ahead along T", "y[t, i] = x[t + 1, i] else 0"],
    ["the position along T", "y[t, i] = x[t, i] * t"],
    ["every pair of steps of T", "y[t, i] = sum[s](exp(x[t, i] * x[s, i]))"],
    ["a last state over T read at every step", "u, end = scan rnn(x)  y[t, i] = u[t, i] * end.h[i]"],
    ["a scan over T that does not start from zero", "y = scan rnn(x) from { h: first }"],
  ];
  it.each(refusals)("says why not: %s", (reason, statements) => {
    const module = moduleOf(`
      cell RNN(D) {
        input x: [D]
        state h: [D]
        param W: [D, D] ~ orthogonal
        h' = tanh(W @ h + x)
        output h'
      }
      model M(D = 3) {
        input x: [T, D], first: [D]
        use rnn = RNN(D)
        ${statements}
        output y
        loss sum(y)
      }`);
    const after = runPipeline(module, { verify: true });
    expect(after.streamRefusal).toBe(reason);
    expect(after.graphs.stream).toBeUndefined();
  });

  it("says that a model without lengths has none to stream along", () => {
    const module = moduleOf("model M(D = 3) { input x: [D]  y = 2 * x  output y  loss sum(y) }");
    expect(runPipeline(module).streamRefusal).toBe("no length");
  });

  it("is a module that verifies", () => {
    const before = moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 });
    verifyModule(stream({ ...before, graphs: { predict: prediction(before.graphs.forward!) } }), "stream");
  });
});
