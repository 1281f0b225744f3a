/** @file Small graphs with loops, built by hand, on which the passes are tested. The batch is 3, lengths are short. */

import { Builder } from "../../src/ir/builder.js";
import type { Arg, ArgKind, Dim, Elem, Graph, Parameter, Result, ResultKind, Value } from "../../src/ir/types.js";
import { BATCH } from "../../src/ir/types.js";

/** Writes a graph: a builder with named arguments and results. */
export class GraphWriter {
  readonly b = new Builder();
  readonly args: Arg[] = [];
  readonly results: Result[] = [];

  arg(kind: ArgKind, name: string, shape: readonly Dim[], elem: Elem = "f32"): Value {
    const value = this.b.fresh({ elem, shape }, name);
    this.args.push({ kind, name, value });
    return value;
  }

  param(name: string, shape: readonly number[]): Value {
    return this.arg("param", name, shape);
  }

  input(name: string, shape: readonly Dim[]): Value {
    return this.arg("input", name, [BATCH, ...shape]);
  }

  result(kind: ResultKind, name: string, value: Value): void {
    this.results.push({ kind, name, value });
  }

  /** A loss that weighs every element differently: the sum of sin(value) · weight, weight an input. */
  lossOf(name: string, value: Value): Value {
    const weight = this.arg("target", name, value.type.shape);
    const axes = value.type.shape.map((_, axis) => axis);
    return this.b.reduce("sum", this.b.binary("mul", this.b.unary("sin", value), weight), axes);
  }

  graph(): Graph {
    return { args: this.args, instrs: this.b.instrs, results: this.results };
  }

  parameters(): Parameter[] {
    return this.args.flatMap(({ kind, name, value }) =>
      kind === "param"
        ? [
            {
              name,
              shape: value.type.shape as readonly number[],
              init: { kind: "expression", expr: { op: "number", value: 0 } },
              frozen: name.startsWith("frozen"),
              noDecay: false,
            },
          ]
        : [],
    );
  }
}

const [H, I, N] = [3, 2, 2];
const forward = { length: "T", reverse: false };

/** v [M] becomes v for every example. */
export function perExample(b: Builder, v: Value): Value {
  return b.broadcast(
    v,
    [BATCH, ...v.type.shape],
    v.type.shape.map((_, axis) => axis + 1),
  );
}

/** W @ x for every example. */
export function matvec(b: Builder, w: Value, x: Value): Value {
  return b.contract(x, w, "bk", "mk", "bm");
}

function gates(b: Builder, z: Value, count: number): Value[] {
  const width = (z.type.shape[1] as number) / count;
  return Array.from({ length: count }, (_, i) => b.slice(z, 1, i * width, width));
}

/** A gated cell with two states and one recurrent matrix; the outputs and the last cell state are used. */
export function gatedCell(options: { readonly reverse?: boolean; readonly learnedStart?: boolean } = {}): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const [wx, wh] = [g.param("W_x", [4 * H, I]), g.param("W_h", [4 * H, H])];
  const [bx, bh] = [g.param("b_x", [4 * H]), g.param("b_h", [4 * H])];
  const x = g.input("x", ["T", I]);
  const zero = b.fill(0, [BATCH, H]);
  const start = options.learnedStart === true ? perExample(b, g.param("start", [H])) : zero;
  const { last, stacked } = b.scan(
    { length: "T", reverse: options.reverse ?? false },
    [start, zero],
    [x],
    (s, [h, c], [xt]) => {
      const fromInput = s.binary("add", matvec(s, wx, xt), perExample(s, bx));
      const z = s.binary("add", s.binary("add", fromInput, matvec(s, wh, h)), perExample(s, bh));
      const [i, f, k, o] = gates(s, z, 4);
      const kept = s.binary("mul", s.unary("sigmoid", f), c);
      const c2 = s.binary("add", kept, s.binary("mul", s.unary("sigmoid", i), s.unary("tanh", k)), "c");
      const h2 = s.binary("mul", s.unary("sigmoid", o), s.unary("tanh", c2), "h");
      return { next: [h2, c2], outputs: [h2] };
    },
  );
  g.result("output", "y", stacked[0]);
  const loss = b.binary("add", g.lossOf("weight_y", stacked[0]), g.lossOf("weight_c", last[1]));
  g.result("loss", "loss", loss);
  return g;
}

/** h' = a ⊙ h + x ⊙ gain: no matrix; a parameter by itself and one through a function. */
export function elementwiseCell(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const [a, gain] = [g.param("a", [H]), g.param("gain", [H])];
  g.param("frozen_a", [H]);
  g.param("unused", [H, 2]);
  const x = g.input("x", ["T", H]);
  const { stacked } = b.scan(forward, [b.fill(0, [BATCH, H])], [x], (s, [h], [xt]) => {
    const decayed = s.binary("mul", perExample(s, s.unary("sigmoid", a)), h);
    const next = s.binary("add", decayed, s.binary("mul", xt, perExample(s, gain)), "h");
    return { next: [next], outputs: [s.binary("mul", next, xt)] };
  });
  g.result("output", "y", stacked[0]);
  g.result("loss", "loss", g.lossOf("weight", stacked[0]));
  return g;
}

/** A state [D, N] fed by outer products and read by a contraction, with decay exp(−dt·exp(A)): a selective SSM. */
export function matrixStateCell(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const D = H;
  const [logA, wB, wC, wDt] = [
    g.param("A", [D, N]),
    g.param("W_B", [N, D]),
    g.param("W_C", [N, D]),
    g.param("W_dt", [D, D]),
  ];
  const x = g.input("x", ["T", D]);
  const shape = [BATCH, D, N];
  const { stacked } = b.scan(forward, [b.fill(0, shape)], [x], (s, [h], [xt]) => {
    const [bt, ct] = [matvec(s, wB, xt), matvec(s, wC, xt)];
    const dt = s.unary("softplus", matvec(s, wDt, xt));
    const wide = (v: Value) => s.broadcast(v, shape, [0, 1]);
    const rate = s.unary("exp", s.broadcast(logA, shape, [1, 2]));
    const decay = s.unary("exp", s.unary("neg", s.binary("mul", wide(dt), rate)));
    const fed = s.binary("mul", s.binary("mul", wide(dt), wide(xt)), s.broadcast(bt, shape, [0, 2]));
    const next = s.binary("add", s.binary("mul", decay, h), fed, "h");
    const read = s.reduce("sum", s.binary("mul", next, s.broadcast(ct, shape, [0, 2])), [2]);
    return { next: [next], outputs: [read] };
  });
  g.result("output", "y", stacked[0]);
  g.result("loss", "loss", g.lossOf("weight", stacked[0]));
  return g;
}

/** Two loops in sequence over a context [B, S, H] read with weights by the state, the second loop from the first's end. */
export function contextCells(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const [w, u] = [g.param("W", [H, H]), g.param("U", [H, H])];
  const source = g.input("source", ["S", H]);
  const x = g.input("x", ["T", H]);
  const first = b.scan({ length: "S", reverse: true }, [b.fill(0, [BATCH, H])], [source], (s, [h], [xt]) => {
    const next = s.unary("tanh", s.binary("add", matvec(s, w, h), xt));
    return { next: [next], outputs: [next] };
  });
  const [context] = first.stacked;
  const second = b.scan(forward, first.last, [x], (s, [h], [xt]) => {
    const scores = s.contract(h, context, "bh", "bsh", "bs");
    const weights = s.unary("exp", s.unary("tanh", scores));
    const total = s.reduce("sum", weights, [1]);
    const read = s.binary("div", s.contract(weights, context, "bs", "bsh", "bh"), s.broadcast(total, [BATCH, H], [0]));
    const next = s.unary("tanh", s.binary("add", s.binary("add", matvec(s, u, h), xt), read));
    const positive = s.binary("gt", next, s.fill(0, next.type.shape));
    return { next: [next], outputs: [s.select(positive, next, s.binary("mul", next, read))] };
  });
  g.result("output", "y", second.stacked[0]);
  g.result("loss", "loss", g.lossOf("weight", second.stacked[0]));
  return g;
}

/** A one-state rotation with the state also copied out, a delay and a constant state. */
export function oddStates(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const [angle, start] = [g.param("angle", [H]), g.param("start", [H])];
  const x = g.input("x", ["T", H]);
  const zero = b.fill(0, [BATCH, H]);
  const initial = [perExample(b, start), zero, perExample(b, start), zero];
  const { last, stacked } = b.scan(forward, initial, [x], (s, [p, q, delay, still], [xt]) => {
    const [cos, sin] = [perExample(s, s.unary("cos", angle)), perExample(s, s.unary("sin", angle))];
    const p2 = s.binary("add", s.binary("sub", s.binary("mul", cos, p), s.binary("mul", sin, q)), delay);
    const q2 = s.binary("add", s.binary("mul", sin, p), s.binary("mul", cos, q));
    return { next: [p2, q2, xt, s.binary("add", still, s.binary("mul", p, p))], outputs: [p2, q, xt, delay] };
  });
  const parts = stacked.map((value, i) => g.lossOf(`weight_${i}`, value));
  parts.push(g.lossOf("weight_last", last[3]), g.lossOf("weight_delay", last[2]));
  g.result("output", "y", stacked[0]);
  g.result(
    "loss",
    "loss",
    parts.reduce((sum, part) => b.binary("add", sum, part)),
  );
  return g;
}

/** Two gated layers, an embedding in front and a softmax classifier behind. */
export function stackedModel(): GraphWriter {
  const g = new GraphWriter();
  const { b } = g;
  const V = 4;
  const table = g.param("table", [V, H]);
  const head = g.param("head", [V, H]);
  const token = g.arg("input", "token", [BATCH, "T"], "i32");
  const target = g.arg("target", "target", [BATCH, "T"], "i32");
  let y = b.op("gather", {}, [table, token]);
  for (const layer of ["one", "two"]) {
    const [w, u, v] = ["W", "U", "V"].map((name) => g.param(`${layer}.${name}`, [H, H]));
    [y] = b.scan(forward, [b.fill(0, [BATCH, H])], [y], (s, [h], [xt]) => {
      const z = s.unary("sigmoid", s.binary("add", matvec(s, w, xt), matvec(s, u, h)));
      const candidate = s.unary("tanh", s.binary("add", matvec(s, v, s.binary("mul", z, h)), xt));
      const rest = s.binary("sub", s.constant(1), z);
      const next = s.binary("add", s.binary("mul", z, h), s.binary("mul", rest, candidate), "h");
      return { next: [next], outputs: [next] };
    }).stacked;
  }
  const logits = b.contract(y, head, "bth", "vh", "btv", "logits");
  const shape = [BATCH, "T", V];
  const peak = b.unary("stop_gradient", b.reduce("max", logits, [2]));
  const shifted = b.binary("sub", logits, b.broadcast(peak, shape, [0, 1]));
  const norm = b.unary("log", b.reduce("sum", b.unary("exp", shifted), [2]));
  const hot = b.unary("to_f32", b.binary("eq", b.broadcast(target, shape, [0, 1]), b.iota(shape, 2)));
  const chosen = b.reduce("sum", b.binary("mul", shifted, hot), [2]);
  const count = b.unary(
    "to_f32",
    b.binary("mul", b.op("length", { name: BATCH }, []), b.op("length", { name: "T" }, [])),
  );
  const total = b.reduce("sum", b.binary("sub", norm, chosen), [0, 1]);
  g.result("output", "logits", logits);
  g.result("loss", "loss", b.binary("div", total, count));
  g.result("metric", "peak", b.reduce("max", peak, [0, 1]));
  return g;
}

export const cells: { readonly [name: string]: () => GraphWriter } = {
  "gated cell": () => gatedCell(),
  "gated cell, reverse": () => gatedCell({ reverse: true }),
  "gated cell, learned start": () => gatedCell({ learnedStart: true }),
  "elementwise recurrence": elementwiseCell,
  "matrix state": matrixStateCell,
  "context and two loops": contextCells,
  "odd states": oddStates,
  "stacked model": stackedModel,
};
