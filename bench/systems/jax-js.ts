/** @file jax-js on WebGPU: the whole training step under `jit`. It has no scan, so the loop over time is unrolled. */

import type { numpy as np } from "@jax-js/jax";
import type { MeteredGpu } from "../gpu.js";
import { corrections, type State, update } from "../peers/adamw.js";
import { lossOf, type Named } from "../peers/models.js";
import type { Ops } from "../peers/ops.js";
import type { System } from "./system.js";

type Library = typeof import("@jax-js/jax");

/** Tracing and compiling grow with the square of the number of unrolled steps. */
const LENGTH = 256;

export function jaxJs({ adapter, meter }: MeteredGpu): System {
  return {
    name: "jax-js",
    refuses: ({ model, length }) =>
      model === "attention" || length <= LENGTH ? undefined : `unrolled: not tried beyond T ${LENGTH}`,
    async open({ parameters, batch, case: of }) {
      // Only now: the others run without the package too.
      const { defaultDevice, init, jit, numpy, valueAndGrad, nn } = await import("@jax-js/jax");
      if (!(await init("webgpu")).includes("webgpu")) throw new Error("jax-js finds no WebGPU");
      defaultDevice("webgpu");
      meter.start();
      const ops = operations(numpy, nn);
      const decays = parameters.map((parameter) => parameter.decays);
      const loss = (p: np.Array[], data: Named<np.Array>) =>
        lossOf(ops, of.model, Object.fromEntries(parameters.map(({ name }, i) => [name, p[i]])), data);
      const train = jit((state: State<np.Array>, data: Named<np.Array>, first: np.Array, second: np.Array) => {
        const [value, gradients] = valueAndGrad(loss)(
          state.p.map((p) => p.ref),
          data,
        );
        return { value, state: update(ops, state, gradients, [first, second], decays) };
      });
      const zeros = () => parameters.map(({ shape }) => numpy.zeros([...shape]));
      const p = parameters.map(({ values, shape }) => numpy.array(values.slice(), { shape: [...shape] }));
      let state: State<np.Array> = { p, m: zeros(), v: zeros() };
      let step = 0;
      let dispatches = 0;
      const advance = () => {
        const data = batch.map(({ name, values, shape }) => [name, numpy.array(values.slice(), { shape: [...shape] })]);
        const [first, second] = corrections(++step).map((value) => numpy.array(value));
        const next = train(state, Object.fromEntries(data), first, second);
        ({ state } = next);
        return next.value;
      };
      return {
        adapter,
        async run(steps) {
          const before = meter.dispatches;
          for (let i = 1; i < steps; i++) advance().dispose();
          const [loss] = await advance().data();
          dispatches = (meter.dispatches - before) / steps;
          return loss;
        },
        parameters: async () => (await Promise.all(state.p.map((p) => p.ref.data()))) as Float32Array[],
        figures: async () => ({ dispatches, peakBytes: meter.peakBytes }),
        async close() {
          for (const array of [...state.p, ...state.m, ...state.v]) array.dispose();
          train.dispose();
        },
      };
    },
  };
}

/** Operands are kept: jax-js would take them over, and what a compiled step still holds is freed with its trace. */
function operations(np: Library["numpy"], nn: Library["nn"]): Ops<np.Array> {
  return {
    shape: (x) => x.shape,
    reshape: (x, shape) => np.reshape(x.ref, [...shape]),
    transpose: (x, order) => np.transpose(x.ref, [...order]),
    expand: (x, axis) => np.expandDims(x.ref, axis),
    split: (x, parts) => np.split(x.ref, parts, -1),
    unstack: (x) => np.unstack(x.ref, 1),
    stack: (xs) =>
      np.stack(
        xs.map((x) => x.ref),
        1,
      ),
    delay(x, by) {
      if (by === 0) return x.ref;
      const [kept] = np.split(x.ref, [x.shape[1] - by], 1);
      return np.pad(kept, { 1: [by, 0] });
    },
    zeros: (shape) => np.zeros([...shape]),
    constant: (values, shape) => np.array(values, { shape: [...shape] }),
    lookup: (table, ids) => np.matmul(nn.oneHot(ids.ref, table.shape[0]), table.ref),
    add: (a, b) => np.add(a.ref, b.ref),
    sub: (a, b) => np.subtract(a.ref, b.ref),
    mul: (a, b) => np.multiply(a.ref, b.ref),
    div: (a, b) => np.divide(a.ref, b.ref),
    scale: (x, by) => np.multiply(x.ref, by),
    shift: (x, by) => np.add(x.ref, by),
    min: (x, limit) => np.minimum(x.ref, limit),
    neg: (x) => np.negative(x.ref),
    exp: (x) => np.exp(x.ref),
    sqrt: (x) => np.sqrt(x.ref),
    tanh: (x) => np.tanh(x.ref),
    sigmoid: (x) => nn.sigmoid(x.ref),
    softplus: (x) => nn.softplus(x.ref),
    softmax: (x) => nn.softmax(x.ref, -1),
    sum: (x, axis) => np.sum(x.ref, axis),
    mean: (x, axis) => np.mean(x.ref, axis),
    matmul: (a, b, transposed = false) => np.matmul(a.ref, transposed ? np.matrixTranspose(b.ref) : b.ref),
    crossEntropy(logits, ids) {
      const [rows, classes] = logits.shape;
      const wanted = nn.oneHot(ids.ref, classes);
      return np.divide(np.negative(np.sum(np.multiply(wanted, nn.logSoftmax(logits.ref, -1)))), rows);
    },
  };
}
