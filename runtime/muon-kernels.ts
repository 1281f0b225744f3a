/**
 * @file The kernels of Muon [Jordan et al. 2024]: the momentum of every matrix is replaced by the nearest matrix with orthogonal rows or
 * columns, roughly, by five steps of Newton and Schulz. Matrices of all shapes share each dispatch: a table says to which
 * one a run of elements or a tile belongs.
 *
 * A matrix is worked on as X, m × n with m ≤ n, transposed if need be. A step is A = X Xᵀ, B = b A + c A A, X ← a X + B X.
 */

import { RUN_STRUCT } from "./parameter-settings.js";
import type { KernelText } from "./shader.js";
import { ENTRY, FINE, headOf, type Shape, tree, WORKGROUP } from "./update-kernels.js";

export const STEPS = 5;
/** Of which the norm is that small, a matrix is left small. */
const LEAST_NORM = "1e-7";
const COEFFICIENTS = { a: "3.4445", b: "-4.775", c: "2.0315" };

/** Results of a workgroup along both axes: four by four a thread. */
export const TILE = 32;
const DEPTH = 16;

/** `first` in the flat buffers, `x` in those of X, `a` in those of A; its runs are [firstRun, endRun). */
const MATRIX = `struct Matrix { first: u32, columns: u32, m: u32, n: u32, x: u32, a: u32, firstRun: u32, endRun: u32, scale: f32 }
/** Where an element of a matrix lies in X. */
fn placeOf(q: Matrix, i: u32) -> u32 {
  let at = i - q.first;
  if (q.columns == q.n) { return q.x + at; }
  return q.x + (at % q.columns) * q.n + at / q.columns;
}
`;
export const MATRIX_WORDS = 9;

const RUNS = "for (var r = id.x; r < arrayLength(&runs); r += groups.x)";

/** b ← μ b + (1 − μ) g; X is that, or with Nesterov μ b + (1 − μ) g once more; and the squares of X, a sum a run. */
export function directionText(
  shape: Shape,
  nesterov: boolean,
): KernelText<"step" | "gradients" | "runs" | "matrices" | "progress" | "state" | "x" | "squares"> {
  return {
    title: "Muon's momentum",
    bindings: {
      step: ["uniform", "Step"],
      gradients: ["read", "array<f32>"],
      runs: ["read", "array<Run>"],
      matrices: ["read", "array<Matrix>"],
      progress: ["read", "Progress"],
      state: ["write", "array<f32>"],
      x: ["write", "array<f32>"],
      squares: ["write", "array<f32>"],
    },
    code: `${headOf(shape)}${MATRIX}
var<workgroup> sums: array<f32, ${WORKGROUP}>;
${ENTRY}  let isFine = progress.verdict == ${FINE}.0;
  let shrink = shrinkBy(progress.norm);
  ${RUNS} {
    let run = runs[r];
    let q = matrices[run.parameter];
    var sum = 0.0;
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
      let g = shrink * gradientOf(gradients[i]);
      let b = step.momentum * state[i] + step.momentumRest * g;
      let u = ${nesterov ? "step.momentum * b + step.momentumRest * g" : "b"};
      if (isFine) { state[i] = b; }
      x[placeOf(q, i)] = u;
      sum += u * u;
    }
    sums[thread] = sum;
${tree((other) => `sums[thread] += sums${other};`, "    ")}    if (thread == 0u) { squares[r] = sums[0]; }
    workgroupBarrier();
  }
}
`,
  };
}

/** X ← X / ‖X‖. */
export function normaliseText(): KernelText<"runs" | "matrices" | "squares" | "x"> {
  return {
    title: "Muon's norm",
    bindings: {
      runs: ["read", "array<Run>"],
      matrices: ["read", "array<Matrix>"],
      squares: ["read", "array<f32>"],
      x: ["write", "array<f32>"],
    },
    code: `${RUN_STRUCT}${MATRIX}${ENTRY}  ${RUNS} {
    let run = runs[r];
    let q = matrices[run.parameter];
    var sum = 0.0;
    for (var k = q.firstRun; k < q.endRun; k += 1u) { sum += squares[k]; }
    let norm = max(sqrt(sum), ${LEAST_NORM});
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) { x[q.x + i - q.first] /= norm; }
  }
}
`,
  };
}

/** p ← p − η (λ p + √max(1, rows / columns) X). */
export function finishText(shape: Shape): KernelText<"step" | "runs" | "matrices" | "progress" | "x" | "params"> {
  return {
    title: "Muon's update",
    bindings: {
      step: ["uniform", "Step"],
      runs: ["read", "array<Run>"],
      matrices: ["read", "array<Matrix>"],
      progress: ["read", "Progress"],
      x: ["read", "array<f32>"],
      params: ["write", "array<f32>"],
    },
    code: `${headOf(shape)}${MATRIX}${ENTRY}  if (progress.verdict != ${FINE}.0) { return; }
  ${RUNS} {
    let run = runs[r];
    let q = matrices[run.parameter];
    let rate = step.learningRate * run.rate;
    for (var i = run.first + thread; i < run.end; i += ${WORKGROUP}u) {
      params[i] -= rate * (run.decay * params[i] + q.scale * x[placeOf(q, i)]);
    }
  }
}
`,
  };
}

/** What a product is of: extents by the names of a matrix's fields, places of elements of a row and a column. */
interface Product {
  readonly title: string;
  readonly columns: "m" | "n";
  readonly depth: "m" | "n";
  /** Of element (row, k) of the left, (k, column) of the right and (row, column) of the result. */
  readonly left: string;
  readonly right: string;
  readonly out: string;
  readonly result: string;
}

const square = "q.a + row * q.m";
const wide = "q.x + row * q.n";

/** A is symmetric, so a column of it is read as a row. */
export const PRODUCTS = {
  gram: {
    title: "Muon's A = X Xᵀ",
    columns: "m",
    depth: "n",
    left: `${wide} + k`,
    right: "q.x + column * q.n + k",
    out: `${square} + column`,
    result: "sum",
  },
  polynomial: {
    title: "Muon's B = b A + c A A",
    columns: "m",
    depth: "m",
    left: `${square} + k`,
    right: "q.a + column * q.m + k",
    out: `${square} + column`,
    result: `${COEFFICIENTS.b} * left[${square} + column] + ${COEFFICIENTS.c} * sum`,
  },
  apply: {
    title: "Muon's X = a X + B X",
    columns: "n",
    depth: "m",
    left: `${square} + k`,
    right: "q.x + k * q.n + column",
    out: `${wide} + column`,
    result: `${COEFFICIENTS.a} * right[${wide} + column] + sum`,
  },
} as const satisfies Readonly<Record<string, Product>>;

/** A product of each matrix, a tile a workgroup. Beyond the ends there are zeros. */
export function productText({
  title,
  columns,
  depth,
  left,
  right,
  out,
  result,
}: Product): KernelText<"matrices" | "tiles" | "left" | "right" | "out"> {
  const four = [0, 1, 2, 3];
  const vector = (memory: string, thread: string) =>
    `vec4f(${four.map((i) => `${memory}[k * ${TILE}u + 4u * ${thread} + ${i}u]`).join(", ")})`;
  return {
    title,
    bindings: {
      matrices: ["read", "array<Matrix>"],
      tiles: ["read", "array<Tile>"],
      left: ["read", "array<f32>"],
      right: ["read", "array<f32>"],
      out: ["write", "array<f32>"],
    },
    code: `${MATRIX}struct Tile { matrix: u32, row: u32, column: u32 }
var<workgroup> lefts: array<f32, ${DEPTH * TILE}>;
var<workgroup> rights: array<f32, ${DEPTH * TILE}>;
${ENTRY}  let down = thread / 8u;
  let along = thread % 8u;
  for (var t = id.x; t < arrayLength(&tiles); t += groups.x) {
    let tile = tiles[t];
    let q = matrices[tile.matrix];
    var sums: array<vec4f, 4>;
    for (var first = 0u; first < q.${depth}; first += ${DEPTH}u) {
      for (var e = thread; e < ${DEPTH * TILE}u; e += ${WORKGROUP}u) {
        {
          let k = first + e % ${DEPTH}u;
          let row = tile.row + e / ${DEPTH}u;
          var value = 0.0;
          if (k < q.${depth} && row < q.m) { value = left[${left}]; }
          lefts[e % ${DEPTH}u * ${TILE}u + e / ${DEPTH}u] = value;
        }
        {
          let k = first + e / ${TILE}u;
          let column = tile.column + e % ${TILE}u;
          var value = 0.0;
          if (k < q.${depth} && column < q.${columns}) { value = right[${right}]; }
          rights[e] = value;
        }
      }
      workgroupBarrier();
      for (var k = 0u; k < ${DEPTH}u; k += 1u) {
        let a = ${vector("lefts", "down")};
        let b = ${vector("rights", "along")};
${four.map((i) => `        sums[${i}] += a[${i}] * b;\n`).join("")}      }
      workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i += 1u) {
      let row = tile.row + 4u * down + i;
      for (var j = 0u; j < 4u; j += 1u) {
        let column = tile.column + 4u * along + j;
        if (row < q.m && column < q.${columns}) {
          let sum = sums[i][j];
          out[${out}] = ${result};
        }
      }
    }
  }
}
`,
  };
}
