import { describe, expect, it } from "vitest";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { parseModule } from "../../src/ir/parse.js";
import { printModule } from "../../src/ir/print.js";
import { BATCH, type Module } from "../../src/ir/types.js";
import { verifyModule } from "../../src/ir/verify.js";
import { prediction } from "../../src/passes/derive-graphs.js";
import { runPipeline } from "../../src/passes/pipeline.js";
import { stream } from "../../src/passes/stream.js";
import { moduleOf, moduleOfFile, randomArguments } from "../lower/support.js";
import { runChunks, steps } from "./streaming.js";
import { distance, lengths } from "./support.js";

const STEPS = 7;
const endless = new Array<number>(lengths[BATCH]).fill(STEPS);
const CHUNKS: readonly (readonly number[])[] = [
  [0, 3, 4, 7],
  [0, 1, 2, 3, 4, 5, 6, 7],
];

/** Chunks and single steps give what the whole gives; outputs without steps give at the end what the whole gives. */
function expectStreams(before: Module): Module {
  const module = runPipeline(before, { verify: true });
  expect(module.streamRefusal).toBeUndefined();
  const sizes = { ...lengths, T: STEPS };
  const drawn = randomArguments(before, sizes, 3);
  // In a stream no example ends.
  const args = before.ragged?.includes("T") ? { ...drawn, T: ndarray([sizes[BATCH]], endless) } : drawn;
  const whole = evaluateGraph(module.graphs.predict!, args, sizes);
  for (const bounds of CHUNKS) {
    const chunks = runChunks(module, args, sizes, bounds);
    for (const { name, shape } of module.outputs) {
      const key = `output:${name}`;
      if (shape.includes("T")) {
        chunks.forEach((chunk, i) => {
          const wanted = steps(whole[key], bounds[i], bounds[i + 1]);
          expect(distance(chunk[key].data, wanted.data), `${name} of chunk ${i}`).toBeLessThan(1e-12);
        });
      } else expect(distance(chunks[chunks.length - 1][key].data, whole[key].data), name).toBeLessThan(1e-12);
    }
  }
  expect(parseModule(printModule(module))).toEqual(module);
  return module;
}

const RNN = `
  cell RNN(D) {
    input x: [D]
    state h: [D]
    param W: [D, D] ~ orthogonal
    h' = tanh(W @ h + x)
    output h'
  }`;

describe("what streams", () => {
  it("keeps the states of the character model", () => {
    const module = expectStreams(moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 }));
    expect(module.streamLength).toBe("T");
    expect(module.graphs.start).toBeUndefined();
    expect(module.states).toEqual([
      { name: "rnn.h", elem: "f32", shape: ["_B", 4] },
      { name: "rnn.c", elem: "f32", shape: ["_B", 4] },
    ]);
  });

  it("a cell whose start is learned, another that starts from an input", () => {
    const module = expectStreams(
      moduleOf(`
        cell Learned(D) {
          input x: [D]
          param first: [D] ~ normal
          state h: [D] = first, n: [D] = 2
          param W: [D, D] ~ orthogonal
          h' = tanh(W @ h + x)
          n' = n * sigmoid(x)
          output h', n'
        }
        ${RNN}
        model M(D = 3) {
          input x: [T, D], h0: [D]
          use a = Learned(D), b = RNN(D)
          y, n = scan a(x)
          z = scan b(y) from { h: 2 * h0 }
          output z, n
          loss sum(z)
        }`),
    );
    expect(module.graphs.start).toBeDefined();
  });

  it("a decoder that starts from an encoder's end and reads a context", () => {
    const module = expectStreams(
      moduleOf(`
        ${RNN}
        cell Told(D) {
          input x: [D]
          context c: [D]
          state h: [D]
          h' = tanh(h * c + x)
          output h'
        }
        model M(D = 3) {
          input source: [S, D], x: [T, D]
          use enc = RNN(D), dec = RNN(D), told = Told(D)
          es, end = scan enc(source)
          ds = scan dec(x) from end
          ts = scan told(ds, end.h)
          output ts
          output direct = ts + ds
          output code = end.h
          loss sum(ts)
        }`),
    );
    expect(module.graphs.stream!.args.some(({ name }) => name === "source")).toBe(false);
  });

  it.each(["std/seq2seq", "std/seq2seq-attention"])("%s: what the encoder gave is kept", (file) => {
    expectStreams(moduleOfFile(file, { V: 7, W: 5, E: 3, H: 4 }));
  });

  it("shifts into the past, of one array kept once, and last states at any step", () => {
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
          d[t, i] = (x[t - 2, i] else 0) * x[t, i] + (x[t - 1, i] else 0)
          y = scan one(d)
          z, end = scan two(y)
          output y, z
          h = end.h
          output h
          loss sum(y)
        }`),
    );
    expect(module.states.map(({ name }) => name)).toEqual(["x.past", "one.h", "two.h"]);
  });

  it("a causal convolution", () => {
    const module = expectStreams(
      moduleOf(`
        model M(D = 3, K = 4) {
          input x: [T, D]
          param W: [D, K] ~ kaiming_uniform
          y[t, d] = sum[k](W[d, k] * x[t - k, d] else 0) + (x[t - 6, d] else 2) * (x[t - 100, d] else 1)
          output y
          loss sum(y)
        }`),
    );
    expect(module.states.map(({ shape }) => shape)).toEqual([
      [3, "_B", 3],
      [6, "_B", 3],
      [100, "_B", 3],
    ]);
  });

  it("a state that no data reach", () => {
    expectStreams(
      moduleOf(`
        cell Clock(D) {
          input x: [D]
          state n: [D], phase: [D] = 1
          n' = n + 1
          phase' = phase * 0.9
          output y = n' * x
        }
        model M(D = 3) {
          input x: [T, D]
          use clock = Clock(D)
          y, end = scan clock(x)
          output y
          output far = end.phase
          loss sum(y)
        }`),
    );
  });

  it("the first step, read at every step and as a start", () => {
    expectStreams(
      moduleOf(`
        ${RNN}
        model M(D = 3) {
          input x: [T, D]
          use rnn = RNN(D)
          first = tanh(x[0])
          y = scan rnn(x) from { h: first }
          z[t, d] = y[t, d] * first[d]
          output z
          loss sum(z)
        }`),
    );
  });

  it("positions", () => {
    expectStreams(
      moduleOf(`
        model M(D = 3) {
          input x: [T, D]
          y[t, d] = x[t, d] * sin(t / 2) + t
          output y
          loss sum(y)
        }`),
    );
  });

  it("sums, maxima, counts and the last step so far, where no step reads them", () => {
    const module = expectStreams(
      moduleOf(`
        model M(D = 3) {
          input x: [T, D], tag: [T] id(3)
          output mean_[d: D] = sum[t](x[t, d]) / T
          output top = max(x)
          output low[d: D] = min[t](x[t, d] * t)
          output counts[k: 3] = sum[t](where(tag[t] == k, 1, 0))
          output last = x[T - 1]
          y = 2 * x
          output y
          loss sum(y)
        }`),
    );
    expect(module.graphs.start).toBeDefined();
  });

  it("sums and maxima over the steps so far", () => {
    expectStreams(
      moduleOf(`
        model M(D = 3) {
          input x: [T, D]
          total[t: T, d: D] = sum[s: T](where(s <= t, x[s, d], 0))
          before[t: T, d: D] = sum[s: T](where(s < t, x[s, d] * x[t, d], 0))
          window[t: T, d: D] = max[s: T](where(t - s < 3, where(s <= t, x[s, d], -inf), -inf))
          weighted[t: T, d: D] = sum[s: T](where(t - s >= 0, exp(s - t), 0) * x[s, d])
          ratio[t: T, d: D] = sum[s: T](where(s <= t, x[t, d] / x[s, d], 0))
          logs[t: T, d: D] = max[s: T](where(s <= t, log(abs(x[s, d] + 0 * x[t, d])), -inf))
          output total, before, window, weighted, ratio, logs
          loss sum(total)
        }`),
    );
  });

  it("a transformer caches keys and values", () => {
    const module = expectStreams(moduleOfFile("std/transformer-lm", { V: 7, D: 4, L: 2, Heads: 2 }));
    expect(module.states.map(({ name, shape }) => [name, shape[0]])).toEqual([
      ["key.past", "_room"],
      ["value.past", "_room"],
      ["key.past_2", "_room"],
      ["value.past_2", "_room"],
    ]);
  });

  it("attention among recurrences and convolutions", () => {
    expectStreams(moduleOfFile("std/hybrid-lm", { V: 7, D: 4, Below: 1, Above: 1 }));
  });

  it("attention over past tokens by additive scores and log-weights", () => {
    expectStreams(
      moduleOf(`
        model M(D = 3, V = 5) {
          input token: [T] id(V)
          param E: [V, D] ~ normal, u: [D] ~ normal
          x = E[token]
          score[t: T, s: T] = sum[d](u[d] * tanh(x[t, d] + x[s, d])) - abs(t - s)
          weight[t, s] = log_softmax[s](where(s > t, -inf, score[t, s]))
          y[t, d] = sum[s](exp(weight[t, s]) * x[s, d])
          output y
          output total[t] = logsumexp[s](where(s <= t, score[t, s], -inf))
          loss sum(y)
        }`),
    );
  });
});

/** The streaming form of a model of one expression of t. */
function streamOf(expression: string): Module {
  const { forward } = moduleOf(`
    model M() {
      input x: [T]
      y[t: T] = ${expression}
      output y
      loss sum(y)
    }`).graphs;
  const port = { name: "x", elem: "f32", shape: ["T"] } as const;
  const none = { parameters: [], targets: [], metrics: [], states: [] };
  return stream({
    ...none,
    name: "M",
    lengths: ["T"],
    inputs: [port],
    outputs: [],
    graphs: { predict: prediction(forward!) },
  });
}

describe("what does not stream says why", () => {
  const refusals: readonly (readonly [reason: string, model: string])[] = [
    ["a scan reverse over T, in `rnn.h`", "y = scan reverse rnn(x)"],
    ["a sum over all of T, read at every step, in `y`", "p[i] = sum[t](x[t, i])  y[t, i] = p[i] * x[t, i]"],
    ["a maximum over all of T, read at every step, in `y`", "p[i] = max[t](x[t, i])  y[t, i] = p[i] * x[t, i]"],
    ["the number of steps T, read at every step, in `y`", "y[t, i] = x[t, i] * t / T"],
    ["the last step of T, read at every step, in `y`", "p = x[T - 1]  y[t, i] = x[t, i] * p[i]"],
    ["a look ahead along T, in `y`", "y[t, i] = x[t + 1, i] else 0"],
    [
      "a softmax or logsumexp over all of T, read at every step, in `w`",
      "s[t, u] = sum[i](x[t, i] * x[u, i])  w[t, u] = softmax[u](s[t, u])  y[t, i] = sum[u](w[t, u] * x[u, i])",
    ],
    [
      "a softmax or logsumexp over all of T, read at every step, in `w`",
      `s[t, u] = where(u <= t + 1, sum[i](x[t, i] * x[u, i]), -inf)
       w[t, u] = softmax[u](s[t, u])  y[t, i] = sum[u](w[t, u] * x[u, i])`,
    ],
    ["a sum over all of T, read at every step, in `y`", "y[t, i] = sum[s](exp(x[t, i] * x[s, i]))"],
    ["a sum over all of T, read at every step, in `y`", "y[t: T, i: D] = sum[s: T](where(s >= t, x[s, i], 0))"],
    ["a last state over T, read at every step, in `y`", "u, end = scan rnn(x)  y[t, i] = u[t, i] * end.h[i]"],
    ["a last state over T, read at every step, in `other.h`", "u, end = scan rnn(x)  y = scan other(u) from end"],
    ["a last state over T, read at every step, in `y`", "u, end = scan fade(x)  y[t: T, i] = end.h[i]"],
    ["every pair of steps of T, in `y`", "y[t: T, s: T] = x[t, 0] * x[s, 1]"],
    ["a look-up among steps of T by number, in `y`", "y[i] = x[T - 2, i] else 0"],
  ];
  it.each(refusals)("%s", (reason, statements) => {
    const module = moduleOf(`
      ${RNN}
      cell Fade(D) {
        input x: [D]
        state h: [D] = 1
        h' = 0.9 * h
        output x
      }
      model M(D = 3) {
        input x: [T, D], first: [D]
        use rnn = RNN(D), other = RNN(D), fade = Fade(D)
        ${statements}
        output y
        loss sum(y)
      }`);
    const after = runPipeline(module, { verify: true });
    expect(after.streamRefusal).toBe(reason);
    expect(after.graphs.stream).toBeUndefined();
  });

  it("masks of the past are told from others, whatever their form", () => {
    const positions: readonly (readonly [text: string, value: (t: number, s: number) => number])[] = [
      ["s", (_, s) => s],
      ["t", (t) => t],
      ["(s - 1)", (_, s) => s - 1],
      ["(t + 1)", (t) => t + 1],
      ["(t - s)", (t, s) => t - s],
      ["2 * s", (_, s) => 2 * s],
      ["-t / 2", (t) => -t / 2],
      ["1", () => 1],
    ];
    const comparisons: readonly (readonly [text: string, holds: (a: number, b: number) => boolean])[] = [
      ["<", (a, b) => a < b],
      ["<=", (a, b) => a <= b],
      [">", (a, b) => a > b],
      [">=", (a, b) => a >= b],
      ["==", (a, b) => a === b],
      ["!=", (a, b) => a !== b],
    ];
    const masks = positions.flatMap(([left, a]) =>
      positions.flatMap(([right, b]) =>
        (left === right ? [] : comparisons).map(([op, holds]) => ({
          text: `${left} ${op} ${right}`,
          holds: (t: number, s: number) => holds(a(t, s), b(t, s)),
        })),
      ),
    );
    const steps = Array.from({ length: 8 }, (_, i) => i);
    // Two at a time, one within the other.
    for (const [i, { text, holds }] of masks.entries()) {
      const other = masks[(i * 7 + 5) % masks.length];
      const isCausal = steps.every((t) => steps.every((s) => s <= t || !(holds(t, s) && other.holds(t, s))));
      const alone = [{ text, holds }, other].some((m) =>
        steps.every((t) => steps.every((s) => s <= t || !m.holds(t, s))),
      );
      const { streamRefusal } = streamOf(`sum[s: T](where(${text}, where(${other.text}, x[s] * x[t], 0), 0))`);
      // What only both together exclude is not looked for.
      if (isCausal === alone) expect(streamRefusal === undefined, `${text}, ${other.text}`).toBe(isCausal);
    }
  });

  it("a model without lengths", () => {
    const module = moduleOf("model M(D = 3) { input x: [D]  y = 2 * x  output y  loss sum(y) }");
    expect(runPipeline(module).streamRefusal).toBe("no length");
  });
});

it("is a module that verifies", () => {
  const before = moduleOfFile("std/char-lm", { V: 7, E: 3, H: 4 });
  verifyModule(stream({ ...before, graphs: { predict: prediction(before.graphs.forward!) } }), "stream");
});
