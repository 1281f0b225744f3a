/** @file Small models that read ids and give logits, with parameters large enough that ids matter. */

import { Model } from "../../runtime/model.js";
import { compile } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { randomArray } from "../runtime/support.js";
import { checkpointOf, compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

const ATTENDING = `
  cell Leaky(D) {
    input x: [D]
    state h: [D]
    h' = 0.7 * h + x
    output h'
  }
  model Attending(V = 7, D = 3) {
    input token: [T] id(V)
    param E: [V, D] ~ normal, O: [V, D] ~ normal
    use below = Leaky(D)
    x[t, d] = E[token[t], d]
    u = scan below(x)
    score[t, s] = sum[d](u[t, d] * u[s, d]) - 0.1 * (t - s)
    w[t, s] = softmax[s](where(s <= t, score[t, s], -inf))
    logits[t, v] = sum[s, d](w[t, s] * u[s, d] * O[v, d])
    output logits
    loss sum(logits)
  }`;

/** Convolves past embeddings, and gives the last step's logits alone. */
const LAST = `
  model Last(V = 6, D = 3, K = 3) {
    input token: [T] id(V)
    param E: [V, D] ~ normal, W: [K, D] ~ normal, O: [V, D] ~ normal
    x[t, d] = E[token[t], d]
    c[t, d] = sum[k](W[k, d] * x[t - k, d] else 0)
    logits[v] = sum[d](tanh(c[T - 1, d]) * O[v, d])
    output logits
    loss sum(logits)
  }`;

export type Speaker = "CharLM" | "Half" | "Attending" | "Last";

const charLm = (precision: "f16" | "f32") =>
  compile({ files: ["std/char-lm"], host: hostOf({}), set: { V: 13, E: 4, H: 6 }, precision }).models[0];

const sources = {
  CharLM: () => charLm("f32"),
  /** CharLM, stored in halves. */
  Half: () => charLm("f16"),
  Attending: () => compileText(ATTENDING),
  Last: () => compileText(LAST),
};

/** The model, with random parameters. */
export async function speaker(name: Speaker, device?: GPUDevice): Promise<Model> {
  const { manifest } = sources[name]();
  const model = await Model.create(device ?? (await testDevice()), manifest);
  const values = manifest.parameters.map(({ name, shape }, at) => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return [name, randomArray(length, 400 + at).map((x) => 1.5 * x)] as const;
  });
  model.load(checkpointOf(manifest, Object.fromEntries(values)));
  return model;
}

/** The input of ids. */
export const INPUT = { CharLM: "tokens", Half: "tokens", Attending: "token", Last: "token" } as const;
