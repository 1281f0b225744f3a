/** @file The class of every loop of the library, and of loops written for one property each. */

import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/types.js";
import { present } from "../../src/support/assert.js";
import { moduleOf } from "../lower/support.js";
import { compileText } from "../support/compiled.js";
import { libraryModel, type Scan, scansOf } from "./recurrence-support.js";

/** `h, c: coupled`, the states by their own names; a state of the derivative is called `_`. */
function described({ instr, recurrence }: Scan): string {
  const name = (state: number) => instr.results[state].hint?.split(".").at(-1) ?? "_";
  const matrix = (group: Scan["recurrence"]["groups"][number]) => {
    const { matrix: known } = group.proof;
    if (known === undefined) return group.class === "linear-block" ? ` ${group.proof.width}` : "";
    return ` ${known.kind === "low-rank" ? `low-rank ${known.rank}` : known.kind}`;
  };
  const groups = recurrence.groups.map(
    (group) => `${group.states.map(name).join(", ")}: ${group.class}${matrix(group)}`,
  );
  return groups.filter((text, i) => text !== groups[i - 1]).join("; ");
}

const classes = (graph: Graph | undefined) => scansOf(present(graph, "test", "the graph")).map(described);

const around = (cell: string, file: string) => `import { ${cell} } from "std/${file}"
model M(H = 5) {
  input x: [T, 3]
  target y: [T, H]
  use it = ${cell}(3, H)
  ys = scan it(x)
  loss mse(ys, y)
}`;

const DENSE = "_: linear-dense varying";
const SUMS = "_: linear-diagonal";
const GATED = { forward: "h, c: coupled", adjoint: "_, _: linear-dense varying" };
const DIAGONAL = { forward: "h: linear-diagonal", adjoint: SUMS };

/** By the files of `specs/cells`. What sums gradients over the steps is diagonal too. */
const cells: Readonly<Record<string, { readonly forward: string; readonly adjoint: string }>> = {
  "bahdanau-decoder": { forward: "s: coupled", adjoint: `${DENSE}; ${SUMS}` },
  "gated-linear-attention": { forward: "S: linear-diagonal", adjoint: SUMS },
  gru: { forward: "h: coupled", adjoint: DENSE },
  "gru-concat": { forward: "h: coupled", adjoint: `${DENSE}; ${SUMS}` },
  indrnn: { forward: "h: pointwise", adjoint: SUMS },
  lru: { forward: "re, im: linear-block 2", adjoint: `_, _: linear-block 2; ${SUMS}` },
  lstm: GATED,
  "lstm-concat": { ...GATED, adjoint: `${GATED.adjoint}; ${SUMS}` },
  "lstm-peephole": { ...GATED, adjoint: `${GATED.adjoint}; ${SUMS}` },
  mgu: { forward: "h: coupled", adjoint: `${DENSE}; ${SUMS}` },
  "min-gru": DIAGONAL,
  "min-lstm": DIAGONAL,
  mlstm: { forward: "m: pointwise; C: linear-diagonal; n: linear-diagonal", adjoint: SUMS },
  rnn: { forward: "h: coupled", adjoint: DENSE },
  s4d: { forward: "re, im: linear-block 2", adjoint: `_, _: linear-block 2; ${SUMS}` },
  "selective-ssm": DIAGONAL,
  "selective-ssm-scalar": DIAGONAL,
  "simple-rnn": { forward: "h: coupled", adjoint: DENSE },
  slstm: { forward: "c, n, m, h: coupled", adjoint: "_, _, _, _: linear-dense varying" },
  ssd: DIAGONAL,
};

const written: Readonly<Record<string, string>> = {
  gru: around("GRU", "gru"),
  lstm: around("LSTM", "lstm"),
  rnn: around("RNN", "rnn"),
};

describe("the cells of the library", () => {
  it("are all here", () => {
    const files = readdirSync(new URL("../../specs/cells/", import.meta.url)).map((file) => file.replace(".seq", ""));
    expect(Object.keys(cells)).toEqual(files.sort());
  });

  it.each(Object.entries(cells))("%s", (name, { forward, adjoint }) => {
    const { module } = written[name] === undefined ? libraryModel(name) : compileText(written[name]);
    expect(classes(module.graphs.forward)).toEqual([forward]);
    expect(classes(module.graphs.train)).toEqual([forward, adjoint]);
  });
});

/** The classes of one cell as it is lowered, before any pass, along x [T, 5] and the mask m [T]. */
function classOf(body: string): string {
  const text = `cell C(N = 5) {\n  input x: [5], m: f32\n${body}\n}
  model M() {\n  input x: [T, 5], m: [T]\n  use c = C()\n  ys = scan c(x, m)\n  output ys\n}`;
  const [only] = classes(moduleOf(text).graphs.forward);
  return only;
}

describe("what states do to each other", () => {
  it.each<[string, string, string]>([
    ["nothing", "state h: [5]\n  h' = x\n  output h", "h: delay"],
    ["a chain of delays", "state g: [5], h: [5]\n  g' = h\n  h' = x * m\n  output g", "h: delay; g: delay"],
    [
      "a line of the last steps",
      "state h: [N]\n  h'[i] = (h[i - 1] else 0) + where(i == 0, m, 0)\n  output h",
      "h: delay",
    ],
    [
      "a line that keeps a part",
      "state h: [N]\n  h'[i] = (h[i - 1] else 0) + 0.5 * h[i]\n  output h",
      "h: linear-dense constant",
    ],
    ["a choice that the input makes", "state h: [N]\n  h' = where(m > 0, h, x)\n  output h", "h: linear-diagonal"],
    ["a choice that the state makes", "state h: [N]\n  h' = where(h > 0, h, x)\n  output h", "h: pointwise"],
    ["a quotient", "state h: [N]\n  h' = h / (1 + x * x)\n  output h", "h: linear-diagonal"],
    ["a quotient by the state", "state h: [N]\n  h' = x / (1 + h * h)\n  output h", "h: pointwise"],
    [
      "a filter of two poles",
      "state y: [N], z: [N]\n  y' = 1.2 * y - 0.5 * z + x\n  z' = y\n  output y",
      "y, z: linear-block 2",
    ],
    [
      "pairs along an axis",
      "state h: [N, 2]\n  param R: [2, 2] ~ normal\n  h'[n, i] = sum[j](R[i, j] * h[n, j]) + x[n]\n  output h",
      "h: linear-block 2",
    ],
    [
      "more than a block",
      "state a: [N], b: [N], c: [N], d: [N], e: [N]\n  a' = b\n  b' = c\n  c' = d\n  d' = e\n  e' = a + x\n  output a",
      "a, b, c, d, e: pointwise",
    ],
    ["a matrix", "state h: [N]\n  param A: [N, N] ~ normal\n  h' = A @ h + x\n  output h", "h: linear-dense constant"],
    [
      "a matrix times the input",
      "state h: [N]\n  param A: [N, N] ~ normal\n  h' = m * (A @ h) + x\n  output h",
      "h: linear-dense varying",
    ],
    [
      "the delta rule",
      "state S: [N, 6]\n  S'[i, j] = S[i, j] - m * x[i] * sum[l](x[l] * S[l, j]) + x[i]\n  output S",
      "S: linear-dense low-rank 1",
    ],
    [
      "a product of narrow matrices",
      "state h: [N]\n  param U: [N, 2] ~ normal, V: [2, N] ~ normal\n  h' = x * h + U @ (V @ h)\n  output h",
      "h: linear-dense low-rank 2",
    ],
    [
      "a mean of all",
      "state h: [N]\n  total = sum(h)\n  h'[i] = x[i] * h[i] + total\n  output h",
      "h: linear-dense low-rank 1",
    ],
    ["the transpose", "state S: [N, N]\n  S'[i, j] = S[j, i] + x[i]\n  output S", "S: linear-dense constant"],
    ["a maximum over all", "state h: [N]\n  top = max[i](h[i])\n  h'[i] = x[i] * top\n  output h", "h: coupled"],
    [
      "what a state before it gives",
      "state g: [N], h: [N]\n  g' = tanh(g + x)\n  h' = g' * h + g * x\n  output h",
      "g: pointwise; h: linear-diagonal",
    ],
  ])("%s", (_, body, expected) => {
    expect(classOf(body)).toBe(expected);
  });

  it("keeps the axes along which a coupled state is pointwise", () => {
    const text = `cell C(D = 4, N = 3) {
      input x: [D]
      state h: [D, N], g: [D]
      g'[d] = tanh(sum[n](h[d, n] * h[d, n]) + x[d])
      h'[d, n] = g[d] * h[d, n] + x[d]
      output g
    }
    model M() {
      input x: [T, 4]
      use c = C()
      ys = scan c(x)
      output ys
    }`;
    const [{ recurrence }] = scansOf(present(moduleOf(text).graphs.forward, "test", "the graph"));
    expect(recurrence.groups.map(({ class: kind, channelAxes }) => [kind, channelAxes])).toEqual([
      [
        "coupled",
        [
          [0, 1],
          [0, 1],
        ],
      ],
    ]);
  });
});
