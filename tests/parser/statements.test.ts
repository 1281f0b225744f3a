import { describe, expect, it } from "vitest";
import { parseText, shape, statements, withoutSpans } from "./support.js";

const f32 = { kind: "f32" };
const size = (name: string) => ({ kind: "name", name, primed: false });

describe("statements", () => {
  it("gives one statement an item", () => {
    expect(withoutSpans(statements("state h: [H] = h0, c: [H]"))).toEqual([
      { kind: "state", name: { name: "h" }, type: { axes: [size("H")], elem: f32 }, initial: size("h0") },
      { kind: "state", name: { name: "c" }, type: { axes: [size("H")], elem: f32 } },
    ]);
  });

  it.each([
    ["input x: [T] id(V), m: [T] bool, a: f32, k: id(3)", ["input", "input", "input", "input"]],
    ["context enc: [S, H] state h: [H] h' = h", ["context", "state", "assign"]],
    [
      "target t: [T] loss mse(a, b) where m loss c metric acc = a metric f(a)",
      ["target", "loss", "loss", "metric", "metric"],
    ],
    ["use a = X(1), b[L] = Y(2, act = elu) length T ragged, S", ["use", "use", "length", "length"]],
    ["output y output a, b' output y[d] = x[d]", ["output", "output", "output"]],
    ["const M[i, j]: [N, N] = i - j\ni, f = split(z, 2)", ["const", "assign"]],
    ["use rnn = cell(I, H)\nys = scan rnn(x) from end\nid = 3", ["use", "assign", "assign"]],
  ])("reads %s", (text, kinds) => {
    expect(statements(text).map((statement) => statement.kind)).toEqual(kinds);
  });

  it("reads the parts of a parameter", () => {
    const list = statements("param A[d, n]: [D, N] ~ log(n + 1) no_decay, b: f32 frozen, c: [4*H] no_decay frozen");
    const parts = list.map((param) => {
      if (param.kind !== "param") throw new Error(param.kind);
      const { name, indices, init, frozen, noDecay } = param;
      return [name.name, indices.map((index) => index.name), init && shape(init), frozen, noDecay];
    });
    expect(parts).toEqual([
      ["A", ["d", "n"], "log((n + 1))", false, true],
      ["b", [], undefined, true, false],
      ["c", [], undefined, true, true],
    ]);
  });

  it("reads left sides", () => {
    expect(withoutSpans(statements("h'[d], q[n: N, k] = f(x)"))).toMatchObject([
      {
        targets: [
          { name: { name: "h" }, primed: true, indices: [{ name: { name: "d" } }] },
          { name: { name: "q" }, primed: false, indices: [{ extent: size("N") }, { name: { name: "k" } }] },
        ],
      },
    ]);
  });

  it("reads the clauses of loss, metric, length and use", () => {
    expect(withoutSpans(statements("loss a where m metric acc = b length T ragged length S use b[L] = X()"))).toEqual([
      { kind: "loss", value: size("a"), where: size("m") },
      { kind: "metric", name: { name: "acc" }, value: size("b") },
      { kind: "length", name: { name: "T" }, ragged: true },
      { kind: "length", name: { name: "S" }, ragged: false },
      { kind: "use", name: { name: "b" }, count: size("L"), target: { name: "X" }, arguments: [] },
    ]);
  });
});

describe("declarations", () => {
  it("reads imports, functions and blocks in one file", () => {
    const { unit, diagnostics } = parseText(`
      import { LSTM, GRU } from "./lstm.seq"
      fn swish(x) = x * sigmoid(x)
      cell A { output y } layer B() { output y }
      model C(H, N = ceil(H / 16), cell = LSTM) { output y }`);
    expect(diagnostics).toEqual([]);
    expect(unit.imports.map(({ names, from }) => [names.map((name) => name.name), from.value])).toEqual([
      [["LSTM", "GRU"], "./lstm.seq"],
    ]);
    expect(unit.declarations.map(({ kind, name }) => [kind, name.name])).toEqual([
      ["fn", "swish"],
      ["cell", "A"],
      ["layer", "B"],
      ["model", "C"],
    ]);
    expect(withoutSpans(unit.declarations[3])).toMatchObject({
      parameters: [
        { name: { name: "H" } },
        { name: { name: "N" }, default: { kind: "call" } },
        { default: size("LSTM") },
      ],
    });
  });

  it("hands doc comments to what follows them", () => {
    const { unit, diagnostics } = parseText(`
      /// A map.
      ///
      ///   indented
      layer A(H) {
        /// What comes in. // still doc
        input x: [H], y: [H]
        // plain
        //// a rule of slashes
        /// The result.
        output z = x
        use
          /// the first
          a = B(1), b = C(2)
      }
      /// Twice.
      fn twice(a) = 2 * a`);
    expect(diagnostics).toEqual([]);
    const [block, twice] = unit.declarations;
    if (block.kind !== "layer") throw new Error(block.kind);
    expect(block.doc).toBe("A map.\n\n  indented");
    expect(block.body.map((statement) => statement.doc)).toEqual([
      "What comes in. // still doc",
      "What comes in. // still doc",
      "The result.",
      "the first",
      undefined,
    ]);
    expect(twice.doc).toBe("Twice.");
  });
});
