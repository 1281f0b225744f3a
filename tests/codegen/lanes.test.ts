/** @file Loops with a channel a thread: which loops they are, and that they compute what the interpreter does. */

import { describe, expect, test } from "vitest";
import { chooseVariants, variantsOf } from "../../runtime/variants.js";
import { schedule } from "../../src/codegen/schedule.js";
import { BATCH } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { agreesOnDevice, compiles } from "../fuzz/properties.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

/** A model of one cell, its parameters `sizes`, over inputs of width `x`; the cell's first output has `y` axes. */
function model(cell: string, sizes: string, x: string, y: string): string {
  return `${cell}
    model M(D = 1, N = 1) {
      input x: [T, ${x}]
      target goal: [T, ${y}]
      use loop = Cell(${sizes})
      v = scan loop(x)
      output v
      loss mse(v, goal)
    }`;
}

/** A decay for each channel and state, sums over channels in the derivative. */
const selective = `
  cell Cell(D, N) {
    input x: [D]
    state h: [D, N]
    param A: [D, N] ~ uniform(0.1, 1), W: [N, D] ~ uniform(-0.5, 0.5), V: [N, D] ~ uniform(-0.5, 0.5)
    b = W @ x
    c = V @ x
    h'[d, n] = exp(-softplus(x[d]) * abs(A[d, n])) * h[d, n] + x[d] * b[n]
    output y[d] = sum[n](h'[d, n] * c[n])
  }`;

/** A decay for each of three heads: sums over channels that keep the head, others that do not. */
const heads = `
  cell Cell(D, N) {
    input x: [3 * D]
    state h: [3, D, N]
    param W: [N, 3 * D] ~ uniform(-0.5, 0.5), U: [3, 3 * D] ~ uniform(-0.5, 0.5)
    b = W @ x
    a = sigmoid(U @ x)
    X[m: 3, d: D] = x[m * D + d]
    h'[m, d, n] = a[m] * h[m, d, n] + X[m, d] * b[n]
    output y[m, d] = sum[n](h'[m, d, n] * b[n])
  }`;

/** States that are not linear, but meet no other channel. */
const pointwise = `
  cell Cell(D, N) {
    input x: [D]
    state h: [D], m: [D]
    param u: [D] ~ uniform(-0.5, 0.5), w: [D] ~ uniform(-0.5, 0.5)
    h' = tanh(x + u * h - 0.3 * m)
    m' = max(m * w, h')
    output y = h' * sin(m')
  }`;

/** A pair of reals for each channel, with learned first states and a state that starts at one. */
const rotation = `
  cell Cell(D, N) {
    input x: [D]
    state re: [D, N] = start, im: [D, N] = 1
    param start: [D, N] ~ normal(0, 1), w: [D, N] ~ uniform(0, 1)
    re'[d, n] = 0.9 * (cos(w[d, n]) * re[d, n] - sin(w[d, n]) * im[d, n]) + x[d]
    im'[d, n] = 0.9 * (sin(w[d, n]) * re[d, n] + cos(w[d, n]) * im[d, n])
    output y[d] = sum[n](re'[d, n]) + max[n](im'[d, n])
  }`;

/** One decay and one step a head: what their gradients are made of are sums over channels, scaled and turned. */
const shared = `
  cell Cell(D, N) {
    input x: [3 * D]
    state h: [3, D, N]
    param W: [N, 3 * D] ~ uniform(-0.5, 0.5), U: [3, 3 * D] ~ uniform(-0.5, 0.5), A: [3] ~ uniform(0.5, 1)
    b = W @ x
    dt = softplus(U @ x)
    a = exp(-dt * A)
    X[m: 3, d: D] = x[m * D + d]
    h'[m, d, n] = a[m] * h[m, d, n] + dt[m] * X[m, d] * b[n]
    output y[m, d] = sum[n](h'[m, d, n] * b[n])
  }`;

/** The least of it: a single number for all channels, of which the gradient is minus a sum. */
const single = `
  cell Cell(D, N) {
    input x: [D]
    state h: [D]
    param w: [D] ~ uniform(-0.5, 0.5), A: [D] ~ uniform(0.5, 1)
    dt = softplus(sum(w * x))
    h' = exp(-dt * A) * h + dt * x
    output y = h' * x
  }`;

/** Keys, values and a decay for each pair: sums over either axis of the state, of which one is a thread's own. */
const pairs = `
  cell Cell(D, N) {
    input x: [D]
    state S: [D, N]
    param W: [D, D] ~ uniform(-0.5, 0.5), V: [N, D] ~ uniform(-0.5, 0.5)
    k = W @ x
    v = V @ x
    S'[i, j] = sigmoid(x[i]) * S[i, j] + k[i] * v[j]
    output y[j] = sum[i](k[i] * S'[i, j]) / 2
  }`;

const cases: readonly (readonly [string, string, readonly (readonly number[])[]])[] = [
  [
    "selective",
    model(selective, "D, N", "D", "D"),
    [
      [67, 3, 2, 33],
      [1, 1, 1, 1],
      [5, 16, 3, 65],
    ],
  ],
  [
    "heads",
    model(heads, "D, N", "3 * D", "3, D"),
    [
      [5, 2, 2, 32],
      [33, 4, 1, 5],
      [1, 3, 2, 31],
    ],
  ],
  [
    "pointwise",
    model(pointwise, "D, N", "D", "D"),
    [
      [7, 1, 3, 40],
      [65, 1, 1, 2],
    ],
  ],
  [
    "rotation",
    model(rotation, "D, N", "D", "D"),
    [
      [3, 5, 2, 34],
      [66, 2, 2, 3],
    ],
  ],
  [
    "shared",
    model(shared, "D, N", "3 * D", "3, D"),
    [
      [9, 16, 2, 35],
      [17, 3, 1, 4],
    ],
  ],
  [
    "single",
    model(single, "D, N", "D", "D"),
    [
      [67, 1, 2, 5],
      [8, 1, 3, 34],
    ],
  ],
  [
    "pairs",
    model(pairs, "D, N", "D", "N"),
    [
      [5, 9, 2, 33],
      [20, 40, 1, 3],
    ],
  ],
];

function sized(text: string, [D, N, batch, T]: readonly number[]) {
  const spec = {
    text: text.replace("D = 1, N = 1", `D = ${D}, N = ${N}`),
    lengths: { [BATCH]: batch, T },
    seed: D + T,
  };
  return { spec, compiled: present(compiles(spec), "test", "the model") };
}

describe.each(cases)("%s", (_, text, shapes) => {
  test.each(shapes)("D %i, N %i, batch %i, T %i", async (...sizes) => {
    const { spec, compiled } = sized(text, sizes);
    const { groups } = schedule(present(compiled.module.graphs.train, "test", "a training step"));
    const loops = groups.flatMap((group) => (group.kind === "scan" ? [group.lanes !== undefined] : []));
    expect(loops).toEqual([true, true]);
    await agreesOnDevice(spec, compiled, runOnDevice);
  });
});

/** Rows of which each thread may have several channels: all of them, or some with none. */
const wide: readonly (readonly [string, string, readonly number[]])[] = [
  ["selective", model(selective, "D, N", "D", "D"), [64, 3, 2, 35]],
  ["selective", model(selective, "D, N", "D", "D"), [52, 7, 1, 36]],
  ["heads", model(heads, "D, N", "3 * D", "3, D"), [59, 4, 2, 3]],
  ["pointwise", model(pointwise, "D, N", "D", "D"), [128, 1, 2, 5]],
  ["rotation", model(rotation, "D, N", "D", "D"), [61, 2, 2, 34]],
];

describe.each(wide)("%s", (_, text, sizes) => {
  const { spec, compiled } = sized(text, sizes);
  const { dispatches } = compileGraph(present(compiled.module.graphs.train, "test", "a training step")).program;
  const variants = dispatches.map(variantsOf);
  test("has such kernels", () => expect(variants.flat().some(({ own = 1 }) => own > 1)).toBe(true));
  test.each([0, 1, 2])(`D, N, batch, T ${sizes.join(", ")}: variant %i`, async (variant) => {
    await agreesOnDevice(spec, compiled, (...run) => runOnDevice(...run, variant));
  });
});

/** An adapter as far as the choice of a variant asks. */
function deviceCalled(description: string): GPUDevice {
  const adapterInfo = { vendor: "", architecture: "", device: "", description, isFallbackAdapter: false };
  const limits = {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16384,
    maxStorageBufferBindingSize: 2 ** 30,
    maxBufferSize: 2 ** 30,
  };
  return { adapterInfo, limits, features: new Set() } as unknown as GPUDevice;
}

test.each([
  ["selective", model(selective, "D, N", "D", "D")],
  ["pointwise, which cannot be cut", model(pointwise, "D, N", "D", "D")],
])("several channels a thread are chosen in software alone: %s", (_, text) => {
  const { compiled } = sized(text, [64, 4, 4, 1]);
  const { program } = compileGraph(present(compiled.module.graphs.train, "test", "a training step"));
  const chosen = (description: string) => {
    const variants = chooseVariants(program, { [BATCH]: 4, T: 512 }, deviceCalled(description));
    return program.dispatches.map((dispatch, i) => variantsOf(dispatch)[variants[i]].own ?? 1);
  };
  expect(chosen("SwiftShader").filter((own) => own > 1)).toHaveLength(2);
  expect(Math.max(...chosen("A GPU"))).toBe(1);
});

test("sums leave their tails behind the loop, with what adds these up", () => {
  const { compiled } = sized(model(shared, "D, N", "3 * D", "3, D"), [8, 16, 1, 1]);
  const { groups } = schedule(present(compiled.module.graphs.train, "test", "a training step"));
  const loops = groups.flatMap((group) => (group.kind === "scan" ? [group] : []));
  expect(loops.map(({ instr, lanes }) => [instr.attrs.states, lanes?.extents])).toEqual([
    [1, [3, 8]],
    [1, [3, 8]],
  ]);
});

test("states that are more than what the loop reads are replayed, others read", () => {
  const replays = (text: string) => {
    const compiled = present(compiles({ text, lengths: { [BATCH]: 1, T: 1 }, seed: 1 }), "test", "the model");
    const { groups, reads } = schedule(present(compiled.module.graphs.train, "test", "a training step"));
    return groups.flatMap((group, at) => {
      if (group.kind !== "scan" || group.replay === undefined) return [];
      const { forward, again } = group.replay;
      const gone = again.map((i) => forward.results[forward.attrs.states + i].id);
      return [reads.some((ids) => gone.some((id) => ids.has(id))) ? `read by ${at}` : "replayed"];
    });
  };
  expect(replays(model(selective, "D, N", "D", "D").replace("D = 1, N = 1", "D = 8, N = 16"))).toEqual(["replayed"]);
  expect(replays(model(shared, "D, N", "3 * D", "3, D").replace("D = 1, N = 1", "D = 8, N = 16"))).toEqual([
    "replayed",
  ]);
  expect(replays(model(pointwise, "D, N", "D", "D").replace("D = 1, N = 1", "D = 8, N = 16"))).toEqual([]);
});
