/** @file The tuner on kernels written by hand: which it may choose, which it drops and why, and what it leaves alone. */

import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ModelCore } from "../../runtime/core.js";
import type { Manifest, Variant } from "../../runtime/manifest.js";
import { BATCH } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import { tune } from "../../runtime/tuner.js";
import type { TuningCache } from "../../runtime/tuner-cache.js";
import { variantsOf } from "../../runtime/variants.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { affine, IN, OUT } from "./manifests.js";
import { distance, randomArray } from "./support.js";

const train = present(affine.programs.train, "test", "a training program");
const last = train.dispatches.length - 1;

/** The first kernel with `body` for each of the outputs j of its row, four rows a workgroup. */
const kernel = (name: string, body: string): readonly [string, string] => [
  name,
  `
@compute @workgroup_size(4)
fn ${name}(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= plan.batch) { return; }
  for (var j = 0u; j < 2u; j++) {
    var sum = params[6u + j];
    for (var i = 0u; i < 3u; i++) { sum += params[j * 3u + i] * arena[plan.x + row * 3u + i]; }
    ${body}
  }
}`,
];
const store = "arena[plan.y + row * 2u + j] = sum;";
const kernels = Object.fromEntries([
  kernel("equal", store),
  kernel("wrong", "arena[plan.y + row * 2u + j] = 1.01 * sum;"),
  kernel("partial", `if (row + 1u < plan.batch) { ${store} }`),
  kernel("infinite", `${store} arena[plan.y] = bitcast<f32>(0x7f800000u + plan.batch - plan.batch);`),
  kernel("stray", `${store} arena[plan.t + row] = 0.0;`),
  ["refused", "const nothing = 0;"],
]);
const four: Variant["groups"] = [[{ factor: 1, lengths: [BATCH], divisor: 4 }]];
const variant = (name: string, more: Partial<Variant> = {}): Variant => ({ kernel: name, groups: four, ...more });

function withVariants(variants: readonly Variant[]): Manifest {
  const dispatches = train.dispatches.map((dispatch, at) => (at === 0 ? { ...dispatch, variants } : dispatch));
  return {
    ...affine,
    kernels: { ...affine.kernels, ...kernels },
    programs: { ...affine.programs, train: { ...train, dispatches } },
  };
}

const sizes = { [BATCH]: 7 };
let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => vi.restoreAllMocks());

describe("tune", () => {
  test("times what is equal, the default included, and takes the fastest", async () => {
    const core = await ModelCore.create(device, withVariants([variant("equal")]), 3);
    const { chosen, dispatches } = await tune(core, "train", sizes);
    const [{ dispatch, candidates, chosen: number }] = dispatches;
    expect(dispatch).toBe(0);
    const times = candidates.map((each) => ("ms" in each ? each.ms : Number.NaN));
    expect(times).toEqual([expect.any(Number), expect.any(Number)]);
    expect(times.every((ms) => ms > 0 && Number.isFinite(ms))).toBe(true);
    expect(times[number]).toBe(Math.min(...times));
    expect(chosen).toEqual([number, ...new Array(last).fill(0)]);
    core.destroy();
  });

  test("tries the kernels of equal dispatches once", async () => {
    const { programs, ...rest } = withVariants([variant("equal")]);
    const { dispatches } = programs.train ?? train;
    const twice = { ...train, dispatches: [dispatches[0], ...dispatches] };
    const core = await ModelCore.create(device, { ...rest, programs: { ...programs, train: twice } }, 3);
    const { chosen, dispatches: tuned } = await tune(core, "train", sizes);
    expect(tuned.map(({ dispatch }) => dispatch)).toEqual([0, 1]);
    expect(tuned[1].candidates).toBe(tuned[0].candidates);
    expect(chosen[1]).toBe(chosen[0]);
    core.destroy();
  });

  test.each<[string, Variant, RegExp]>([
    ["writes wrong numbers", variant("wrong"), /^differs from the default in y: by 0\.01/],
    ["leaves something out", variant("partial"), /^differs from the default in y/],
    ["writes what is not finite", variant("infinite"), /^differs from the default in y: by (Infinity|NaN)/],
    ["writes where it may not", variant("stray"), /^differs from the default in t/],
    ["the device refuses", variant("refused"), /^refused by the device: .*refused/],
    ["has too many threads", variant("refused", { threads: 2 ** 20 }), /^beyond the device's limits$/],
    ["shares too much memory", variant("refused", { workgroupBytes: 2 ** 30 }), /^beyond the device's limits$/],
  ])("drops a kernel that %s, and says so", async (_, other, reason) => {
    const core = await ModelCore.create(device, withVariants([variant("equal"), other]), 3);
    const pipelines = vi.spyOn(device, "createComputePipelineAsync");
    const { chosen, dispatches } = await tune(core, "train", sizes);
    expect(dispatches[0].candidates).toEqual([
      { variant: expect.objectContaining({ kernel: "forward" }), ms: expect.any(Number) },
      { variant: variant("equal"), ms: expect.any(Number) },
      { variant: other, dropped: expect.stringMatching(reason) },
    ]);
    expect(chosen[0]).not.toBe(2);
    const compiled = pipelines.mock.calls.map(([{ compute }]) => compute.entryPoint);
    expect(compiled.includes(other.kernel)).toBe(!reason.source.includes("beyond"));
    core.destroy();
  });

  test("changes no parameter and leaves no buffer", async () => {
    const model = await Model.create(device, withVariants([variant("equal"), variant("wrong")]));
    const core = await ModelCore.create(device, withVariants([variant("equal"), variant("wrong")]), 0);
    const alive = new Set<GPUBuffer>();
    const create = device.createBuffer.bind(device);
    vi.spyOn(device, "createBuffer").mockImplementation((descriptor) => {
      const buffer = create(descriptor);
      alive.add(buffer);
      const destroy = buffer.destroy.bind(buffer);
      buffer.destroy = () => {
        alive.delete(buffer);
        return destroy();
      };
      return buffer;
    });
    await tune(core, "train", sizes);
    expect(device.createBuffer).toHaveBeenCalled();
    expect([...alive].map(({ label }) => label)).toEqual([]);
    vi.restoreAllMocks();
    const staging = device.createBuffer({ size: 32, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(core.params, 0, staging, 0, 32);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const { W, b } = await model.parameters();
    expect([...new Float32Array(staging.getMappedRange())]).toEqual([...W, ...b]);
    staging.destroy();
    model.destroy();
    core.destroy();
  });

  test("has nothing to do where every dispatch has one kernel", async () => {
    const core = await ModelCore.create(device, affine, 0);
    expect(await tune(core, "predict", sizes)).toEqual({ chosen: [0], dispatches: [] });
    core.destroy();
  });
});

describe("the option tune", () => {
  const batch = () => ({ x: randomArray(7 * IN, 1), t: randomArray(7 * OUT, 2) });
  const recording = (found?: (key: string) => readonly number[] | undefined) => {
    const values = new Map<string, readonly number[]>();
    const cache: TuningCache = {
      get: async (key) => found?.(key) ?? values.get(key),
      set: async (key, value) => {
        values.set(key, value);
      },
    };
    return { cache, values };
  };
  const manifest = withVariants([variant("equal"), variant("wrong"), variant("refused", { threads: 2 ** 20 })]);
  /** The choice for the training program, the others being the default. */
  const choice = (number: number) => train.dispatches.map((_, at) => (at === 0 ? number : 0));
  const firstLoss = async (of: Manifest, options: { tune?: boolean; tuningCache?: TuningCache }) => {
    const model = await Model.create(device, of, { seed: 5, ...options });
    const trainer = await model.trainer({ batch: 7 });
    const { loss } = await trainer.trainStep(batch());
    const value = await loss;
    model.destroy();
    return value;
  };

  test("measures once a program and size, also where two ask at a time", async () => {
    const { cache, values } = recording();
    const set = vi.spyOn(cache, "set");
    const model = await Model.create(device, manifest, { tune: true, tuningCache: cache });
    await Promise.all([model.trainer({ batch: 7 }), model.trainer({ batch: 7 })]);
    expect(set).toHaveBeenCalledTimes(1);
    await model.trainer({ batch: 8 });
    expect(set).toHaveBeenCalledTimes(2);
    expect(values.size).toBe(2);
    model.destroy();
    const other = await Model.create(device, withVariants([variant("equal"), { ...variant("equal"), rows: 2 }]), {
      tune: true,
      tuningCache: cache,
    });
    await other.trainer({ batch: 7 });
    expect(values.size).toBe(3);
    other.destroy();
  });

  test("runs what the cache says, which here is told by its error", async () => {
    const right = await firstLoss(manifest, {});
    expect(await firstLoss(manifest, { tune: true, tuningCache: recording(() => choice(1)).cache })).toBeCloseTo(
      right,
      5,
    );
    const wrong = await firstLoss(manifest, { tune: true, tuningCache: recording(() => choice(2)).cache });
    expect(Math.abs(wrong - right)).toBeGreaterThan(1e-3 * right);
  });

  test.each<[string, readonly number[]]>([
    ["is too short", [0]],
    ["names a kernel that is not there", choice(4)],
    ["names a kernel beyond the device's limits", choice(3)],
    ["is no list of numbers", ["forward"] as unknown as readonly number[]],
  ])("measures where what the cache has %s", async (_, found) => {
    const { cache, values } = recording(() => found);
    await firstLoss(manifest, { tune: true, tuningCache: cache });
    expect([...values.values()]).toEqual([expect.toSatisfy((chosen) => chosen[0] === 0 || chosen[0] === 1)]);
  });

  test("is off unless asked for", async () => {
    const { cache, values } = recording();
    await firstLoss(manifest, { tuningCache: cache });
    expect(values.size).toBe(0);
  });
});

describe("a compiled model", () => {
  const [B, T, H] = [5, 4, 64];
  const { manifest } = compileText(
    `
    cell Gated(I, H) {
      input x: [I]
      state h: [H]
      param W: [2 * H, I] ~ uniform(-0.5, 0.5), U: [2 * H, H] ~ uniform(-0.2, 0.2)
      gate, value = split(W @ x + U @ h, 2)
      h' = sigmoid(gate) * h + (1 - sigmoid(gate)) * tanh(value)
      output h'
    }
    model M(V = 11, E = 3, H = ${H}) {
      input tokens: [T] id(V)
      target next: [T] id(V)
      use embed = Embedding(V, E), loop = Gated(E, H), head = Linear(H, V)
      logits = head(scan loop(embed(tokens)))
      output logits
      loss cross_entropy(logits, next)
    }`.replace(
      "cell Gated",
      'import { Embedding } from "std/embedding"\nimport { Linear } from "std/linear"\ncell Gated',
    ),
  );
  const program = present(manifest.programs.train, "test", "a training program");
  const ids = (seed: number) => Int32Array.from(randomArray(B * T, seed), (x) => Math.abs(Math.floor(x * 100)) % 11);

  async function losses(options: { tune?: boolean; tuningCache?: TuningCache }): Promise<number[]> {
    const model = await Model.create(device, manifest, { seed: 1, ...options });
    const trainer = await model.trainer({ batch: B, length: T, optimizer: { learningRate: 0.02 } });
    const found: Promise<number>[] = [];
    for (let step = 0; step < 8; step++) {
      found.push((await trainer.trainStep({ tokens: ids(step % 2), next: ids(10 + (step % 2)) })).loss);
    }
    const values = await Promise.all(found);
    model.destroy();
    return values;
  }

  test("trains alike with every kernel that the tuner may choose, and with those it chooses", async () => {
    const most = Math.max(...program.dispatches.map((dispatch) => variantsOf(dispatch).length));
    expect(most).toBeGreaterThan(1);
    const expected = await losses({});
    expect(expected[7]).toBeLessThan(expected[0]);
    const forced = Array.from(
      { length: most },
      (_, number): TuningCache => ({
        get: async () => program.dispatches.map((dispatch) => Math.min(number, variantsOf(dispatch).length - 1)),
        set: () => Promise.reject(new Error("a choice that was known is measured")),
      }),
    );
    let kept: readonly number[] | undefined;
    const empty: TuningCache = {
      get: async () => undefined,
      set: async (_, chosen) => {
        kept = chosen;
      },
    };
    for (const tuningCache of [...forced, empty]) {
      expect(distance(await losses({ tune: true, tuningCache }), expected)).toBeLessThan(1e-4);
    }
    expect(kept?.length).toBe(program.dispatches.length);
  });

  test("says of each kernel what it needs of the device", () => {
    const all = program.dispatches.flatMap(variantsOf);
    for (const { kernel, threads, workgroupBytes = 0 } of all) {
      const text = manifest.kernels[kernel];
      expect(text).toContain(`@compute @workgroup_size(${threads})\nfn ${kernel}(`);
      const own = [...text.matchAll(/var<workgroup> \w+: array<f32, (\d+)>/g)];
      const bytes = own.reduce((sum, [, size]) => sum + 4 * Number(size), 0);
      expect(workgroupBytes).toBeGreaterThanOrEqual(bytes);
      expect(workgroupBytes).toBeLessThan(bytes + 16 * Math.max(1, own.length));
    }
    expect(all.some(({ workgroupBytes = 0 }) => workgroupBytes > 0)).toBe(true);
  });
});
