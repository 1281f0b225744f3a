/**
 * @file TensorFlow.js on its WebGPU backend. The core library is enough: its layers are loops of the same operations,
 * and its GRU has another reset gate than the spec's.
 */

import { createRequire } from "node:module";
import type { Scalar, Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { MeteredGpu } from "../gpu.js";
import { corrections, type State, update } from "../peers/adamw.js";
import { lossOf } from "../peers/models.js";
import type { Ops } from "../peers/ops.js";
import type { Workload } from "../workload.js";
import type { Session, System } from "./system.js";

// The derivatives are a file that only the CommonJS loader finds; all parts have to come from the same loader.
const require = createRequire(import.meta.url);
type Library = typeof import("@tensorflow/tfjs-core");
const BACKEND = "webgpu";

/** Every step is thousands of submissions: on a software adapter, T 128 takes many seconds a step. */
const SOFTWARE_LENGTH = 128;
const LENGTH = 512;

export function tfjs({ adapter, software, meter }: MeteredGpu): System {
  return {
    name: "tfjs",
    refuses({ model, length }) {
      const limit = software ? SOFTWARE_LENGTH : LENGTH;
      return model === "attention" || length <= limit ? undefined : `unrolled: not tried beyond T ${limit} here`;
    },
    async open(workload) {
      meter.start();
      const tf = await load();
      return openSession(tf, workload, adapter, meter);
    },
  };
}

async function load(): Promise<Library> {
  const tf = require("@tensorflow/tfjs-core") as Library;
  require("@tensorflow/tfjs-core/dist/register_all_gradients");
  require("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend(BACKEND))) throw new Error("TensorFlow.js finds no WebGPU");
  return tf;
}

function openSession(tf: Library, workload: Workload, adapter: string, meter: MeteredGpu["meter"]): Session {
  const ops = operations(tf);
  const { parameters, batch, case: of } = workload;
  const decays = parameters.map((parameter) => parameter.decays);
  const like = parameters.map(({ values, shape }) => tf.tensor(values, [...shape]));
  let state: State<Tensor> = { p: like, m: like.map((p) => tf.zerosLike(p)), v: like.map((p) => tf.zerosLike(p)) };
  let step = 0;
  let dispatches = 0;

  const loss = (...p: Tensor[]) => {
    const named = Object.fromEntries(parameters.map(({ name }, i) => [name, p[i]]));
    const data = batch.map(({ name, values, shape, classes }) => [
      name,
      tf.tensor(values, [...shape], classes === undefined ? "float32" : "int32"),
    ]);
    return lossOf(ops, of.model, named, Object.fromEntries(data)) as Scalar;
  };
  const train = (): Tensor => {
    const before = state;
    const { value, p, m, v } = tf.tidy(() => {
      const { value, grads } = tf.valueAndGrads(loss)([...before.p]);
      const [first, second] = corrections(++step);
      return { value, ...update(ops, before, grads, [tf.scalar(first), tf.scalar(second)], decays) };
    });
    state = { p, m, v };
    tf.dispose([before.p, before.m, before.v]);
    return value;
  };
  return {
    adapter,
    async run(steps) {
      let last = Number.NaN;
      const before = meter.dispatches;
      for (let i = 0; i < steps; i++) {
        const value = train();
        // Only the last one is waited for: the queue keeps their order.
        if (i === steps - 1) [last] = await value.data();
        value.dispose();
      }
      dispatches = (meter.dispatches - before) / steps;
      return last;
    },
    parameters: async () => (await Promise.all(state.p.map((p) => p.data()))) as Float32Array[],
    figures: async () => ({ dispatches, peakBytes: meter.peakBytes }),
    async close() {
      tf.dispose([state.p, state.m, state.v]);
    },
  };
}

function operations(tf: Library): Ops<Tensor> {
  return {
    shape: (x) => x.shape,
    reshape: (x, shape) => tf.reshape(x, [...shape]),
    transpose: (x, order) => tf.transpose(x, [...order]),
    expand: (x, axis) => tf.expandDims(x, axis),
    split: (x, parts) => tf.split(x, parts, x.rank - 1),
    unstack: (x) => tf.unstack(x, 1),
    stack: (xs) => tf.stack([...xs], 1),
    delay(x, by) {
      const [, length] = x.shape;
      const padded = tf.pad(
        x,
        x.shape.map((_, axis) => [axis === 1 ? by : 0, 0]),
      );
      return tf.slice(
        padded,
        x.shape.map(() => 0),
        x.shape.map((extent, axis) => (axis === 1 ? length : extent)),
      );
    },
    zeros: (shape) => tf.zeros([...shape]),
    constant: (values, shape) => tf.tensor(values, [...shape]),
    lookup: (table, ids) => tf.gather(table, ids),
    add: (a, b) => tf.add(a, b),
    sub: (a, b) => tf.sub(a, b),
    mul: (a, b) => tf.mul(a, b),
    div: (a, b) => tf.div(a, b),
    scale: (x, by) => tf.mul(x, by),
    shift: (x, by) => tf.add(x, by),
    min: (x, limit) => tf.minimum(x, limit),
    neg: (x) => tf.neg(x),
    exp: (x) => tf.exp(x),
    sqrt: (x) => tf.sqrt(x),
    tanh: (x) => tf.tanh(x),
    sigmoid: (x) => tf.sigmoid(x),
    softplus: (x) => tf.softplus(x),
    softmax: (x) => tf.softmax(x),
    sum: (x, axis) => tf.sum(x, axis),
    mean: (x, axis) => tf.mean(x, axis),
    matmul: (a, b, transposed = false) => tf.matMul(a, b, false, transposed),
    crossEntropy(logits, ids) {
      const [rows, classes] = logits.shape;
      const wanted = tf.oneHot(ids as Tensor1D, classes);
      return tf.div(tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)))), rows);
    },
  };
}
