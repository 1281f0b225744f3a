/** @file What a stream keeps: saved and restored to the same bits, reset row by row, untouched by errors, in constant memory. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { liveObjects } from "../../runtime/live-objects.js";
import { Model } from "../../runtime/model.js";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.js";
import type { Stream } from "../../runtime/stream.js";
import { compile } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { randomArray } from "../runtime/support.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { speaker } from "./speakers.js";

const B = 3;
type AnyStream = Stream<object, Readonly<Record<string, Float32Array>>>;

/** A loop with a learned start, a convolution and a source that came before. */
const GIVEN = `
  cell Gated(D) {
    input x: [D]
    param first: [D] ~ normal
    state h: [D] = first
    param W: [D, D] ~ orthogonal
    h' = tanh(W @ h + x)
    output h'
  }
  model Given(D = 4, K = 3) {
    input x: [T, D], code: [D]
    param W: [K, D] ~ normal, first: [D] ~ normal
    use one = Gated(D)
    c[t, d] = sum[k](W[k, d] * x[t - k, d] else 0) + tanh(code[d])
    h = scan one(c)
    y[t, d] = h[t, d] * code[d]
    output y
    loss sum(y)
  }`;

const code = (seed: number) => ({ code: randomArray(B * 4, seed) });
const x = (seed: number) => ({ x: randomArray(B * 4, seed) });
const tokens = (seed: number) => ({
  tokens: Int32Array.from(randomArray(B, seed), (value) => Math.abs(value * 7) % 13),
});
const token = (seed: number) => ({ token: Int32Array.from(randomArray(B, seed), (value) => Math.abs(value * 7) % 7) });

let charLm: Model;
let attending: Model;
let given: Model;
beforeAll(async () => {
  [charLm, attending] = [await speaker("CharLM"), await speaker("Attending")];
  given = await Model.create(await testDevice(), compileText(GIVEN).manifest);
});
afterAll(() => {
  for (const model of [charLm, attending, given]) model.destroy();
});

/** The outputs of some steps. */
async function stepped(stream: AnyStream, inputs: (seed: number) => object, seeds: readonly number[]) {
  const outputs: number[][] = [];
  for (const seed of seeds)
    outputs.push(Object.values(await stream.step(inputs(seed))).flatMap((values) => [...values]));
  return outputs;
}

const count = (from: number, end: number) => Array.from({ length: end - from }, (_, at) => from + at);

/** A row of the outputs of steps. */
const rowOf = (outputs: readonly number[][], row: number) =>
  outputs.map((values) => values.slice((row * values.length) / B, ((row + 1) * values.length) / B));

const KINDS = [
  { kind: "a recurrence", open: () => charLm.stream({ batch: B }), inputs: tokens, total: 9 },
  { kind: "caches that grow", open: () => attending.stream({ batch: B }), inputs: token, total: 70 },
  { kind: "a given code", open: (seed = 1) => given.stream({ batch: B, inputs: code(seed) }), inputs: x, total: 9 },
];

describe.each(KINDS)("$kind", ({ open, inputs, total }) => {
  test.each([0, 1, 4, total - 3])("restored after %i steps, goes on to the same bits", async (saved) => {
    const stream = await open();
    await stepped(stream, inputs, count(0, saved));
    const bytes = await stream.save();
    const rest = await stepped(stream, inputs, count(saved, total));
    // Of another state, and for caches of another size.
    const other = await open(2);
    await stepped(other, inputs, count(50, 53));
    for (const target of [other, stream]) {
      await target.restore(bytes);
      expect(target.past).toBe(saved);
      expect(await stepped(target, inputs, count(saved, total))).toEqual(rest);
    }
    expect(decodeSafetensors(bytes).metadata.get("past")).toBe(String(saved));
    stream.destroy();
    other.destroy();
  });
});

describe("what does not fit is refused, and nothing changes", () => {
  const edited = (bytes: Uint8Array, edit: (tensors: Map<string, never>, metadata: Map<string, string>) => void) => {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const copies = [new Map(tensors) as Map<string, never>, new Map(metadata)] as const;
    edit(...copies);
    return encodeSafetensors({ tensors: copies[0], metadata: copies[1] });
  };

  test("all that differs is named", async () => {
    const stream = await charLm.stream({ batch: B });
    await stepped(stream, tokens, [1, 2]);
    const bytes = await stream.save();
    const expected = await stepped(stream, tokens, [3, 4]);
    const [first, second] = [...decodeSafetensors(bytes).tensors.keys()];
    const wrong = edited(bytes, (tensors, metadata) => {
      tensors.set("more", { shape: [1], values: Float32Array.of(1) } as never);
      tensors.set(first, { shape: [2], values: Float32Array.of(1, 2) } as never);
      tensors.delete(second);
      metadata.set("past", "-1");
      metadata.set("spec", "another");
      metadata.set("model", "Other");
      metadata.set("born", "[0]");
    });
    await stream.restore(bytes);
    for (const part of [
      "the file does not fit this stream of CharLM",
      "it is of the model Other",
      "it is of another spec",
      "its number of steps is none",
      "it has 1 rows and the stream's batch is 3",
      `\`${first}\` has the shape [2] and needs [3, 6]`,
      `\`${second}\` is missing`,
      "`more` is unknown",
    ]) {
      await expect(stream.restore(wrong)).rejects.toThrow(part);
    }
    expect(await stepped(stream, tokens, [3, 4])).toEqual(expected);
    stream.destroy();
  });

  test("another batch, and what is no stream's file", async () => {
    const stream = await charLm.stream({ batch: B });
    const one = await charLm.stream({ batch: 1 });
    await expect(one.restore(await stream.save())).rejects.toThrow("it has 3 rows and the stream's batch is 1");
    await expect(one.restore(await charLm.save())).rejects.toThrow("the file holds no stream");
    await expect(one.restore(new Uint8Array(4))).rejects.toThrow("no valid safetensors file");
    stream.destroy();
    one.destroy();
  });
});

describe("rows begin anew one by one", () => {
  test.each([KINDS[0], KINDS[2]])(
    "as in a fresh stream, the others as if nothing were: $kind",
    async ({ open, inputs }) => {
      const [stream, whole, fresh] = [await open(), await open(), await open()];
      const seeds = count(3, 8);
      await stepped(stream, inputs, count(0, 3));
      await stream.reset([1]);
      const mixed = await stepped(stream, inputs, seeds);
      const uninterrupted = (await stepped(whole, inputs, count(0, 8))).slice(3);
      const begun = await stepped(fresh, inputs, seeds);
      for (const row of [0, 2]) expect(rowOf(mixed, row)).toEqual(rowOf(uninterrupted, row));
      expect(rowOf(mixed, 1)).toEqual(rowOf(begun, 1));
      expect(rowOf(begun, 1)).not.toEqual(rowOf(uninterrupted, 1));
      for (const each of [stream, whole, fresh]) each.destroy();
    },
  );

  test("from other inputs, of which only theirs are taken", async () => {
    const open = (seed: number) => given.stream({ batch: B, inputs: code(seed) });
    const [stream, whole, fresh] = [await open(1), await open(1), await open(2)];
    await stepped(stream, x, count(0, 4));
    await stream.reset([2, 0], code(2));
    const mixed = await stepped(stream, x, count(4, 7));
    const uninterrupted = (await stepped(whole, x, count(0, 7))).slice(4);
    const begun = await stepped(fresh, x, count(4, 7));
    expect(rowOf(mixed, 1)).toEqual(rowOf(uninterrupted, 1));
    for (const row of [0, 2]) expect(rowOf(mixed, row)).toEqual(rowOf(begun, row));
    // A later reset of all still knows whose input is whose.
    await stream.reset();
    const again = await stepped(stream, x, count(4, 7));
    for (const row of [0, 2]) expect(rowOf(again, row)).toEqual(rowOf(begun, row));
    await whole.reset();
    expect(rowOf(again, 1)).toEqual(rowOf(await stepped(whole, x, count(4, 7)), 1));
    for (const each of [stream, whole, fresh]) each.destroy();
  });

  test("what they generate is drawn as in a fresh stream, also after a save", async () => {
    const prompt = Int32Array.of(3, 7);
    const [stream, fresh] = [await charLm.stream({ batch: B }), await charLm.stream({ batch: B })];
    await stream.generate({ steps: 11, prompt });
    await stream.reset([1]);
    const other = await charLm.stream({ batch: B });
    await other.restore(await stream.save());
    const wanted = await fresh.generate({ steps: 20, prompt, seed: 5 });
    for (const each of [stream, other]) {
      const ids = await each.generate({ steps: 20, prompt, seed: 5 });
      expect(ids.subarray(20, 40)).toEqual(wanted.subarray(20, 40));
      expect(ids.subarray(0, 20)).not.toEqual(wanted.subarray(0, 20));
    }
    for (const each of [stream, fresh, other]) each.destroy();
  });

  test("where what is kept is not apart for each row, not, and why", async () => {
    const streamOf = async (body: string) => {
      const model = await Model.create(await testDevice(), compileText(body).manifest);
      return { model, stream: await model.stream({ batch: B }) };
    };
    const cached = await attending.stream({ batch: B });
    await expect(cached.reset([0])).rejects.toThrow(
      "a stream of Attending cannot reset single rows: it keeps a cache of all steps so far, which is equally long for all",
    );
    cached.destroy();
    const placed = await streamOf("model M { input x: [T]  y[t] = cos(t) * x[t]  output y  loss sum(y) }");
    await expect(placed.stream.reset([0])).rejects.toThrow("it reads the number of steps since the start");
    placed.model.destroy();
  });

  test.each([[3], [-1], [0.5]])("there is no row %d", async (row) => {
    const stream = await charLm.stream({ batch: B });
    await expect(stream.reset([0, row])).rejects.toThrow(`there is no row ${row}: the stream has rows 0 to 2`);
    stream.destroy();
  });
});

test("a step that fails leaves the states as they were", async () => {
  const expected = await stepped(await charLm.stream({ batch: B }), tokens, count(0, 6));
  const stream = await charLm.stream({ batch: B });
  expect(await stepped(stream, tokens, count(0, 3))).toEqual(expected.slice(0, 3));
  const device = await testDevice();
  const steps =
    Math.ceil(Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize) / B / 13 / 4) + 1;
  const long = new Uint8Array(B * steps);
  await expect(stream.step({ tokens: long })).rejects.toThrow("this device allows");
  await expect(stream.step({ tokens: Int32Array.of(1, 2, 13) })).rejects.toThrow("values go from 0 to 12");
  const create = vi.spyOn(device, "createBuffer").mockImplementationOnce(() => {
    throw new Error("no memory");
  });
  await expect(stream.step({ tokens: Int32Array.from({ length: 4 * B }, () => 1) })).rejects.toThrow("no memory");
  create.mockRestore();
  expect(await stepped(stream, tokens, count(3, 6))).toEqual(expected.slice(3));
  stream.destroy();
});

test("after a step that the device refused the states are lost, until a reset or a restore", async () => {
  const stream = await charLm.stream({ batch: B });
  const expected = await stepped(stream, tokens, count(0, 3));
  const saved = await stream.save();
  const after = await stepped(stream, tokens, count(3, 5));
  const device = await testDevice();
  for (const mend of [() => stream.reset(), () => stream.restore(saved)]) {
    await stepped(stream, tokens, [8]);
    const pop = vi.spyOn(device, "popErrorScope").mockResolvedValueOnce({ message: "not like this" } as GPUError);
    await expect(stream.step(tokens(9))).rejects.toThrow("WebGPU reports: not like this");
    pop.mockRestore();
    const lost = "the stream's states were lost in an earlier step";
    await expect(stream.step(tokens(9))).rejects.toThrow(lost);
    await expect(stream.save()).rejects.toThrow(lost);
    await expect(stream.reset([0])).rejects.toThrow(lost);
    await expect(stream.generate({ steps: 1, prompt: Int32Array.of(1) })).rejects.toThrow(lost);
    await mend();
    const next = stream.past === 0 ? expected : after;
    expect(await stepped(stream, tokens, count(stream.past, stream.past + next.length))).toEqual(next);
  }
  stream.destroy();
});

test("steps take no memory: as many buffers after many as after few", async () => {
  const device = await testDevice();
  const create = vi.spyOn(device, "createBuffer");
  const during = async (action: () => Promise<unknown>) => {
    create.mockClear();
    await action();
    return create.mock.calls.reduce((bytes, [{ size }]) => bytes + size, 0);
  };
  const stream = await charLm.stream({ batch: B });
  expect(await during(() => stepped(stream, tokens, count(0, 2)))).toBeGreaterThan(0);
  expect(await during(() => stepped(stream, tokens, count(0, 60)))).toBe(0);
  const prompt = Int32Array.of(1);
  const few = await during(() => stream.generate({ steps: 40, prompt }));
  expect(few).toBeGreaterThan(0);
  expect(await during(() => stream.generate({ steps: 400, prompt }))).toBe(few);
  create.mockRestore();
  stream.destroy();
});

test("a stream that is destroyed while it generates says so, and leaves no buffer", async () => {
  const device = await testDevice();
  const before = liveObjects(device);
  const stream = await charLm.stream({ batch: B });
  await stream.step(tokens(1));
  const onTokens = () => stream.destroy();
  await expect(stream.generate({ steps: 200, prompt: Int32Array.of(1), onTokens })).rejects.toThrow(
    "the stream was destroyed",
  );
  await expect(stream.step(tokens(1))).rejects.toThrow("the stream was destroyed");
  await expect.poll(() => liveObjects(device)).toEqual(before);
});

test("a stream of a model that translates is restored with the source that it has read", async () => {
  const { models } = compile({ files: ["std/seq2seq"], host: hostOf({}), set: { V: 7, W: 5, E: 3, H: 4 } });
  const model = await Model.create(await testDevice(), models[0].manifest, { seed: 4 });
  const open = (source: Int32Array) => model.stream({ batch: 1, length: { S: 3 }, inputs: { source } });
  const [stream, other] = [await open(Int32Array.of(1, 2, 3)), await open(Int32Array.of(6, 5, 6))];
  const shifted = Int32Array.of(2);
  await other.restore(await stream.save());
  const next = await stream.step({ shifted });
  expect(await other.step({ shifted })).toEqual(next);
  // Back to its own.
  await other.reset();
  expect(await other.step({ shifted })).not.toEqual(next);
  await other.reset({ source: Int32Array.of(1, 2, 3) });
  expect(await other.step({ shifted })).toEqual(next);
  model.destroy();
});
