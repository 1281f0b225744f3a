/** @file Hand-built modules for the tests of the interpreter, the verifier and the text form. */

import { Builder } from "../../src/ir/builder.js";
import { BATCH, type Graph, type Module, type Value } from "../../src/ir/types.js";

/** The width of the recurrent cell, and that of its input. */
export const H = 3;
export const I = 2;

/**
 * h' = tanh(W h + U x + k·c), c' = c + h'; gives h' at every step. `c` has no batch-free part; `k` (shape [T]) is a
 * sequence without a batch, so its axis of the loop is 0.
 */
export function recurrentGraph(reverse: boolean): Graph {
  const b = new Builder();
  const arg = (kind: "param" | "input", name: string, ...shape: (number | string)[]) => ({
    kind,
    name,
    value: b.fresh({ elem: "f32", shape }, name),
  });
  const args = [
    arg("param", "W", H, H),
    arg("param", "U", H, I),
    arg("input", "x", BATCH, "T", I),
    arg("input", "k", "T"),
    arg("input", "h0", BATCH, H),
    arg("input", "c0", BATCH, H),
  ];
  const [W, U, x, k, h0, c0] = args.map((a) => a.value);
  const { last, stacked } = b.scan(
    { length: "T", reverse },
    [h0, c0],
    [x, k],
    (inner, [h, c], [step, factor]) => {
      const recurrent = inner.contract(h, W, "bk", "nk", "bn");
      const given = inner.contract(step, U, "bk", "nk", "bn", "given");
      const scaled = inner.binary("mul", c, factor);
      const next = inner.unary("tanh", inner.binary("add", inner.binary("add", recurrent, given), scaled), "next");
      return { next: [next, inner.binary("add", c, next)], outputs: [next] };
    },
    ["h_end", "c_end", "ys"],
  );
  const output = (name: string, value: Value) => ({ kind: "output", name, value }) as const;
  return {
    args,
    instrs: b.instrs,
    results: [output("h", last[0]), output("c", last[1]), output("ys", stacked[0])],
  };
}

/** A module around the recurrent graph that uses every field. */
export function recurrentModule(): Module {
  const port = (name: string, ...shape: (number | string)[]) => ({ name, elem: "f32", shape }) as const;
  return {
    name: "Recurrent",
    doc: 'A "model"\nof two lines.',
    lengths: ["T"],
    parameters: [
      {
        name: "W",
        shape: [H, H],
        init: { kind: "orthogonal", gain: 0.5 },
        frozen: true,
        noDecay: false,
        doc: "recurrent",
      },
      {
        name: "U",
        shape: [H, I],
        init: {
          kind: "expression",
          expr: {
            op: "add",
            args: [
              {
                op: "uniform",
                args: [
                  { op: "number", value: -0 },
                  { op: "number", value: 1e-45 },
                ],
              },
              {
                op: "inv_softplus",
                args: [{ op: "exp", args: [{ op: "index", axis: 1 }] }],
              },
            ],
          },
        },
        frozen: false,
        noDecay: true,
      },
    ],
    inputs: [port("x", "T", I), port("h0", H), port("c0", H), { name: "token", elem: "i32", shape: [], classes: 7 }],
    targets: [{ ...port("t"), doc: "a target" }],
    outputs: [port("h", H), port("c", H), port("ys", "T", H)],
    metrics: ["accuracy"],
    states: [port("rnn.h", H)],
    graphs: { forward: recurrentGraph(false), predict: recurrentGraph(true) },
    streamRefusal: "the scan runs from the end",
  };
}
