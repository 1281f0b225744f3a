/** @file Random cells: loops of random smooth bodies, some reverse, some chained, from zero and from learned starts. */

import type { Builder } from "../../src/ir/builder.js";
import { BATCH, type Value } from "../../src/ir/types.js";
import { GraphWriter, matvec, perExample } from "./cells.js";
import { random } from "./support.js";

const H = 4;
const shape = [BATCH, H];

export function randomCell(seed: number): GraphWriter {
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  const g = new GraphWriter();
  const { b } = g;
  const matrices = [g.param("U", [H, H]), g.param("V", [H, H])];
  const vectors = [g.param("u", [H]), g.param("v", [H])];
  const context = g.input("context", [H]);
  let sequences = [g.input("x", ["T", H]), g.input("y", ["T", H])];

  /** Adds a random instruction on values of the pool. */
  const grow = (s: Builder, pool: Value[]) => {
    const pick = () => pool[below(pool.length)];
    const [x, y] = [pick(), pick()];
    const choices: (() => Value)[] = [
      () => s.binary("add", x, y),
      () => s.binary("sub", x, y),
      () => s.binary("mul", s.unary("sin", x), y),
      () => s.unary("tanh", x),
      () => s.unary("sigmoid", x),
      () => s.unary("neg", x),
      () => matvec(s, matrices[below(2)], s.unary("sin", x)),
      () => s.binary("mul", perExample(s, s.unary("cos", vectors[below(2)])), x),
      () => s.concat([s.slice(x, 1, 1, H - 1), s.slice(y, 1, 0, 1)], 1),
      () => s.binary("mul", x, s.broadcast(s.reduce("sum", s.unary("tanh", y), [1]), shape, [0])),
      () => {
        const all = [BATCH, H, H];
        const outer = s.binary("mul", s.broadcast(s.unary("sin", x), all, [0, 1]), s.broadcast(y, all, [0, 2]));
        return s.reduce("sum", s.unary("tanh", outer), [1 + below(2)]);
      },
      () => s.select(s.binary("gt", x, s.fill(0, shape)), x, s.binary("mul", x, s.constant(0.5))),
    ];
    pool.push(choices[below(choices.length)]());
  };

  const losses: Value[] = [];
  for (let loop = 0; loop <= below(2); loop++) {
    const starts = Array.from({ length: 1 + below(3) }, () =>
      next() < 0.5 ? b.fill(0, shape) : perExample(b, vectors[below(2)]),
    );
    const outputs = 1 + below(3);
    const { last, stacked } = b.scan({ length: "T", reverse: next() < 0.5 }, starts, sequences, (s, states, steps) => {
      const pool = [...states, ...steps, context];
      for (let i = 0; i < 8; i++) grow(s, pool);
      const recent = () => pool[pool.length - 1 - below(Math.min(8, pool.length))];
      return {
        next: states.map(() => s.unary("tanh", recent())),
        outputs: Array.from({ length: outputs }, recent),
      };
    });
    losses.push(...stacked.map((value, i) => g.lossOf(`weight_${loop}_${i}`, value)));
    losses.push(g.lossOf(`weight_${loop}_last`, last[0]));
    sequences = [...stacked, ...sequences].slice(0, 2);
  }
  g.result("output", "y", sequences[0]);
  g.result(
    "loss",
    "loss",
    losses.reduce((sum, loss) => b.binary("add", sum, loss)),
  );
  return g;
}
