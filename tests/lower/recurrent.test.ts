/** @file The cells of the standard library and the character model against loops written out by hand. */

import { describe, expect, test } from "vitest";
import { type Arrays, at, forward, moduleOf, moduleOfFile, randomArguments, relativeError } from "./support.js";

const lengths = { _B: 3, T: 7 };
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** W x + b, row by row. */
function affine(args: Arrays, weight: string, bias: string, x: readonly number[]): number[] {
  const [rows] = args[weight].shape;
  return Array.from({ length: rows }, (_, i) =>
    x.reduce((sum, value, j) => sum + at(args[weight], i, j) * value, args[bias].data[i]),
  );
}

type Cell = (args: Arrays, prefix: string, x: readonly number[], state: number[][]) => number[][];

const cells: Record<string, { readonly states: readonly string[]; readonly step: Cell }> = {
  RNN: {
    states: ["h"],
    step(args, prefix, x, [h]) {
      const fromInput = affine(args, `${prefix}.W_ih`, `${prefix}.b_ih`, x);
      const fromState = affine(args, `${prefix}.W_hh`, `${prefix}.b_hh`, h);
      return [h.map((_, i) => Math.tanh(fromInput[i] + fromState[i]))];
    },
  },
  LSTM: {
    states: ["h", "c"],
    step(args, prefix, x, [h, c]) {
      const n = h.length;
      const fromInput = affine(args, `${prefix}.W_ih`, `${prefix}.b_ih`, x);
      const fromState = affine(args, `${prefix}.W_hh`, `${prefix}.b_hh`, h);
      const gate = (k: number, i: number) => fromInput[k * n + i] + fromState[k * n + i];
      const next = c.map((value, i) => sigmoid(gate(1, i)) * value + sigmoid(gate(0, i)) * Math.tanh(gate(2, i)));
      return [next.map((value, i) => sigmoid(gate(3, i)) * Math.tanh(value)), next];
    },
  },
  GRU: {
    states: ["h"],
    step(args, prefix, x, [h]) {
      const n = h.length;
      const fromInput = affine(args, `${prefix}.W_ih`, `${prefix}.b_ih`, x);
      const fromState = affine(args, `${prefix}.W_hh`, `${prefix}.b_hh`, h);
      return [
        h.map((value, i) => {
          const r = sigmoid(fromInput[i] + fromState[i]);
          const z = sigmoid(fromInput[n + i] + fromState[n + i]);
          const candidate = Math.tanh(fromInput[2 * n + i] + r * fromState[2 * n + i]);
          return (1 - z) * candidate + z * value;
        }),
      ];
    },
  },
};

/** Runs a cell over one example. */
function loop(cell: string, args: Arrays, prefix: string, xs: readonly number[][], hidden: number, reverse = false) {
  const { states, step } = cells[cell];
  let state = states.map(() => new Array<number>(hidden).fill(0));
  const outputs: number[][] = [];
  for (let i = 0; i < xs.length; i++) {
    const t = reverse ? xs.length - 1 - i : i;
    state = step(args, prefix, xs[t], state);
    outputs[t] = state[0];
  }
  return { outputs, last: state };
}

describe.each(["RNN", "LSTM", "GRU"])("%s", (cell) => {
  test.each([
    ["forward", ""],
    ["reverse", "reverse "],
  ])("%s, with its last states", (_, direction) => {
    const { states } = cells[cell];
    const module = moduleOf(`
      import { ${cell} } from "std/${cell.toLowerCase()}"
      model M(I = 3, H = 5) {
        input xs: [T, I]
        use rnn = ${cell}(I, H)
        ys, end = scan ${direction}rnn(xs)
        ${states.map((name) => `last_${name} = end.${name}`).join("\n")}
        output ys
        ${states.map((name) => `output last_${name}`).join("\n")}
      }`);
    const args = randomArguments(module, lengths, 11);
    const results = forward(module, args, lengths);
    for (let b = 0; b < lengths._B; b++) {
      const xs = Array.from({ length: lengths.T }, (_, t) => [0, 1, 2].map((i) => at(args.xs, b, t, i)));
      const { outputs, last } = loop(cell, args, "rnn", xs, 5, direction !== "");
      const size = lengths.T * 5;
      const ys = results["output:ys"].data.subarray(b * size, (b + 1) * size);
      expect(relativeError(ys, outputs.flat())).toBeLessThan(1e-12);
      for (const [i, name] of states.entries()) {
        const end = results[`output:last_${name}`].data.subarray(b * 5, (b + 1) * 5);
        expect(relativeError(end, last[i])).toBeLessThan(1e-12);
      }
    }
  });
});

test("the character model: logits, loss and accuracy", () => {
  const module = moduleOfFile("std/char-lm", { V: 11, E: 4, H: 6 });
  const args = randomArguments(module, lengths, 5);
  const results = forward(module, args, lengths);
  const expected: number[] = [];
  let [loss, right] = [0, 0];
  for (let b = 0; b < lengths._B; b++) {
    const xs = Array.from({ length: lengths.T }, (_, t) => {
      const token = at(args.tokens, b, t);
      return [0, 1, 2, 3].map((e) => at(args["embed.W"], token, e));
    });
    for (const [t, h] of loop("LSTM", args, "rnn", xs, 6).outputs.entries()) {
      const logits = affine(args, "head.W", "head.b", h);
      expected.push(...logits);
      const target = at(args.next, b, t);
      loss += Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[target];
      right += Number(logits.indexOf(Math.max(...logits)) === target);
    }
  }
  const steps = lengths._B * lengths.T;
  expect(relativeError(results["output:logits"].data, expected)).toBeLessThan(1e-12);
  expect(relativeError(results["loss:loss"].data, [loss / steps])).toBeLessThan(1e-12);
  expect(results["metric:accuracy"].data[0]).toBeCloseTo(right / steps, 12);
});
