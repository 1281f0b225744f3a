/** @file The whole pipeline on hand-built graphs and on specs: verified after each pass, compared with what went in. */

import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import type { Instr, Module, Port } from "../../src/ir/types.js";
import { autodiff } from "../../src/passes/autodiff.js";
import { type Loop, openLoop } from "../../src/passes/loop.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { moduleOf, moduleOfFile, randomArguments } from "../lower/support.js";
import { cells, type GraphWriter } from "./cells.js";
import { randomCell } from "./random-cells.js";
import { distance, lengths, randomArgs } from "./support.js";

function moduleFrom(writer: GraphWriter): Module {
  const forward = writer.graph();
  const ports = (kind: "input" | "target"): Port[] =>
    forward.args
      .filter((arg) => arg.kind === kind)
      .map(({ name, value }) => ({ name, elem: value.type.elem, shape: value.type.shape.slice(1) }));
  return {
    name: "hand-built",
    lengths: ["T", "S"],
    parameters: writer.parameters(),
    inputs: ports("input"),
    targets: ports("target"),
    outputs: forward.results
      .filter((r) => r.kind === "output")
      .map(({ name, value }) => ({ name, elem: value.type.elem, shape: value.type.shape.slice(1) })),
    metrics: forward.results.filter((r) => r.kind === "metric").map((r) => r.name),
    states: [],
    graphs: { forward },
  };
}

function expectSame(module: Module, args: ReturnType<typeof randomArgs>, extent: Readonly<Record<string, number>>) {
  const { graphs } = runPipeline(module, { verify: true });
  const plain = module.graphs.forward!;
  const expected = {
    ...evaluateGraph(plain, args, extent),
    ...evaluateGraph(autodiff(plain, module.parameters), args, extent),
  };
  for (const name of ["forward", "train", "evaluate", "predict"] as const) {
    for (const [key, array] of Object.entries(evaluateGraph(graphs[name]!, args, extent))) {
      expect(distance(array.data, expected[key].data), `${name} ${key}`).toBeLessThan(1e-10);
    }
  }
  return graphs;
}

const specs: { readonly [name: string]: string } = {
  "selective SSM": `
    cell SSM(D, N, R) {
      input x: [D]
      state h: [D, N]
      param A_log[d, n]: [D, N] ~ log(n + 1) no_decay
      param W_B: [N, D] ~ kaiming_uniform, W_C: [N, D] ~ kaiming_uniform
      param W_r: [R, D] ~ kaiming_uniform, W_dt: [D, R] ~ kaiming_uniform, b_dt: [D] ~ ones
      param skip: [D] ~ ones
      B = W_B @ x
      C = W_C @ x
      dt = softplus(W_dt @ (W_r @ x) + b_dt)
      h'[d, n] = exp(-dt[d] * exp(A_log[d, n])) * h[d, n] + dt[d] * x[d] * B[n]
      output y[d] = sum[n](h'[d, n] * C[n]) + skip[d] * x[d]
    }
    model M(D = 4, N = 3) {
      input x: [T, D]
      target goal: [T, D]
      use ssm = SSM(D, N, 2)
      y = scan ssm(x)
      output y
      loss mse(y, goal)
    }`,
  "causal convolution and gates": `
    model M(D = 4, K = 3) {
      input x: [T, D]
      target goal: [T, D]
      param w: [D, K] ~ normal(0, 1), g: [D, D] ~ xavier_uniform
      c[t, d] = sum[k: K](w[d, k] * (x[t - k, d] else 0))
      gate[t, d] = sigmoid(sum[e](g[d, e] * x[t, e]))
      y = c * gate
      output y
      loss mse(y, goal)
    }`,
  "attention over the past": `
    model M(D = 4) {
      input x: [T, D]
      target goal: [T, D]
      param W_q: [D, D] ~ xavier_uniform, W_k: [D, D] ~ xavier_uniform, W_v: [D, D] ~ xavier_uniform
      q[t, i] = sum[j](W_q[i, j] * x[t, j])
      k[t, i] = sum[j](W_k[i, j] * x[t, j])
      v[t, i] = sum[j](W_v[i, j] * x[t, j])
      score[t, s] = sum[i](q[t, i] * k[s, i]) / sqrt(D)
      weight[t, s] = softmax[s](where(s <= t, score[t, s], -inf))
      y[t, i] = sum[s](weight[t, s] * v[s, i])
      output y
      loss mse(y, goal)
    }`,
};

describe("the pipeline keeps what is computed", () => {
  const random = Array.from({ length: 40 }, (_, seed) => [`random cell ${seed}`, () => randomCell(seed)] as const);

  it.each([...Object.entries(cells), ...random])("hand-built: %s", (_, write) => {
    const module = moduleFrom(write());
    expectSame(module, randomArgs(module.graphs.forward!, 5), lengths);
  });

  it.each(Object.keys(specs))("%s", (name) => {
    const module = moduleOf(specs[name]);
    expectSame(module, randomArguments(module, lengths, 3), lengths);
  });

  it("the character model", () => {
    const module = moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 });
    expectSame(module, randomArguments(module, lengths, 3), lengths);
  });
});

describe("the pipeline", () => {
  it("gives a model without a loss what needs none", () => {
    const module = moduleOf(
      "model M(D = 3) { input x: [T, D]  param w: [D] ~ ones  y[t, i] = x[t, i] * w[i]  output y }",
    );
    expect(Object.keys(runPipeline(module, { verify: true }).graphs).sort()).toEqual(["forward", "predict", "stream"]);
  });
});

function loops(instrs: readonly Instr[]): readonly Loop[] {
  return instrs.flatMap((instr) => (instr.op === "scan" ? [openLoop(instr)] : []));
}

describe("what is left in the loops", () => {
  const train = (module: Module) => runPipeline(module).graphs.train!;
  const count = (instrs: readonly Instr[], op: string) => instrs.filter((instr) => instr.op === op).length;

  it("a gated cell: one contraction a direction; the reverse loop writes the adjoint of the gates alone", () => {
    const { instrs } = train(moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 }));
    const [forward, reverse] = loops(instrs);
    expect([count(forward.instrs, "contract"), count(reverse.instrs, "contract")]).toEqual([1, 1]);
    expect([count(forward.instrs, "reduce"), count(reverse.instrs, "reduce")]).toEqual([0, 0]);
    // Two states, four activated gates and tanh of the cell state.
    expect(forward.outputs).toHaveLength(7);
    expect(forward.sequences).toHaveLength(1);
    expect(reverse.outputs.map((o) => o.step.type.shape)).toEqual([["_B", 16]]);
  });

  it("a selective SSM: no array of the state's size is written but the state, none for the gradient of A", () => {
    const { instrs } = train(moduleOf(specs["selective SSM"]));
    const [forward, reverse] = loops(instrs);
    const wide = (loop: Loop) => loop.outputs.filter((o) => o.step.type.shape.length === 3);
    expect(wide(forward)).toHaveLength(1);
    expect(wide(reverse)).toHaveLength(0);
    expect(count([...forward.instrs, ...reverse.instrs], "contract")).toBe(0);
  });

  it("sums over time of products are products that sum over time", () => {
    const { instrs } = train(moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 }));
    for (const instr of instrs) {
      if (instr.op === "contract") expect(instr.results[0].type.shape[0]).not.toBe("T");
    }
  });
});
