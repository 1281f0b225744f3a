/** @file A graph compiled to kernels and run on a given device, without a model around. */

import { planArena } from "../../runtime/arena.js";
import { Kernels } from "../../runtime/kernels.js";
import type { Manifest, Program } from "../../runtime/manifest.js";
import { Execution } from "../../runtime/program.js";
import { variantsOf } from "../../runtime/variants.js";
import { KernelStore } from "../../src/codegen/kernel-store.js";
import { buildProgram } from "../../src/codegen/program.js";
import type { NdArray } from "../../src/ir/ndarray.js";
import { ndarray } from "../../src/ir/ndarray.js";
import { type Graph, LOSS_SCALE, type Precision, SEED, STEP } from "../../src/ir/types.js";

type Texts = Pick<Manifest, "name" | "precision" | "wgsl" | "kernels">;

/** What is stored of a graph compiled for f16: what the device has, or f16's numbers on any device. */
export type Stored = Precision | "rounded to f16";

/** WGSL rounds to f16 without the feature too. Not by `quantizeToF16`: it may cut digits off, and numbers below the normal. */
export const roundedToF16 = <M extends Pick<Manifest, "wgsl">>(manifest: M): M => ({
  ...manifest,
  wgsl: manifest.wgsl.replace(
    "half(clamp(x, -65504.0, 65504.0))",
    "half(unpack2x16float(pack2x16float(vec2(clamp(x, -65504.0, 65504.0), 0.0))).x)",
  ),
});

const NO_PARAMETERS = { offsets: new Map<string, number>(), decayed: 0, trainable: 0, total: 0 };

/** A graph whose arguments are all uploaded and whose results all have slots of their own, whatever they are. */
function standalone(graph: Graph): Graph {
  return {
    args: graph.args.map((arg) => ({ ...arg, kind: "input" })),
    instrs: graph.instrs,
    results: graph.results.map(({ kind, name, value }) => ({ kind: "output", name: `${kind}:${name}`, value })),
  };
}

/** A graph's program, and the kernels that it names. @param wide as `buildProgram` has it. */
export function compileGraph(
  graph: Graph,
  stored: Stored = "f32",
  wide?: number,
): { readonly program: Program; readonly kernels: Texts } {
  const store = new KernelStore();
  const precision = stored === "f32" ? "f32" : "f16";
  const program = buildProgram(standalone(graph), NO_PARAMETERS, store, precision, wide);
  const kernels: Texts = { name: "a test graph", ...(precision === "f16" && { precision }), ...store.texts() };
  return { program, kernels: stored === "rounded to f16" ? roundedToF16(kernels) : kernels };
}

/**
 * Runs a graph on the device. Memory is poisoned before, so that an element nobody writes is seen.
 * @param variant the number of the kernel that does each dispatch, or of its last; absent: as the runtime chooses.
 * @returns the results by `<kind>:<name>`, as `evaluateGraph` does.
 */
export async function executeGraph(
  device: GPUDevice,
  graph: Graph,
  args: Readonly<Record<string, NdArray>>,
  sizes: Readonly<Record<string, number>>,
  variant?: number,
  stored?: Stored,
  wide?: number,
): Promise<Record<string, NdArray>> {
  const { program, kernels } = compileGraph(graph, stored, wide);
  const compiled = { title: "a test graph", program, kernels: new Kernels(device, kernels) };
  const params = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
  const forced =
    variant === undefined ? undefined : program.dispatches.map((d) => Math.min(variant, variantsOf(d).length - 1));
  const execution = await Execution.create(compiled, sizes, params, [], forced);
  execution.setDraws(sizes[SEED] ?? 0, sizes[STEP] ?? 0);
  execution.setLength(LOSS_SCALE, sizes[LOSS_SCALE] ?? 0);
  const elements = planArena(program.slots, execution.sizes).size;
  device.queue.writeBuffer(
    execution.arena,
    0,
    new Float32Array(Math.min(elements, execution.arena.size / 4)).fill(1e30),
  );
  const { halves } = execution;
  if (halves) device.queue.writeBuffer(halves, 0, new Float32Array(halves.size / 4).fill(1e30));
  for (const [name, slot] of Object.entries(program.inputs)) {
    const { data } = args[name];
    if (data.length > 0) execution.upload(slot, Float32Array.from(data));
  }
  const readback = device.createBuffer({
    size: execution.arena.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  execution.encode(encoder);
  encoder.copyBufferToBuffer(execution.arena, 0, readback, 0, execution.arena.size);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  const memory = new Float32Array(readback.getMappedRange()).slice();
  for (const buffer of [readback, params]) buffer.destroy();
  execution.destroy();
  return Object.fromEntries(
    graph.results.map(({ kind, name, value }) => {
      const key = `${kind}:${name}`;
      const shape = value.type.shape.map((d) => (typeof d === "number" ? d : sizes[d]));
      const slot = program.outputs[key];
      const start = execution.offsetOf(slot);
      const count = shape.reduce((n, d) => n * d, 1);
      return [key, ndarray(shape, memory.subarray(start, start + count))];
    }),
  );
}
