/** @file Training that carries states, on the device: all kernels of its loops, spans and replays among them, against the interpreter. */

import { describe, expect, test } from "vitest";
import { SPANS } from "../../runtime/manifest.js";
import { schedule } from "../../src/codegen/schedule.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { BATCH, type Graph, LOSS_SCALE, RESET } from "../../src/ir/types.js";
import { randomArguments } from "../lower/support.js";
import { runBatch } from "../passes/carrying.js";
import { compileText, relativeError } from "../support/compiled.js";
import { runOnDevice } from "../support/ladder.js";

const model = (use: string, call: string, imported = "") => `
  ${imported}
  model M(D = 8) {
    input x: [T, D]
    target y: [T, D]
    use net = ${use}
    ys = ${call}
    output ys
    loss mse(ys, y)
  }`;

/** A linear recurrence with a matrix a channel, whose start is learned. */
const selective = (start: string) => `
  cell Selective(D, N = 16) {
    input x: [D]
    param A: [D, N] ~ uniform(0, 1), B: [N, D] ~ kaiming_uniform, C: [N, D] ~ kaiming_uniform${start === "" ? "" : ", first: [D, N] ~ normal"}
    state h: [D, N]${start}
    b = B @ x
    c = C @ x
    h'[d, n] = exp(-sigmoid(A[d, n]) * softplus(x[d])) * h[d, n] + b[n] * x[d]
    output v[d] = sum[n](h'[d, n] * c[n])
  }`;

const models: Readonly<Record<string, string>> = {
  "an LSTM": model("LSTM(D, D)", "scan net(x)", 'import { LSTM } from "std/lstm"'),
  "a GRU": model("GRU(D, D)", "scan net(x)", 'import { GRU } from "std/gru"'),
  "a Mamba block": model("MambaBlock(D)", "net(x)", 'import { MambaBlock } from "std/mamba-block"'),
  "large states": model("Selective(D)", "scan net(x)", selective("")),
  "large states, a learned start": model("Selective(D)", "scan net(x)", selective(" = first")),
};

const sizes = { [BATCH]: 3, T: 70 };

/** What a batch is given after another, where the second example begins anew. */
function second(graph: Graph, args: ReturnType<typeof randomArguments>) {
  const first = runBatch(graph, args, sizes);
  const states = graph.args.flatMap(({ kind, name }) => (kind === "state" ? [[name, first[`state:${name}`]]] : []));
  return { ...args, ...Object.fromEntries(states), [RESET]: ndarray([3], [0, 1, 0]) };
}

describe.each(Object.entries(models))("%s", (_, text) => {
  const { module } = compileText(text, {}, "f32", { stateful: true });
  const { train } = module.graphs;
  const args = second(train!, randomArguments(module, sizes, 3));

  test.each([
    ["as chosen", {}, undefined, undefined],
    ["the last variants, one span, a dispatch a step", { [SPANS]: 1 }, 9, 1],
    ["three spans", { [SPANS]: 3 }, 1, undefined],
  ] as const)("%s", async (_, more, variant, wide) => {
    const want = evaluateGraph(train!, args, sizes);
    const got = await runOnDevice(train!, args, { ...sizes, ...more }, variant, undefined, wide);
    for (const [name, { data }] of Object.entries(want)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(2e-5);
    }
  });

  test("in f16", async () => {
    const half = compileText(text, {}, "f16", { stateful: true }).module.graphs.train!;
    const own = { ...sizes, [LOSS_SCALE]: 1 };
    const want = evaluateGraph(half, args, own);
    const got = await runOnDevice(half, args, own, undefined, "rounded to f16");
    for (const [name, { data }] of Object.entries(want)) {
      expect(relativeError(got[name].data, data), name).toBeLessThan(5e-3);
    }
  });
});

test("large states are replayed from where the batch before ended", () => {
  for (const name of ["a Mamba block", "large states", "large states, a learned start"]) {
    const { module } = compileText(models[name], {}, "f32", { stateful: true });
    const { groups, reads } = schedule(module.graphs.train!);
    const replays = groups.flatMap((group) => (group.kind === "scan" && group.replay ? [group.replay] : []));
    expect(replays, name).toHaveLength(1);
    const gone = replays.flatMap(({ forward, again }) =>
      again.map((i) => forward.results[forward.attrs.states + i].id),
    );
    expect(
      reads.some((ids) => gone.some((id) => ids.has(id))),
      name,
    ).toBe(false);
  }
});
