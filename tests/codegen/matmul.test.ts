/** @file Tiled products of awkward shapes against the f64 interpreter, on the device. */

import { describe, expect, test } from "vitest";
import { chooseVariants, isHopeless, variantsOf } from "../../runtime/variants.js";
import { schedule } from "../../src/codegen/schedule.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { BATCH, type Dim, type Graph } from "../../src/ir/types.js";
import { GraphWriter } from "../passes/cells.js";
import { distance, randomArgs } from "../passes/support.js";
import { compileGraph } from "../support/execute.js";
import { runOnDevice } from "../support/ladder.js";

const TOLERANCE = 1e-5;

interface Product {
  readonly lhs: string;
  readonly rhs: string;
  readonly out: string;
  /** The extent of each label. */
  readonly dims: Readonly<Record<string, Dim>>;
}

/** One product, its result made twice as large behind it. */
function productOf({ lhs, rhs, out, dims }: Product): Graph {
  const writer = new GraphWriter();
  const shape = (labels: string) => [...labels].map((label) => dims[label]);
  const [a, b] = [writer.arg("input", "a", shape(lhs)), writer.arg("input", "b", shape(rhs))];
  const c = writer.b.contract(a, b, lhs, rhs, out);
  writer.result("output", "c", writer.b.binary("add", c, c));
  return writer.graph();
}

async function compare(graph: Graph, lengths: Readonly<Record<string, number>>, seed: number): Promise<void> {
  const args = randomArgs(graph, seed, lengths);
  const want = evaluateGraph(graph, args, lengths)["output:c"];
  const [{ variants = [] }] = compileGraph(graph).program.dispatches;
  for (const variant of [0, ...variants.map((_, i) => i + 1)]) {
    const got = (await runOnDevice(graph, args, lengths, variant))["output:c"];
    expect(got.shape).toEqual(want.shape);
    expect(distance(got.data, want.data), `variant ${variant}`).toBeLessThan(TOLERANCE);
  }
}

/** Rows, terms, columns. */
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 37, 1],
  [7, 8, 13],
  [64, 16, 64],
  [65, 9, 33],
  [66, 17, 129],
  [31, 24, 2],
  [128, 100, 17],
];

describe.each(sizes)("%i rows, %i terms, %i columns", (m, k, n) => {
  const dims = { m, k, n };
  test.each([
    { lhs: "mk", rhs: "kn", out: "mn", dims },
    { lhs: "km", rhs: "kn", out: "nm", dims },
    { lhs: "mk", rhs: "nk", out: "mn", dims },
  ])("$lhs · $rhs → $out", (product) => compare(productOf(product), { [BATCH]: 1 }, m + n));
});

/** Batch and steps. */
const runs: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 63],
  [3, 1],
  [2, 2],
  [5, 43],
  [4, 129],
  [16, 100],
];

describe.each(runs)("batch %i, T %i", (batch, length) => {
  const lengths = { [BATCH]: batch, T: length };
  test.each<Product>([
    { lhs: "btm", rhs: "mn", out: "btn", dims: { b: BATCH, t: "T", m: 19, n: 37 } },
    { lhs: "btm", rhs: "nm", out: "btn", dims: { b: BATCH, t: "T", m: 9, n: 257 } },
    { lhs: "btm", rhs: "mn", out: "btn", dims: { b: BATCH, t: "T", m: 64, n: 1 } },
    { lhs: "btm", rhs: "nm", out: "nbt", dims: { b: BATCH, t: "T", m: 8, n: 131 } },
    { lhs: "btm", rhs: "bsm", out: "bts", dims: { b: BATCH, t: "T", s: "T", m: 5 } },
    { lhs: "btm", rhs: "btn", out: "mn", dims: { b: BATCH, t: "T", m: 65, n: 7 } },
    { lhs: "btm", rhs: "btn", out: "nm", dims: { b: BATCH, t: "T", m: 1, n: 33 } },
    { lhs: "bthm", rhs: "bthn", out: "hmn", dims: { b: BATCH, t: "T", h: 3, m: 18, n: 5 } },
    { lhs: "btm", rhs: "btn", out: "bmn", dims: { b: BATCH, t: "T", m: 9, n: 4 } },
    { lhs: "bm", rhs: "bn", out: "mn", dims: { b: BATCH, m: 130, n: 130 } },
  ])("$lhs · $rhs → $out", (product) => compare(productOf(product), lengths, batch + length));
});

test("a product alone and products alongside each other have two kernels, and two for few rows", () => {
  const writer = new GraphWriter();
  for (const [name, size] of Object.entries({ a: 5, b: 70 })) {
    const [x, w] = [writer.input(`x${name}`, ["T", 9]), writer.arg("param", `w${name}`, [size, 9])];
    writer.result("output", name, writer.b.contract(x, w, "btk", "nk", "btn"));
    const [{ variants }] = compileGraph(writer.graph()).program.dispatches;
    expect(variants).toMatchObject([
      { quads: true, threads: 32 },
      { quads: true, threads: 32 },
      { threads: 256, workgroupBytes: 4096 },
    ]);
  }
});

/** An adapter as far as the choice of a kernel asks. */
function adapter(isFallbackAdapter: boolean): GPUDevice {
  const limits = {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16384,
    maxStorageBufferBindingSize: 2 ** 30,
    maxBufferSize: 2 ** 30,
  };
  const adapterInfo = { vendor: "", architecture: "", device: "", description: "", isFallbackAdapter };
  return { adapterInfo, limits, features: new Set(["subgroups"]) } as unknown as GPUDevice;
}

describe.each([
  ["a software adapter", true, "_few", "_registers"],
  ["a GPU", false, "_dots", "matmul_0"],
])("on %s", (_, software, few, many) => {
  const weights = { b: BATCH, t: "T", m: 64, n: 512 };
  const { program } = compileGraph(productOf({ lhs: "btm", rhs: "nm", out: "btn", dims: weights }));
  const [dispatch] = program.dispatches;
  const device = adapter(software);
  const chosen = (sizes: Readonly<Record<string, number>>) =>
    variantsOf(dispatch)[chooseVariants(program, sizes, device)[0]];

  test.each([
    [1, 1, few],
    [4, 1, few],
    [1, 4, few],
    [16, 32, many],
    [64, 1024, many],
  ])("batch %i, T %i: the kernel for as many rows", (batch, T, end) => {
    expect(chosen({ [BATCH]: batch, T }).kernel).toMatch(new RegExp(`${end}$`));
  });

  test("what the model finds far slower need not be tried, the best is", () => {
    const hopeless = (sizes: Readonly<Record<string, number>>) =>
      variantsOf(dispatch).filter((variant) => isHopeless(variant, dispatch, sizes, device));
    expect(hopeless({ [BATCH]: 64, T: 1024 }).map(({ kernel }) => kernel)).toEqual(software ? ["matmul_0_dots"] : []);
    const best = chosen({ [BATCH]: 1, T: 1 });
    expect(hopeless({ [BATCH]: 1, T: 1 })).not.toContain(best);
  });
});

/** Values that a graph's groups store, as lists of shapes. */
const shapesOf = (product: Product) =>
  schedule(productOf(product)).groups.map(({ kind, roots }) => [
    kind,
    ...roots.map(({ type }) => type.shape.join("·")),
  ]);

describe("a sum over steps", () => {
  const dims = { b: BATCH, t: "T", m: 65, n: 7, p: 512, q: 512 };
  const shaped = (out: string, lhs = "btm", rhs = "btn") => shapesOf({ lhs, rhs, out, dims });

  test("of a small result is divided, and what follows joins the sum of the parts", () => {
    expect(shaped("mn")).toEqual([
      ["matmul", "3·65·7"],
      ["map", "65·7", "65·7"],
    ]);
  });

  test("of a result of many tiles is not", () => {
    expect(shaped("pq", "btp", "btq")).toEqual([["matmul", "512·512", "512·512"]]);
  });

  test("of a result for each example is not", () => {
    expect(shaped("bmn")).toEqual([["matmul", `${BATCH}·65·7`, `${BATCH}·65·7`]]);
  });

  test("over examples alone is not", () => {
    expect(shaped("mn", "bm", "bn")).toEqual([["matmul", "65·7", "65·7"]]);
  });
});

test("kernels alongside each other have one workgroup memory", () => {
  const writer = new GraphWriter();
  for (let i = 0; i < 6; i++) {
    const a = writer.input(`a${i}`, ["T", 512]);
    const b = writer.arg("param", `b${i}`, [512, 512]);
    writer.result("output", `c${i}`, writer.b.contract(a, b, "btm", "mn", "btn"));
  }
  const { program, kernels } = compileGraph(writer.graph());
  expect(program.dispatches).toHaveLength(1);
  const bytes = [
    ...Object.values(kernels.kernels)
      .join("")
      .matchAll(/var<workgroup> \w+: array<f32, (\d+)>/g),
  ].map(([, size]) => 4 * Number(size));
  expect(bytes.length).toBeGreaterThan(0);
  // What every adapter has.
  expect(bytes.reduce((a, b) => a + b)).toBeLessThanOrEqual(16384);
});
