/** @file On the device, a stream gives what the whole sequence gives: step by step, and in uneven chunks. */

import { describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import type { InputArray } from "../../runtime/validate.js";
import { type CompiledModel, compile } from "../../src/compile.js";
import { BATCH, type Port } from "../../src/ir/types.js";
import { hostOf } from "../check/host.js";
import { randomArguments } from "../lower/support.js";
import { checkpointOf, compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

const B = 3;

const TOLERANCE = 1e-5;

interface Case {
  readonly model: CompiledModel;
  readonly lengths: { readonly T: number } & Readonly<Record<string, number>>;
  /** First steps of the chunks. */
  readonly bounds: readonly number[];
}

/** Steps start … end−1 of an array [B, T, …]. */
function steps<A extends InputArray>(array: A, total: number, start: number, end: number): A {
  const width = array.length / (B * total);
  const part = array.slice(0, B * (end - start) * width);
  for (let b = 0; b < B; b++) {
    part.set(array.subarray((b * total + start) * width, (b * total + end) * width), b * (end - start) * width);
  }
  return part as A;
}

async function expectStreams({ model: { module, manifest }, lengths, bounds }: Case) {
  const { T, ...others } = lengths;
  const args = randomArguments(module, { [BATCH]: B, ...lengths }, 5);
  const arrayOf = ({ name, elem }: Port): [string, InputArray] => {
    const { data } = args[name];
    return [name, elem === "f32" ? Float32Array.from(data) : Int32Array.from(data)];
  };
  const hasSteps = (port: Port) => port.shape.includes("T");
  const sequences = module.inputs.filter(hasSteps).map(arrayOf);
  const given = Object.fromEntries(module.inputs.filter((port) => !hasSteps(port)).map(arrayOf));
  const model = await Model.create(await testDevice(), manifest);
  const length = Object.keys(others).length === 0 ? T : lengths;
  const stream = await model.stream({ batch: B, length: others, inputs: given });
  // Each time from the start, which follows the parameters.
  for (const round of [1, 2]) {
    const drawn = randomArguments(module, { [BATCH]: B, ...lengths }, round);
    const parameters = Object.fromEntries(module.parameters.map(({ name }) => [name, drawn[name].data]));
    model.load(checkpointOf(manifest, parameters));
    const whole = await model.predict({ ...Object.fromEntries(sequences), ...given }, { batch: B, length });
    await stream.reset();
    for (const [i, start] of bounds.entries()) {
      const end = bounds[i + 1] ?? T;
      const chunk = sequences.map(([name, array]) => [name, steps(array, T, start, end)]);
      const outputs = await stream.step(Object.fromEntries(chunk));
      for (const port of module.outputs) {
        if (!hasSteps(port) && end < T) continue;
        const wanted = hasSteps(port) ? steps(whole[port.name], T, start, end) : whole[port.name];
        const error = relativeError(outputs[port.name], wanted);
        expect(error, `${port.name} from ${start}, round ${round}`).toBeLessThan(TOLERANCE);
      }
    }
  }
  model.destroy();
}

describe("a stream gives what the whole sequence gives", () => {
  test("a recurrence with a learned start, a convolution, sums and last steps so far", async () => {
    const model = compileText(`
      cell Gated(D) {
        input x: [D]
        param first: [D] ~ normal
        state h: [D] = first, n: [D] = 2
        param W: [D, D] ~ orthogonal
        z = sigmoid(W @ h + x)
        h' = z * h + (1 - z) * tanh(x)
        n' = n * z
        output h', n'
      }
      model M(D = 3, K = 3) {
        input x: [T, D]
        param W: [D, K] ~ normal
        use cell_ = Gated(D)
        c[t, d] = sum[k](W[d, k] * x[t - k, d] else 0) * cos(t)
        h, n, end = scan cell_(c)
        output h, n
        output mean_[d: D] = sum[t](h[t, d]) / T
        output top = max(h)
        output last = h[T - 1]
        output code = end.n
        loss sum(h)
      }`);
    await expectStreams({ model, lengths: { T: 9 }, bounds: [0, 1, 4, 5, 6] });
  });

  test("a decoder that attends to an encoder's outputs and starts from its end", async () => {
    const model = compileText(`
      cell RNN(D) {
        input x: [D]
        state h: [D]
        h' = tanh(h + x)
        output h'
      }
      cell Attending(D) {
        input x: [D]
        context enc: [S, D]
        state h: [D]
        score[s] = sum[d](enc[s, d] * h[d])
        weight = softmax(score)
        seen[d] = sum[s](weight[s] * enc[s, d])
        h' = tanh(seen + x)
        output h'
      }
      model M(D = 3) {
        input source: [S, D], x: [T, D]
        use enc = RNN(D), dec = Attending(D)
        es, end = scan enc(source)
        y = scan dec(x, es) from end
        output y
        loss sum(y)
      }`);
    await expectStreams({ model, lengths: { S: 4, T: 6 }, bounds: [0, 1, 2, 5] });
  });

  test("tags before, as ids, and another array's values in place of what lies before the start", async () => {
    const model = compileText(`
      model M(D = 2, K = 4) {
        length T ragged
        input tag: [T] id(K), x: [T, D], y: [T, D]
        param A: [K, K, D] ~ normal, B: [3, K, D] ~ normal
        before[t] = tag[t - 1] else 3
        z[t, d] = A[tag[t], before[t], d] * (x[t - 2, d] else y[t, d]) + sum[j](B[j, tag[t - j] else 0, d])
        output z
        loss sum(z)
      }`);
    await expectStreams({ model, lengths: { T: 7 }, bounds: [0, 1, 2, 5] });
  });

  test("attention over the past with positions, between recurrences; caches outgrow their first room", async () => {
    const model = compileText(`
      cell Leaky(D) {
        input x: [D]
        state h: [D]
        param a: [D] ~ zeros
        h' = sigmoid(a) * h + x
        output h'
      }
      model M(D = 2, V = 5) {
        input token: [T] id(V)
        param E: [V, D] ~ normal, k: [D] ~ normal
        use below = Leaky(D), above = Leaky(D)
        x[t, d] = E[token[t], d] + sin(t / 3 + d)
        u = scan below(x)
        score[t, s] = sum[d](k[d] * tanh(u[t, d] + u[s, d])) - 0.1 * (t - s)
        w[t, s] = softmax[s](where(s <= t, score[t, s], -inf))
        v[t, d] = sum[s](w[t, s] * x[s, d])
        y = scan above(v)
        output y
        loss sum(y)
      }`);
    await expectStreams({ model, lengths: { T: 70 }, bounds: [0, 1, 2, 5, 40, 63, 64, 65, 69] });
  });
});

test("a model that cannot stream says why, and one that needs a source wants it", async () => {
  const text = "model M(D = 2) { input x: [T, D]  y[t, i] = x[t + 1, i] else 0  output y  loss sum(y) }";
  const device = await testDevice();
  const ahead = await Model.create(device, compileText(text).manifest);
  await expect(ahead.stream({ batch: 1 })).rejects.toThrow("M cannot run as a stream: a look ahead along T, in `y`");
  ahead.destroy();
  const { models } = compile({ files: ["std/seq2seq"], host: hostOf({}), set: { V: 7, W: 5, E: 3, H: 4 } });
  const translator = await Model.create(device, models[0].manifest);
  await expect(translator.stream({ batch: 1, length: { S: 2 } })).rejects.toThrow("input `source` is missing");
  await expect(translator.stream({ batch: 1, inputs: { source: Int32Array.of(1) } })).rejects.toThrow("length");
  translator.destroy();
});
